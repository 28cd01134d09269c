/** One step of a path, as FieldsV1 writes it: `f:name` of a field, `k:{…}` of a list's item by its keys, `v:…` by its value. */
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject } from '../kube-api/crd/types.ts';

export const fieldElement = (name: string): string => `f:${name}`;

/** Undefined when the element is not a field's. */
export const fieldNameOf = (element: string): string | undefined =>
  element.startsWith('f:') ? element.slice(2) : undefined;

/** `keys` in any order. */
export function keyElement(keys: JsonObject): string {
  const sorted = Object.entries(keys).sort(([a], [b]) => compareText(a, b));
  return `k:${JSON.stringify(Object.fromEntries(sorted))}`;
}

export const valueElement = (value: Json): string => `v:${JSON.stringify(value)}`;

/** As an API server sends it back; undefined for a kind that is none. Throws a SyntaxError for one that cannot be read. */
export function canonicalElement(element: string): string | undefined {
  if (element.startsWith('f:') || /^i:-?\d+$/.test(element)) return element;
  if (element.startsWith('v:')) return valueElement(JSON.parse(element.slice(2)) as Json);
  if (element.startsWith('k:')) return keyElement(JSON.parse(element.slice(2)) as JsonObject);
  if (element.length < 2 || element[1] !== ':') throw new SyntaxError(`missing colon: ${element}`);
  return undefined;
}

/** `.spec.tags[="a"].parts[name="x"].size` */
export const printPath = (path: readonly string[]): string => path.map(printElement).join('');

export function printElement(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('v:')) return `[=${content}]`;
  if (element.startsWith('i:')) return `[${content}]`;
  const keys = Object.entries(JSON.parse(content) as JsonObject);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

/** Fields before keys before values; each kind by what it says, numbers by their size. */
export function compareElements(left: string, right: string): number {
  const kinds = KINDS.indexOf(left[0] ?? '') - KINDS.indexOf(right[0] ?? '');
  if (kinds !== 0) return kinds;
  if (left.startsWith('k:')) return compareKeys(parse(left), parse(right));
  if (left.startsWith('v:')) return compareScalars(parse(left), parse(right));
  return compareText(left, right);
}

const KINDS = 'fkvi';

const parse = (element: string): Json => JSON.parse(element.slice(2)) as Json;

function compareKeys(left: Json, right: Json): number {
  const [mine, theirs] = [entriesOf(left), entriesOf(right)];
  for (const [index, [name, value]] of mine.entries()) {
    const other = theirs[index];
    if (other === undefined) return 1;
    const order = compareText(name, other[0]) || compareScalars(value, other[1]);
    if (order !== 0) return order;
  }
  return mine.length - theirs.length;
}

const entriesOf = (value: Json): [string, Json][] => (isObject(value) ? Object.entries(value) : []);

/** Numbers before texts before booleans. */
function compareScalars(left: Json, right: Json): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const ranks = rankOf(left) - rankOf(right);
  return ranks === 0 ? compareText(JSON.stringify(left), JSON.stringify(right)) : ranks;
}

function rankOf(value: Json): number {
  if (typeof value === 'number') return 0;
  return typeof value === 'string' ? 1 : 2;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
