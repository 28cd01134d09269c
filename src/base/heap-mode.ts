import { setFlagsFromString } from 'node:v8';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { loopUtilization } from './loop-utilization.ts';

/** What of the process is read and set. */
export interface HeapPorts {
  readonly clock: Clock;
  /** The share of the time since the last call in which the event loop was busy, 0 to 1. */
  readonly utilization: () => number;
  readonly heapBytes: () => number;
  readonly setFlags: (flags: string) => void;
}

const LOOK_EVERY_MS = 1000;
const BUSY = 0.6;
const CALM = 0.3;
/** So many calm looks, one after the other, are the end of a busy time. */
const CALM_LOOKS = 5;
/** Walking a smaller heap costs too little to give memory for it. */
const LARGE_HEAP_BYTES = 128 * 2 ** 20;

/**
 * Has V8 save memory, but time while the process is busy with a large heap (decisions 0011 and 0076). Lasts until `signal` aborts, and keeps no
 * process alive.
 */
export function followLoad(signal: AbortSignal, ports: HeapPorts = OWN_PROCESS): void {
  const { clock, utilization, heapBytes, setFlags } = ports;
  let calmLooks = CALM_LOOKS;
  const look = (): void => {
    const share = utilization();
    const isSaving = calmLooks >= CALM_LOOKS;
    if (share >= BUSY) {
      if (isSaving && heapBytes() < LARGE_HEAP_BYTES) return;
      calmLooks = 0;
      if (isSaving) setFlags('--no-optimize-for-size');
    } else if (!isSaving) {
      calmLooks = share <= CALM ? calmLooks + 1 : 0;
      if (calmLooks === CALM_LOOKS) setFlags('--optimize-for-size');
    }
  };
  const turn = (): void => {
    look();
    cancel = clock.after(LOOK_EVERY_MS, turn);
  };
  setFlags('--optimize-for-size');
  let cancel = clock.after(LOOK_EVERY_MS, turn);
  signal.addEventListener('abort', () => cancel(), { once: true });
}

const OWN_PROCESS: HeapPorts = {
  clock: systemClock,
  utilization: loopUtilization(),
  heapBytes: () => process.memoryUsage().heapUsed,
  setFlags: setFlagsFromString,
};
