/** One place where two answers differ; a side that has nothing there is left out. */
export interface Difference {
  readonly at: string;
  readonly real?: unknown;
  readonly embedded?: unknown;
}

/** Where `embedded` differs from `real`, in JSON alone; the order of fields counts for nothing, that of lists does. */
export function differences(real: unknown, embedded: unknown, at = ''): Difference[] {
  if (real === embedded) return [];
  if (!isHolder(real) || !isHolder(embedded) || Array.isArray(real) !== Array.isArray(embedded)) {
    return [{ at, ...(real === undefined ? {} : { real }), ...(embedded === undefined ? {} : { embedded }) }];
  }
  const keys = [...new Set([...Object.keys(real), ...Object.keys(embedded)])];
  return keys.flatMap((key) => differences(real[key], embedded[key], at === '' ? key : `${at}.${key}`));
}

function isHolder(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
