import type { DeviceStatus } from '../api/device.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import { planStatusWrite } from './patch.ts';

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

/**
 * A write of ours was answered: `stands` is what the object has under `version`, `meant` what it should have. True when the two differ, or
 * when somebody wrote beside it: then the next look mends it. Mended once, and no more until the next write: what the API server itself
 * makes of a status (an admission webhook, an older CRD) stays so.
 */
export function noteAnswer(memory: DeviceMemory, version: string, stands: DeviceStatus, meant: DeviceStatus): boolean {
  const isBeside = memory.strangeVersion !== undefined && memory.strangeVersion !== version;
  const isOther = planStatusWrite(stands, meant) !== undefined;
  const isStrange = isBeside || (isOther && !memory.isMending);
  memory.strangeVersion = undefined;
  memory.isMending = isOther && !memory.isMending;
  memory.trueStatus = isStrange ? meant : undefined;
  return isStrange;
}

/** What stands is what should. */
export function forgetStrange(memory: DeviceMemory): void {
  memory.trueStatus = undefined;
  memory.isMending = false;
}
