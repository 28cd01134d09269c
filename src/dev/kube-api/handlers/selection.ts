/** Which stored objects a list, watch or deletecollection is about. */
import { badRequest } from '../errors.ts';
import { valueAt } from '../kube-object.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import { parseFieldSelector } from '../selectors/field-selector.ts';
import type { FieldRequirement } from '../selectors/field-selector.ts';
import { parseLabelSelector } from '../selectors/label-selector.ts';
import type { Stored } from '../storage/collection.ts';
import { parseStored } from '../storage/store.ts';

export interface Selection {
  /** Keys begin with this. */
  readonly prefix: string;
  /** True when nothing but the prefix selects. */
  readonly isEverything: boolean;
  matches(stored: Stored): boolean;
}

export interface Target {
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly query: URLSearchParams;
}

/** Throws 400 on selectors that cannot be parsed or name an unknown field. */
export function selectionOf({ type, namespace, name, query }: Target): Selection {
  const labelText = query.get('labelSelector') ?? '';
  const matchesLabels = parseLabelSelector(labelText);
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  if (name !== undefined) fields.push({ field: 'metadata.name', value: name, isEqual: true });
  const checks = fields.map((requirement) => compileRequirement(requirement, type));
  const prefix = namespace === undefined ? '' : `${namespace}/`;
  return {
    prefix,
    isEverything: labelText.trim() === '' && checks.length === 0,
    matches: (stored) =>
      stored.key.startsWith(prefix) && matchesLabels(stored.labels) && checks.every((matches) => matches(stored)),
  };
}

function compileRequirement(
  { field, value, isEqual }: FieldRequirement,
  type: ResourceType,
): (stored: Stored) => boolean {
  const read = fieldReader(field, type);
  return (stored) => (read(stored) === value) === isEqual;
}

function fieldReader(field: string, type: ResourceType): (stored: Stored) => string {
  if (field === 'metadata.name') return ({ key }) => key.slice(key.indexOf('/') + 1);
  if (field === 'metadata.namespace' && (type.isNamespaced || !type.isCustom))
    return ({ key }) => key.slice(0, Math.max(key.indexOf('/'), 0));
  const path = type.selectable.get(field);
  if (path === undefined) throw badRequest(`field label not supported: ${field}`);
  return (stored) => {
    const value = valueAt(parseStored(stored), path) ?? '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
}
