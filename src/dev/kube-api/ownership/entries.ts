/** `metadata.managedFields`, read and written. */
import { compareElements, canonicalElement } from '../../structured-merge/path-element.ts';
import { insert, isEmpty } from '../../structured-merge/fields.ts';
import type { Fields } from '../../structured-merge/fields.ts';
import type { Owned } from '../../structured-merge/owners.ts';
import type { JsonObject } from '../crd/index.ts';
import { isObject } from '../crd/schema-lookup.ts';

// A type alias: only aliases are assignable to Json.
export type ManagedFieldsEntry = {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: JsonObject;
  subresource?: string;
};

/** What tells managers apart: who applies is one, in whatever version of the API. */
export interface Identity {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string | undefined;
}

/** Who owns what, by `keyOfManager`, and since when. */
export interface Managed {
  readonly owners: ReadonlyMap<string, Owned>;
  readonly times: ReadonlyMap<string, string>;
  /** As they were read: what is not changed is written as it was. */
  readonly known: ReadonlyMap<string, Known>;
}

interface Known {
  readonly owned: Owned;
  readonly entry: ManagedFieldsEntry;
}

export const NOBODY: Managed = { owners: new Map(), times: new Map(), known: new Map() };

/** Also how managers are sorted in messages. */
export function keyOfManager({ manager, operation, apiVersion, subresource }: Identity): string {
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }),
    operation,
    ...(operation === 'Apply' ? {} : { apiVersion }),
    ...(subresource === undefined || subresource === '' ? {} : { subresource }),
  });
}

export function managerOfKey(key: string): Partial<Identity> {
  return JSON.parse(key) as Partial<Identity>;
}

/** Reads what is stored. */
export function readStored(entries: readonly ManagedFieldsEntry[]): Managed {
  return read(entries, (fields) => fields as unknown as Fields);
}

/** Reads what a client sent; throws an InvalidEntryError. */
export function readSent(entries: readonly ManagedFieldsEntry[]): Managed {
  return read(entries, canonical);
}

export class InvalidEntryError extends Error {}

function read(entries: readonly ManagedFieldsEntry[], fieldsOf: (fields: JsonObject) => Fields): Managed {
  const owners = new Map<string, Owned>();
  const times = new Map<string, string>();
  const known = new Map<string, Known>();
  for (const [index, entry] of entries.entries()) {
    const { manager = '', operation, apiVersion = '', subresource, time, fieldsV1 = {} } = checked(entry, index);
    const key = keyOfManager({ manager, operation, apiVersion, subresource });
    const fields = fieldsOf(fieldsV1);
    const owned: Owned = { fields, apiVersion, isApplied: operation === 'Apply' };
    owners.set(key, owned);
    if (typeof time === 'string') times.set(key, time);
    // What a client spelled in its own way is spelled anew.
    if ((fields as unknown) === fieldsV1) known.set(key, { owned, entry });
  }
  return { owners, times, known };
}

function checked(entry: ManagedFieldsEntry, index: number): ManagedFieldsEntry & Pick<Identity, 'operation'> {
  const { operation, apiVersion = '', fieldsType = '' } = entry;
  if (operation !== 'Apply' && operation !== 'Update') {
    throw new InvalidEntryError('operation must be `Apply` or `Update`');
  }
  if (apiVersion === '') throw new InvalidEntryError('apiVersion must not be empty');
  if (fieldsType === '') throw new InvalidEntryError(`missing fieldsType in managed fields entry ${index}`);
  if (fieldsType !== 'FieldsV1') {
    throw new InvalidEntryError(`invalid fieldsType "${fieldsType}" in managed fields entry ${index}`);
  }
  return { ...entry, operation };
}

/** Path elements in their one spelling, those of unknown kinds left out. */
function canonical(json: JsonObject): Fields {
  const fields: Fields = {};
  const visit = (node: JsonObject, path: readonly string[]): void => {
    for (const [written, inner] of Object.entries(node)) {
      if (!isObject(inner)) throw new InvalidEntryError('a field set consists of objects');
      if (written === '.') {
        insert(fields, path);
        continue;
      }
      const element = read(written);
      if (element === undefined) continue;
      if (isEmpty(inner as unknown as Fields)) insert(fields, [...path, element]);
      else visit(inner, [...path, element]);
    }
  };
  const read = (element: string): string | undefined => {
    try {
      return canonicalElement(element);
    } catch (cause) {
      throw new InvalidEntryError('a path element cannot be read', { cause });
    }
  };
  visit(json, []);
  return fields;
}

/** As it is stored: who applies first, then by time and name. Undefined when nobody owns anything. */
export function writeEntries({ owners, times, known }: Managed): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const entries = [...owners].map(([key, owned]) => {
    const time = times.get(key);
    const before = known.get(key);
    return before?.owned === owned && before.entry.time === time ? before.entry : entryOf(key, owned, time);
  });
  return entries.sort(compareEntries);
}

function entryOf(key: string, { fields, apiVersion, isApplied }: Owned, time: string | undefined): ManagedFieldsEntry {
  const { manager, subresource } = managerOfKey(key);
  return {
    ...(manager === undefined ? {} : { manager }),
    operation: isApplied ? 'Apply' : 'Update',
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: sorted(fields),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function sorted(fields: Fields): JsonObject {
  const elements = Object.keys(fields);
  if (elements.length > 1) elements.sort(compareElements);
  return Object.fromEntries(elements.map((element) => [element, sorted(fields[element] ?? {})]));
}

function compareEntries(left: ManagedFieldsEntry, right: ManagedFieldsEntry): number {
  return (
    compareText(left.operation, right.operation) ||
    secondsOf(left.time) - secondsOf(right.time) ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

const secondsOf = (time: string | undefined): number => (time === undefined ? 0 : Math.floor(Date.parse(time) / 1000));

const compareText = (left = '', right = ''): number => (left < right ? -1 : left > right ? 1 : 0);
