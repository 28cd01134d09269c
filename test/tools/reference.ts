/** The generated parts of docs/reference/reasons.md and docs/reference/status.md. */
import { load } from 'js-yaml';
import { BAD_INPUT } from '../../src/api/bad-input.ts';
import {
  CONDITION_TYPES,
  EVENT_REASONS,
  REASONS,
  RETIRED_REASONS,
  factsOf,
  factsOfCondition,
} from '../../src/api/reasons.ts';
import type { Reason } from '../../src/api/reasons.ts';

/** What each condition means, and whether that is good. */
export function renderConditions(): string {
  const rows = CONDITION_TYPES.map((type) => {
    const { says, isProblem, ofSchema } = factsOfCondition(type);
    return [
      code(type),
      ofSchema ? 'schema' : 'device',
      sentence(says),
      isProblem ? 'a problem; absent otherwise' : 'good',
    ];
  });
  return table(['condition', 'of', 'while it is True', 'which is'], rows);
}

/** Reasons of conditions, and of what `status.sync` says of a message. */
export function renderReasons(): string {
  const rows = (Object.keys(REASONS) as Reason[]).map((reason) => {
    const { on, says, remedy = '–', stalls, event = '–' } = factsOf(reason);
    const places = on.map((place) => (place === 'sync' ? '`status.sync`' : place)).join(', ');
    return [code(reason), places, sentence(says), stalls ? `Stalled: ${remedy}` : remedy, event];
  });
  return table(['reason', 'on', 'meaning', 'what to do', 'event'], rows);
}

/** Reasons of events beside those of the conditions. */
export function renderEventReasons(): string {
  const rows = Object.entries(EVENT_REASONS).map(([reason, { type, says }]) => [code(reason), type, sentence(says)]);
  return table(['event', 'type', 'meaning'], rows);
}

/** Why something that a device sent was not taken. */
export function renderBadInput(): string {
  const rows = Object.entries(BAD_INPUT).map(([reason, { says, remedy }]) => [code(reason), sentence(says), remedy]);
  return table(['reason', 'meaning', 'what to do'], rows);
}

export function renderRetired(): string {
  return `Given by former releases, and never again: ${RETIRED_REASONS.map(code).join(', ')}.`;
}

interface SchemaNode {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
}

/** The fields of `status`, out of the CRD. */
export function renderStatus(crd: string): string {
  const status = versionOf(crd).schema.openAPIV3Schema.properties?.['status'];
  if (status === undefined) throw new Error('the CRD describes no status');
  return table(['field', 'type', 'meaning'], fields('status', status));
}

/** Every field that is not of the status. */
export function renderFields(crd: string): string {
  const { properties = {} } = versionOf(crd).schema.openAPIV3Schema;
  const rows = Object.entries(properties)
    .filter(([name]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(name))
    .flatMap(([name, node]) => [[code(name), typeOf(node), node.description ?? ''], ...fields(name, node)]);
  return table(['field', 'type', 'meaning'], rows);
}

export function renderColumns(crd: string): string {
  const rows = (versionOf(crd).additionalPrinterColumns ?? []).map(({ name, description, jsonPath, priority = 0 }) => [
    `${name.toUpperCase()}${priority > 0 ? ' (*wide*)' : ''}`,
    code(jsonPath.replace(/^\./, '')),
    description ?? '',
  ]);
  return table(['column', 'field', 'meaning'], rows);
}

export function renderSelectors(crd: string): string {
  const paths = (versionOf(crd).selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
  return [...paths, 'metadata.name', 'metadata.namespace'].map(code).join(', ');
}

interface Version {
  readonly schema: { readonly openAPIV3Schema: SchemaNode };
  readonly additionalPrinterColumns?: readonly {
    readonly name: string;
    readonly description?: string;
    readonly jsonPath: string;
    readonly priority?: number;
  }[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

function versionOf(crd: string): Version {
  const { spec } = load(crd) as { readonly spec: { readonly versions: readonly Version[] } };
  const [version] = spec.versions;
  if (version === undefined) throw new Error('the CRD has no version');
  return version;
}

function fields(path: string, { properties, additionalProperties, items }: SchemaNode): string[][] {
  const named = Object.entries(properties ?? {}).map(([name, node]) => [`${path}.${name}`, node] as const);
  const inner = additionalProperties === undefined ? [] : [[`${path}.<message>`, additionalProperties] as const];
  const listed = items?.properties === undefined ? [] : [[`${path}[]`, items] as const];
  return [...named, ...inner, ...listed].flatMap(([where, node]) => [
    [code(where), typeOf(node), node.description ?? ''],
    ...fields(where, node),
  ]);
}

function typeOf({ type = 'any', format, items }: SchemaNode): string {
  if (format === 'date-time') return 'time';
  return type === 'array' ? `list of ${items?.type ?? 'any'}` : type;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ').replaceAll('\n', ' ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** A field keeps its small letter. */
const sentence = (text: string): string =>
  /^[a-z]+\./.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
const code = (text: string): string => `\`${text}\``;
