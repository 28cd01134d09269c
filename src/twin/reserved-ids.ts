/** What the operator calls itself at the broker begins so; the CRD keeps device ids from it. */
const RESERVED_PREFIX = 'mir-operator';

/**
 * Whether a device id is a name that has the operator's rights at the broker: its own user name and client id, and all that begin so
 * (decision 0053).
 */
export type IsReservedId = (deviceId: string) => boolean;

export function reservedIds(names: readonly (string | undefined)[]): IsReservedId {
  const own = new Set(names);
  return (deviceId) => deviceId.startsWith(RESERVED_PREFIX) || own.has(deviceId);
}

/** Names of the operator that only the operator itself keeps devices from having: the CRD does not know them. */
export function unguardedNames(names: readonly (string | undefined)[]): string[] {
  return names.filter((name) => name !== undefined).filter((name) => !name.startsWith(RESERVED_PREFIX));
}
