import { z } from 'zod';
import { delay } from '../../base/clock.ts';
import { drawMs, duration, span } from '../profile/span.ts';
import type { SimulatedDevice } from '../simulated-device.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';

const times = { every: span, for: span };

export const awaySchemas = [
  z.strictObject({ kind: z.literal('offline'), ...times }),
  z.strictObject({ kind: z.literal('sleep'), ...times }),
  z.strictObject({ kind: z.literal('flap'), ...times }),
  z.strictObject({
    kind: z.literal('storm'),
    at: z.array(duration).min(1),
    for: span.default({ fromMs: 0, toMs: 0 }),
  }),
] as const;

export type Away = z.infer<(typeof awaySchemas)[number]>;

/**
 * Leaves the broker and comes back. `offline` says goodbye, `sleep` says how long, `flap` loses its connection without a word;
 * `storm` does so at given moments, which are the same for every device of the group.
 */
export function away(settings: Away, surroundings: Surroundings): Behaviour {
  const { clock, random } = surroundings;
  return {
    async live(device, signal) {
      for (let round = 0; ; round += 1) {
        const waitMs = nextLeaveMs(settings, round, surroundings);
        if (waitMs === undefined) return;
        await delay(clock, waitMs, signal);
        if (signal.aborted) return;
        const awayMs = drawMs(settings.for, random);
        surroundings.count();
        await leave(settings.kind, device, awayMs);
        await delay(clock, awayMs, signal);
        if (signal.aborted) return;
        await device.start();
      }
    },
  };
}

function nextLeaveMs(settings: Away, round: number, { elapsedMs, random }: Surroundings): number | undefined {
  if (settings.kind !== 'storm') return drawMs(settings.every, random);
  const at = settings.at[round];
  return at === undefined ? undefined : Math.max(0, at - elapsedMs());
}

function leave(kind: Away['kind'], device: SimulatedDevice, awayMs: number): Promise<void> | void {
  if (kind === 'offline') return device.goOffline();
  // Somewhat longer than it means to: a device that wakes a little late has not failed.
  if (kind === 'sleep') return device.sleep(Math.ceil(awayMs / 1000) + SLEEP_MARGIN_SECONDS);
  device.die();
}

const SLEEP_MARGIN_SECONDS = 10;
