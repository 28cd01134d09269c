/** What becomes of managedFields when an object is written (apimachinery, pkg/util/managedfields). */
import { difference, isEmpty, union } from '../../structured-merge/fields.ts';
import type { Fields } from '../../structured-merge/fields.ts';
import { afterApply, afterUpdate, UnservedVersionError } from '../../structured-merge/owners.ts';
import type { Owned, Owners, Rules } from '../../structured-merge/owners.ts';
import type { Json } from '../crd/index.ts';
import { InvalidEntryError, keyOfManager, NOBODY, readSent, readStored, writeEntries } from './entries.ts';
import type { Identity, Managed, ManagedFieldsEntry } from './entries.ts';

/** One write. */
export interface Write {
  readonly manager: string;
  readonly subresource: string | undefined;
  readonly rules: Rules;
  /** RFC 3339. */
  readonly time: string;
}

/** An object before and after, without managedFields. */
export interface Update {
  readonly live: Json;
  readonly next: Json;
  /** What is stored; undefined on a create. */
  readonly stored: readonly ManagedFieldsEntry[] | undefined;
  readonly sent: readonly ManagedFieldsEntry[] | undefined;
  readonly isCreate: boolean;
}

/** More managers than this that update are one, `ancient-changes`. */
const MAX_UPDATERS = 10;
const ANCIENT = 'ancient-changes';
const BEFORE_APPLY = 'before-first-apply';
/** The fields of an update until they are laid to those that its manager has already. */
const CURRENT = 'current-operation';

/** Never owned: they are the object's name, or the system's. */
const NEVER_OWNED: Fields = {
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': {
    '.': {},
    'f:creationTimestamp': {},
    'f:generation': {},
    'f:managedFields': {},
    'f:name': {},
    'f:namespace': {},
    'f:resourceVersion': {},
    'f:selfLink': {},
    'f:uid': {},
  },
};

/** After a create, a replace or a patch; undefined when nobody is known to own anything. What cannot be told leaves it as it was. */
export function trackUpdate(write: Write, update: Update): ManagedFieldsEntry[] | undefined {
  const managed = startingFrom(write, update);
  // Who once gave up the record does not get it back by writing.
  if (managed.owners.size === 0 && !update.isCreate) return undefined;
  try {
    return writeEntries(updated(write, update.live, update.next, managed));
  } catch (error) {
    if (error instanceof UnservedVersionError) return update.stored === undefined ? undefined : [...update.stored];
    throw error;
  }
}

function startingFrom({ subresource }: Write, { stored = [], sent }: Update): Managed {
  if (subresource !== undefined || sent === undefined) return readStored(stored);
  if (isReset(sent)) return NOBODY;
  try {
    const managed = readSent(sent);
    return managed.owners.size === 0 ? readStored(stored) : managed;
  } catch (error) {
    if (error instanceof InvalidEntryError) return readStored(stored);
    throw error;
  }
}

/** `[]` and `[{}]` clear the record. */
function isReset(sent: readonly ManagedFieldsEntry[]): boolean {
  return sent.length === 0 || (sent.length === 1 && Object.keys(sent[0] ?? {}).length === 0);
}

function updated(write: Write, live: Json, next: Json, managed: Managed): Managed {
  const { owners, times } = managed;
  const key = keyOfManager(identityOf(write, 'Update'));
  const after = new Map(afterUpdate(live, next, owners, CURRENT, write.rules));
  const current = after.get(CURRENT);
  after.delete(CURRENT);
  const fields = current === undefined ? {} : difference(current.fields, NEVER_OWNED);
  if (current === undefined || isEmpty(fields)) return capped({ ...managed, owners: after });
  after.set(key, { ...current, fields: union(fields, after.get(key)?.fields ?? {}) });
  return capped({ ...managed, owners: after, times: new Map(times).set(key, write.time) });
}

const identityOf = ({ manager, subresource, rules }: Write, operation: Identity['operation']): Identity => ({
  manager: manager === '' ? 'unknown' : manager,
  operation,
  apiVersion: rules.apiVersion,
  subresource,
});

/** The oldest updates of each version become one, until there are few enough. */
function capped(managed: Managed): Managed {
  const { owners, times } = managed;
  const updaters = [...owners].filter(([, { isApplied }]) => !isApplied);
  let surplus = updaters.length - MAX_UPDATERS;
  if (surplus <= 0) return managed;
  const left = new Map(owners);
  const leftTimes = new Map(times);
  const firstOf = new Map<string, string>();
  for (const [key, owned] of updaters.sort(byAge(times))) {
    if (surplus === 0) break;
    const first = firstOf.get(owned.apiVersion);
    if (first === undefined) {
      firstOf.set(owned.apiVersion, key);
      continue;
    }
    fold(left, leftTimes, { first, key, owned });
    surplus -= 1;
  }
  return { ...managed, owners: left, times: leftTimes };
}

function byAge(times: ReadonlyMap<string, string>) {
  const ageOf = (key: string): number => Date.parse(times.get(key) ?? '1970-01-01T00:00:00Z');
  return ([left]: [string, Owned], [right]: [string, Owned]): number =>
    ageOf(left) - ageOf(right) || (left < right ? -1 : 1);
}

interface Folding {
  readonly first: string;
  readonly key: string;
  readonly owned: Owned;
}

function fold(owners: Map<string, Owned>, times: Map<string, string>, { first, key, owned }: Folding): void {
  const { apiVersion } = owned;
  const bucket = keyOfManager({ manager: ANCIENT, operation: 'Update', apiVersion, subresource: undefined });
  const held = owners.get(bucket) ?? owners.get(first);
  if (!owners.has(bucket)) owners.delete(first);
  owners.delete(key);
  owners.set(bucket, { ...owned, fields: union(owned.fields, held?.fields ?? {}) });
  const time = times.get(key);
  if (time !== undefined) times.set(bucket, time);
}

/** A configuration to apply to what is there. */
export interface Application {
  /** Without managedFields. */
  readonly live: Json;
  /** What a new object begins as: its type alone. */
  readonly empty: Json;
  readonly stored: readonly ManagedFieldsEntry[] | undefined;
  readonly config: Json;
  readonly force: boolean;
}

export interface Outcome {
  readonly object: Json;
  readonly managedFields: ManagedFieldsEntry[] | undefined;
}

/** Throws an ApplyConflictError. */
export function trackApply(write: Write, { live, empty, stored = [], config, force }: Application): Outcome {
  const known = readStored(stored);
  const managed = known.owners.size > 0 ? known : updated({ ...write, manager: BEFORE_APPLY }, empty, live, NOBODY);
  const key = keyOfManager(identityOf(write, 'Apply'));
  const applied = afterApply(live, config, managed.owners, key, write.rules, force);
  const times = applied.hasChanged ? new Map(managed.times).set(key, write.time) : managed.times;
  const owners = withoutNeverOwned(applied.owners, key);
  return {
    object: applied.hasChanged ? applied.object : live,
    managedFields: writeEntries({ ...managed, owners, times }),
  };
}

function withoutNeverOwned(owners: Owners, key: string): Owners {
  const owned = owners.get(key);
  if (owned === undefined) return owners;
  const result = new Map(owners);
  const fields = difference(owned.fields, NEVER_OWNED);
  if (isEmpty(fields)) result.delete(key);
  else result.set(key, { ...owned, fields });
  return result;
}
