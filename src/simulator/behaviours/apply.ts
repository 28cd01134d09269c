import { z } from 'zod';
import { messageName } from '../profile/message-name.ts';
import { drawMs, span } from '../profile/span.ts';
import { delayOf } from '../simulated-device.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';

export const applySchema = z.strictObject({
  kind: z.literal('apply'),
  message: messageName,
  takes: span.default({ fromMs: 0, toMs: 0 }),
  rejects: z.number().min(0).max(1).default(0),
  reason: z.string().min(1).default('not now'),
  once: z.boolean().default(false),
});

/** Understands one desired message: takes its time, and applies the value or, with a probability, says why not. */
export function apply(settings: z.infer<typeof applySchema>, { random }: Surroundings): Behaviour {
  const { message, takes, rejects, reason, once } = settings;
  return {
    equip: (body) => ({
      ...body,
      applies: [...body.applies, message],
      oneShot: [...(body.oneShot ?? []), ...(once ? [message] : [])],
      applyDelayMs: (name) => (name === message ? drawMs(takes, random) : delayOf(body.applyDelayMs, name)),
      rejects: (name, value) => {
        if (name !== message) return body.rejects?.(name, value);
        return random() < rejects ? reason : undefined;
      },
    }),
  };
}

export const clampSchema = z.strictObject({
  kind: z.literal('clamp'),
  message: messageName,
  field: z.string().min(1),
  to: z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'write the smaller number first'),
});

/** Applies the nearest number that it can, and reports that as applied. */
export function clamp(
  { message, field, to: [low, high] }: z.infer<typeof clampSchema>,
  { count }: Surroundings,
): Behaviour {
  return {
    equip: (body) => ({
      ...body,
      effectOf(name, value) {
        const effect = body.effectOf?.(name, value) ?? value;
        const wanted = effect[field];
        if (name !== message || typeof wanted !== 'number' || (wanted >= low && wanted <= high)) return effect;
        count();
        return { ...effect, [field]: Math.min(high, Math.max(low, wanted)) };
      },
    }),
  };
}
