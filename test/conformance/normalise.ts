/** What differs from run to run and from server to server is replaced by its name; the rest is compared to the letter. */

const DIFFERENT_EACH_TIME = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'continue']);

/** An API server names the faults of an object and the resources of a group as Go's maps give them. */
const BY_CHANCE = new Set(['causes', 'resources']);

/** What is a case's own. */
export interface Own {
  readonly namespace: string;
  readonly hash: string;
}

export function normalise(value: unknown, own: Own): unknown {
  if (typeof value === 'string') return normaliseText(value, own);
  if (Array.isArray(value)) return value.map((each) => normalise(each, own));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(withoutCauses(value)).map(([key, each]) => [key, normaliseField(key, each, own)]),
  );
}

function normaliseField(key: string, value: unknown, own: Own): unknown {
  if (DIFFERENT_EACH_TIME.has(key) && typeof value === 'string' && value !== '') return `{${key}}`;
  if (key === 'managedFields' && Array.isArray(value)) return sorted(value.map((entry) => normaliseEntry(entry, own)));
  if (key === 'cells' && Array.isArray(value)) return value.map((cell) => normalise(withoutAge(cell), own));
  if (BY_CHANCE.has(key) && Array.isArray(value)) return sorted(value.map((each) => normalise(each, own)));
  return normalise(value, own);
}

/** Entries are sorted by their time, of which two that follow each other may be of one second or of two. */
function normaliseEntry(entry: unknown, own: Own): unknown {
  if (typeof entry !== 'object' || entry === null || !('time' in entry)) return normalise(entry, own);
  return normalise({ ...entry, time: entry.time === '2020-01-01T00:00:00Z' ? entry.time : '{time}' }, own);
}

interface Cause {
  readonly field?: string;
  readonly message?: string;
}

/** A message that lists what the causes say keeps only what surrounds them. */
function withoutCauses(value: object): object {
  if (!('message' in value) || !('details' in value)) return value;
  const causes = (value.details as { readonly causes?: readonly Cause[] }).causes ?? [];
  if (causes.length < 2) return value;
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  return { ...value, message: texts.reduce((rest, text) => rest.replace(text, '{cause}'), String(value.message)) };
}

function sorted(list: readonly unknown[]): unknown[] {
  return list.toSorted((a, b) => (spelled(a) < spelled(b) ? -1 : 1));
}

/** JSON in which the order of fields counts for nothing. */
function spelled(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** Ages in tables are of the moment; nothing made by a case is older than a minute or two. */
function withoutAge(cell: unknown): unknown {
  return typeof cell === 'string' && /^(\d+m)?\d+s$/.test(cell) ? '{age}' : cell;
}

/** What kubectl prints, and messages that speak of versions. */
export function normaliseText(text: string, { namespace, hash }: Own): string {
  return (
    text
      .replaceAll(namespace, '{ns}')
      .replaceAll(hash, '{hash}')
      // The object that a patch comes to, of which the real one shows managedFields too.
      .replaceAll(/Invalid value: "\{\\"apiVersion.*\}": /g, 'Invalid value: {object}: ')
      .replaceAll(/(made-)[b-z2-9]{5}\b/gi, '$1{random}')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '{uid}')
      .replaceAll(/resource version: \d+( \(\d+\))?/g, 'resource version: {rv}')
      .replaceAll(/({rv}, current:) \d+/g, '$1 {rv}')
      .replaceAll(/ResourceVersion in (the precondition|record) \(\d+\)/g, 'ResourceVersion in $1 ({rv})')
  );
}
