import { notAcceptable } from '../../api/status-error.ts';

const SUPPORTED = ['application/json', 'application/yaml'];

export interface Wanted {
  /** What the CRD's API is asked for: always JSON. */
  readonly accept: string;
  readonly format: 'json' | 'yaml';
}

/**
 * The first form that the client wants and the view can give; the view reads JSON only, so that is what it asks for, as a table or as
 * metadata where the client wants that. Throws 406.
 */
export function negotiate(header: string | undefined): Wanted {
  const wanted = mediaTypes(header);
  if (wanted.length === 0) return { accept: 'application/json', format: 'json' };
  const known = wanted.filter(({ type }) => isJson(type) || type === 'application/yaml');
  const [first] = known;
  if (first === undefined) throw notAcceptable(SUPPORTED);
  return {
    accept: known.map(({ parameters }) => ['application/json', ...parameters].join(';')).join(','),
    format: first.type === 'application/yaml' ? 'yaml' : 'json',
  };
}

interface MediaType {
  readonly type: string;
  /** As they came, but for the weight. */
  readonly parameters: readonly string[];
  readonly weight: number;
}

/** Most wanted first. */
export function mediaTypes(header: string | undefined): MediaType[] {
  const parts = (header ?? '').split(',').map((part) => part.split(';').map((piece) => piece.trim()));
  return parts
    .filter(([type]) => type !== undefined && type !== '')
    .map(([type = '', ...parameters]) => ({
      type: type.toLowerCase(),
      parameters: parameters.filter((parameter) => !/^q\s*=/i.test(parameter)),
      weight: Number(/^q\s*=\s*([\d.]+)/i.exec(parameters.find((one) => /^q\s*=/i.test(one)) ?? '')?.[1] ?? 1),
    }))
    .sort((a, b) => b.weight - a.weight);
}

function isJson(type: string): boolean {
  return type === 'application/json' || type === 'application/*' || type === '*/*';
}

/** Media type of a body, without parameters; `''`: none was given. */
export function bodyType(header: string | undefined): string {
  return (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
