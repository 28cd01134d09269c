/** kubectl's move from client-side to server-side apply: the annotation says what it owns already. */
import { goJson } from '../../../api/go-json.ts';
import { LAST_APPLIED } from '../../../api/last-applied.ts';
import { compare } from '../../structured-merge/compare.ts';
import { fieldSetOf } from '../../structured-merge/field-set.ts';
import { difference } from '../../structured-merge/fields.ts';
import type { Fields } from '../../structured-merge/fields.ts';
import type { MergeType } from '../../structured-merge/merge-type.ts';
import type { Conflict } from '../../structured-merge/owners.ts';
import type { Json } from '../crd/index.ts';
import { isObject, textAt } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';

/** The conflicts over fields that kubectl did not apply before, or that have another value since. */
export function foreignConflicts(
  conflicts: readonly Conflict[],
  live: KubeObject,
  type: MergeType,
): readonly Conflict[] {
  const config = lastAppliedOf(live);
  if (config === undefined) return conflicts;
  const { added, modified, removed } = compare(config, live, type);
  const owned = [added, modified, removed].reduce(difference, fieldSetOf(config, type));
  return conflicts.filter(({ path }) => !holds(owned, path));
}

function lastAppliedOf(live: KubeObject): Json | undefined {
  const text = live.metadata.annotations?.[LAST_APPLIED] ?? '';
  if (text === '') return undefined;
  try {
    const config = JSON.parse(text) as Json;
    return isObject(config) && textAt(config, 'apiVersion') === live.apiVersion ? config : undefined;
  } catch {
    // Not kubectl's own: it says nothing.
    return undefined;
  }
}

function holds(fields: Fields, path: readonly string[]): boolean {
  let node: Fields | undefined = fields;
  for (const element of path) node = node?.[element];
  return node !== undefined && ('.' in node || Object.keys(node).length === 0);
}

/** The object with the annotation brought up to date, where it has one. */
export function withLastApplied(object: KubeObject, config: KubeObject): KubeObject {
  if ((object.metadata.annotations?.[LAST_APPLIED] ?? '') === '') return object;
  const { [LAST_APPLIED]: _, ...rest } = config.metadata.annotations ?? {};
  const { annotations: __, ...metadata } = config.metadata;
  const applied = {
    ...config,
    metadata: Object.keys(rest).length === 0 ? metadata : { ...metadata, annotations: rest },
  };
  const annotations = { ...object.metadata.annotations, [LAST_APPLIED]: `${goJson(applied)}\n` };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
