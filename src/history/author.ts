/** Who made a change, as far as the object itself tells. */
import type { AuthorKind } from '../api/history.ts';
import { ownsField } from '../api/managed-fields.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';

export interface FieldManager {
  readonly name: string;
  /** RFC 3339, by the API server's clock, to the second. */
  readonly time: string | undefined;
}

export interface Author {
  readonly author: string;
  readonly authorKind: AuthorKind;
  readonly manager?: string;
}

/** The user where it is known, else the field manager. */
export function authorOf(user: string | undefined, manager: string | undefined): Author {
  if (user !== undefined) return { author: user, authorKind: 'User', ...(manager !== undefined && { manager }) };
  if (manager !== undefined) return { author: manager, authorKind: 'FieldManager' };
  return { author: 'unknown', authorKind: 'Unknown' };
}

/**
 * Who wrote an object last, but for its status, and but for the operator, which stamps authors for the view. Times have seconds: of
 * several in the newest one, the one who owns a field of `paths` did; undefined where that does not tell either.
 */
export function lastManager(
  managedFields: readonly ManagedFields[] | undefined,
  paths: readonly (readonly string[])[] = [],
): FieldManager | undefined {
  const writers = (managedFields ?? []).filter(
    ({ subresource, manager }) => subresource === undefined && manager !== OPERATOR_NAME,
  );
  const owners = writers.filter((entry) => paths.some((path) => ownsField(entry, path)));
  // A field that was taken away has no owner.
  const candidates = owners.length > 0 ? owners : writers;
  const newest = candidates.reduce((time, entry) => ((entry.time ?? '') > time ? (entry.time ?? '') : time), '');
  const [last, other] = candidates.filter(({ time }) => (time ?? '') === newest);
  if (last?.manager === undefined || (other !== undefined && paths.length === 0)) return undefined;
  return { name: last.manager, time: last.time };
}
