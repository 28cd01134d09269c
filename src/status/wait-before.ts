import type { Device } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { StatusWrite } from './patch.ts';

export interface Pacing {
  readonly runtime: Pick<Runtime, 'clock'>;
  /** Milliseconds between two writes for one device's reported values. */
  readonly rules: { readonly reportedIntervalMs: number };
  /** Many documents are on their way to their devices, or not. */
  readonly publisher: { readonly isRollingOut: boolean };
}

/** A roll-out that lasts for longer does not hide what is Pending. */
const ROLL_OUT_MS = 9000;
/** Each look costs some of what it is to save. */
const ROLL_OUT_LOOK_MS = 3000;

/** Milliseconds for which a write is better left undone, because it is soon outdated or too frequent. */
export function waitBefore(
  { writeClass, patch }: StatusWrite,
  memory: DeviceMemory,
  { status, metadata }: Device,
  pacing: Pacing,
): number {
  const now = pacing.runtime.clock.monotonic();
  // A person changed something: that is never paced, and the device's answer to it is usually back before the write would be.
  const isAsked = status?.observedGeneration !== metadata.generation;
  if (writeClass === 'pending' && isAsked) return settlingMs(memory, pacing, now);
  if (isAsked) return 0;
  const isOfPresence = writeClass === 'online' || writeClass === 'heartbeat';
  const flappingMs = isOfPresence ? (memory.presenceSlot.flapping?.waitMs(now) ?? 0) : 0;
  // What a device that flaps reports goes its own way, and takes along whether it is there.
  const pacedAs = flappingMs > 0 && 'reported' in patch ? 'reported' : writeClass;
  const pacedMs = memory.writePace.waitMs(pacedAs, now, pacing.rules.reportedIntervalMs);
  if (writeClass === 'pending') return Math.max(pacedMs, settlingMs(memory, pacing, now));
  return pacedAs === writeClass ? Math.max(pacedMs, flappingMs) : pacedMs;
}

/** How long Pending waits for the device's answer; while a roll-out goes on some more, for the API server is busy with the changes. */
function settlingMs({ status }: DeviceMemory, { publisher }: Pacing, now: number): number {
  const leftMs = status.answerAwaitedUntil - now;
  const isExcused = leftMs <= 0 && leftMs > -ROLL_OUT_MS && publisher.isRollingOut;
  return isExcused ? ROLL_OUT_LOOK_MS : leftMs;
}
