/** One entry of `metadata.managedFields`: which fields a manager has set. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly subresource?: string;
  /** RFC 3339: when the manager last changed something. */
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

/** True when the field at `path` is in the set, or one that it lies in and that is owned as a whole. */
export function ownsField({ fieldsV1 }: ManagedFields, path: readonly string[]): boolean {
  return owns(fieldsV1, path);
}

function owns(fields: unknown, path: readonly string[]): boolean {
  if (typeof fields !== 'object' || fields === null) return false;
  const [name, ...rest] = path;
  if (name === undefined) return true;
  const inner = (fields as Readonly<Record<string, unknown>>)[`f:${name}`];
  if (inner === undefined) return false;
  return Object.keys(inner as object).length === 0 || owns(inner, rest);
}
