/**
 * Operating modes with a duration, as a part for any device. A mode is in sync as soon as it is on; when its seconds are over the device
 * goes back to the mode before it. Seconds are counted, because the device's clock may stand in 1970: a restart goes on with what is left.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Rejected } from 'mir-device';
import type { Device, MessageValue } from 'mir-device';

const MODE = 'device.v1.Mode';
/** Reported, and read again after a restart: the mode, the one before it, and what is left. */
const STATUS = 'device.v1.ModeStatus';
/** What is left is stored this often: a power cut makes a mode longer by this much at most. */
const STEP_SECONDS = 10;
const WEEK_SECONDS = 604_800;

export interface ModeOptions {
  /** Those that the device knows, the one that it begins with first. */
  readonly modes: readonly string[];
  /** Puts the device into a mode; may be called with the one that it is in. */
  readonly onMode: (mode: string) => void;
  /** For tests. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Call it before `connect`. The function that it returns says, after `connect`, which mode the device is in. */
export function keepModes(device: Device, { modes, onMode, sleep = unreferenced }: ModeOptions): () => string {
  const [first = ''] = modes;
  let current = {};

  const enter = async (request: ModeRequest): Promise<void> => {
    const mine = (current = {});
    const { mode, duration } = request;
    const before = device.reported(STATUS);
    if (duration === 0) {
      onMode(mode);
      device.report(STATUS, { mode, formerMode: mode, request });
      return;
    }
    const formerMode = textOr(first, before?.['formerMode']);
    let secondsLeft = isSame(before?.['request'], request) ? Number(before?.['secondsLeft'] ?? 0) : duration;
    if (secondsLeft > 0) onMode(mode);
    while (secondsLeft > 0) {
      device.report(STATUS, { mode, formerMode, secondsLeft, request });
      const step = Math.min(secondsLeft, STEP_SECONDS);
      await sleep(step * 1000);
      if (mine !== current) return;
      secondsLeft -= step;
    }
    onMode(formerMode);
    device.report(STATUS, { mode: formerMode, formerMode, secondsLeft, request });
  };

  device.onDesired(
    MODE,
    async (wanted, { signal }) => {
      // A request that is rejected here does not stop the mode that runs.
      const request = readRequest(wanted, modes);
      const over = enter(request);
      device.report(MODE, wanted);
      await Promise.race([over, aborted(signal)]);
      return { done: request.duration > 0 };
    },
    () => enter({ mode: first, duration: 0, requestId: '' }),
  );
  return () => textOr(first, device.reported(STATUS)?.['mode']);
}

/** `duration` in seconds; 0: until another mode is desired. */
type ModeRequest = { readonly mode: string; readonly duration: number; readonly requestId: string };

function readRequest({ mode, duration = 0, requestId = '' }: MessageValue, modes: readonly string[]): ModeRequest {
  if (typeof mode !== 'string' || !modes.includes(mode)) throw new Rejected(`mode must be one of ${modes.join(', ')}`);
  if (typeof duration !== 'number' || !Number.isInteger(duration) || duration < 0 || duration > WEEK_SECONDS)
    throw new Rejected(`duration must be a whole number of seconds from 0 to ${WEEK_SECONDS}`);
  return { mode, duration, requestId: textOr('', requestId) };
}

function isSame(before: unknown, request: ModeRequest): boolean {
  const same = (before ?? {}) as Partial<ModeRequest>;
  return same.mode === request.mode && same.duration === request.duration && same.requestId === request.requestId;
}

function textOr(otherwise: string, value: unknown): string {
  return typeof value === 'string' ? value : otherwise;
}

/** A mode that runs keeps no process alive; a device that is connected does. */
async function unreferenced(ms: number): Promise<void> {
  await wait(ms, undefined, { ref: false });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
