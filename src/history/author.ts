/** Who made a change, as far as the object itself tells. */
import type { AuthorKind } from '../api/history.ts';
import { ownsField } from '../api/managed-fields.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';

/** Who has written last, as far as `managedFields` tells. */
export interface LastWrite {
  /** Undefined: it does not tell which of several. */
  readonly manager: string | undefined;
  /** RFC 3339, by the API server's clock, to the second. */
  readonly time: string | undefined;
}

export interface Author {
  readonly author: string;
  readonly authorKind: AuthorKind;
  readonly manager?: string;
}

/**
 * True when nobody has written since `known`, as far as that tells. Whoever only takes fields away owns nothing new, and an API server
 * moves no time for that: then the newest one is of somebody else, who wrote before.
 */
export function isNoneSince(write: LastWrite, known: string | undefined): boolean {
  const [time, manager] = known?.split(' ') ?? [];
  if (time === undefined || write.time === undefined || write.time > time) return false;
  return write.time < time || manager === MANY || manager === (write.manager ?? MANY);
}

/** Several in one second. */
const MANY = '*';

/** Tells writes apart; undefined: there is none. */
export function textOf({ manager, time }: LastWrite): string | undefined {
  return time === undefined ? undefined : `${time} ${manager ?? MANY}`;
}

/** The user where it is known, else the field manager. */
export function authorOf(user: string | undefined, manager: string | undefined): Author {
  if (user !== undefined) return { author: user, authorKind: 'User', ...(manager !== undefined && { manager }) };
  if (manager !== undefined) return { author: manager, authorKind: 'FieldManager' };
  return NOBODY;
}

const NOBODY: Author = { author: 'unknown', authorKind: 'Unknown' };

/** False where at least one of several is known. */
export function isNobody({ author, authorKind }: Author): boolean {
  return authorKind === 'Unknown' && author === NOBODY.author;
}

/** Who made what is recorded as one change, though more than one may have made it. */
export function together(authors: readonly Author[]): Author {
  const kinds = new Set(authors.map(({ authorKind }) => authorKind));
  const [authorKind = 'Unknown'] = kinds;
  if (kinds.size > 1) return { author: unique(authors.map(inBrackets)).join(', '), authorKind: 'Unknown' };
  const managers = unique(authors.map(({ manager }) => manager));
  const manager = managers.length === 1 ? managers[0] : undefined;
  const names = unique(authors.map(({ author }) => author));
  return { author: names.join(', ') || NOBODY.author, authorKind, ...(manager !== undefined && { manager }) };
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** As `kubectl mir history` tells a field manager from a user. */
function inBrackets({ author, authorKind }: Author): string {
  return authorKind === 'FieldManager' ? `(${author})` : author;
}

/**
 * Who wrote an object last, but for its status, and but for the stamps that the operator writes for the view. Times have seconds: of
 * several in the newest one, the one who owns a field of `paths` did.
 */
export function lastManager(
  managedFields: readonly ManagedFields[] | undefined,
  paths: readonly (readonly string[])[] = [],
): LastWrite {
  const writers = (managedFields ?? []).filter(
    (entry) => entry.subresource === undefined && (entry.manager !== OPERATOR_NAME || ownsWanted(entry)),
  );
  const owners = writers.filter((entry) => paths.some((path) => ownsField(entry, path)));
  // A field that was taken away has no owner.
  const candidates = owners.length > 0 ? owners : writers;
  const newest = candidates.reduce((time, entry) => ((entry.time ?? '') > time ? (entry.time ?? '') : time), '');
  const [last, other] = candidates.filter(({ time }) => (time ?? '') === newest);
  const isTold = other === undefined || paths.length > 0;
  return { manager: isTold ? last?.manager : undefined, time: newest === '' ? undefined : newest };
}

/** Any program may call itself as the operator does, which writes nothing of this but a device that it provisions. */
function ownsWanted(entry: ManagedFields): boolean {
  return ownsField(entry, ['spec']) || ownsField(entry, ['properties']);
}
