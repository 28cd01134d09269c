/** Which form of an answer the client asked for (apiserver, pkg/endpoints/handlers/negotiation). */
import { notAcceptable } from '../errors.ts';

export interface MediaType {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** How objects are shown: as they are, as rows for people, or their metadata alone. */
export interface Form {
  readonly shape: 'whole' | 'table' | 'partial';
  readonly format: 'json' | 'yaml';
}

const SUPPORTED = ['application/json', 'application/yaml'];

/** Media types of an Accept header, most wanted first. */
export function parseAccept(header: string | undefined): MediaType[] {
  const parts = (header ?? '').split(',').map((part) => part.trim());
  const types = parts.filter((part) => part !== '').map(parseMediaType);
  const quality = ({ parameters }: MediaType): number => Number(parameters['q'] ?? 1);
  return types.length === 0 ? [{ type: '*/*', parameters: {} }] : types.sort((a, b) => quality(b) - quality(a));
}

export function parseMediaType(text: string): MediaType {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const pairs = rest.map((part): [string, string] => {
    const [name = '', value = ''] = part.split('=');
    return [name.trim().toLowerCase(), value.trim()];
  });
  return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
}

/** The first form asked for that can be given; throws 406. */
export function negotiate(header: string | undefined): Form {
  for (const mediaType of parseAccept(header)) {
    const format = formatOf(mediaType);
    const shape = shapeOf(mediaType);
    if (format !== undefined && shape !== undefined) return { shape, format };
  }
  throw notAcceptable(SUPPORTED);
}

function formatOf({ type }: MediaType): Form['format'] | undefined {
  if (type === 'application/yaml') return 'yaml';
  return ['application/json', 'application/*', '*/*'].includes(type) ? 'json' : undefined;
}

function shapeOf({ parameters }: MediaType): Form['shape'] | undefined {
  const { as } = parameters;
  if (as === undefined) return 'whole';
  if (parameters['g'] !== 'meta.k8s.io' || parameters['v'] !== 'v1') return undefined;
  if (as === 'Table') return 'table';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'partial' : undefined;
}
