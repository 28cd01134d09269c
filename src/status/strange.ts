import type { DeviceStatus } from '../api/device.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';

/** A status that somebody wrote, and what stood there before. */
export interface StrangeStatus {
  readonly formerStatus: DeviceStatus | undefined;
  /** Resource version of the object with the strange status. */
  readonly version: string;
}

/**
 * Somebody else wrote a status, which only the operator may: the one before is true, and the next look begins with it. While a write of
 * ours is under way it may be its echo, which came before its answer; the answer tells.
 */
export function noteStrange(memory: DeviceMemory, { formerStatus, version }: StrangeStatus): void {
  if (memory.isWriting) memory.strangeVersion = version;
  else memory.trueStatus ??= formerStatus ?? {};
}

/** A write of ours was answered: `status` stands under `version`, and what was strange is mended, or was written beside it. */
export function noteAnswer(memory: DeviceMemory, version: string, status: DeviceStatus): boolean {
  const isStrange = memory.strangeVersion !== undefined && memory.strangeVersion !== version;
  memory.strangeVersion = undefined;
  memory.trueStatus = isStrange ? status : undefined;
  return isStrange;
}
