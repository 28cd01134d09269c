import { z } from 'zod';
import { delay } from '../../base/clock.ts';
import { drawMs, span } from '../profile/span.ts';
import { messageName } from '../profile/message-name.ts';
import { valueSource, valueTemplate } from '../profile/value.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';

export const reportSchema = z.strictObject({
  kind: z.literal('report'),
  message: messageName,
  every: span,
  value: valueTemplate,
});

/** Reports a message as soon as it runs, and again and again. */
export function report(settings: z.infer<typeof reportSchema>, surroundings: Surroundings): Behaviour {
  const { clock, random, n } = surroundings;
  const { message } = settings;
  const draw = valueSource(settings.value);
  let deviceClock = clock;
  return {
    equip(body) {
      deviceClock = body.parts?.clock ?? clock;
      const { announce } = body.device;
      const reports = [...(announce?.reports ?? []), message];
      return { ...body, device: { ...body.device, announce: { ...announce, reports } } };
    },
    async live(device, signal) {
      // The first time anywhere within the interval: a fleet that starts together does not report together for ever.
      let waitMs = drawMs(settings.every, random) * random();
      while (!signal.aborted) {
        device.report(message, draw({ random, now: deviceClock.now(), n }));
        surroundings.count();
        await delay(clock, waitMs, signal);
        waitMs = drawMs(settings.every, random);
      }
    },
  };
}
