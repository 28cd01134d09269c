import { z } from 'zod';
import { apply, applySchema, clamp, clampSchema } from './apply.ts';
import { away, awaySchemas } from './away.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';
import * as device from './device-faults.ts';
import * as line from './line-faults.ts';
import { report, reportSchema } from './report.ts';

/** Everything that can stand in a group's `behaviours`. */
export const behaviourSchema = z.discriminatedUnion('kind', [
  applySchema,
  reportSchema,
  ...awaySchemas,
  clampSchema,
  line.halfOpenSchema,
  line.constantSessionSchema,
  line.smallBufferSchema,
  line.neverAcknowledgesSchema,
  line.bridgeReplaySchema,
  device.clonedIdSchema,
  device.powerLossSchema,
  device.noClockSchema,
  device.wrongEncodingSchema,
  device.garbageRevisionSchema,
]);

export type BehaviourSettings = z.infer<typeof behaviourSchema>;
export type BehaviourKind = BehaviourSettings['kind'];

/** What a working device does; every other kind is a fault. */
const ORDINARY: readonly BehaviourKind[] = ['apply', 'report', 'offline', 'sleep', 'flap', 'storm'];

export const isFault = (kind: BehaviourKind): boolean => !ORDINARY.includes(kind);

export const KINDS: readonly BehaviourKind[] = behaviourSchema.options.map(({ shape }) => shape.kind.value);

export function createBehaviour(settings: BehaviourSettings, surroundings: Surroundings): Behaviour {
  switch (settings.kind) {
    case 'apply':
      return apply(settings, surroundings);
    case 'report':
      return report(settings, surroundings);
    case 'offline':
    case 'sleep':
    case 'flap':
    case 'storm':
      return away(settings, surroundings);
    case 'clamp':
      return clamp(settings, surroundings);
    case 'half-open':
      return line.halfOpen(settings, surroundings);
    case 'constant-session':
      return line.constantSession(surroundings);
    case 'small-buffer':
      return line.smallBuffer(settings, surroundings);
    case 'never-acknowledges':
      return line.neverAcknowledges(surroundings);
    case 'bridge-replay':
      return line.bridgeReplay(settings, surroundings);
    case 'cloned-id':
      return device.clonedId(settings, surroundings);
    case 'power-loss':
      return device.powerLoss(settings, surroundings);
    case 'no-clock':
      return device.noClock(surroundings);
    case 'wrong-encoding':
      return device.wrongEncoding(settings, surroundings);
    case 'garbage-revision':
      return device.garbageRevision(surroundings);
    default:
      return settings satisfies never;
  }
}
