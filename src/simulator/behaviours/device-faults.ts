/** Faults of a device's own parts: its store, its codec, its clock, its identity. */
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { delay } from '../../base/clock.ts';
import { codecOf } from '../../sdk/codec.ts';
import type { DeviceCodec } from '../../sdk/codec.ts';
import { memoryStore, sqliteStore } from '../../sdk/index.ts';
import type { DeviceStore } from '../../sdk/index.ts';
import { drawMs, span } from '../profile/span.ts';
import type { Random } from '../random.ts';
import { createSimulatedDevice } from '../simulated-device.ts';
import type { SimulatedDevice, SimulatedDeviceOptions } from '../simulated-device.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';

export const clonedIdSchema = z.strictObject({
  kind: z.literal('cloned-id'),
  after: span.default({ fromMs: 0, toMs: 0 }),
  clientIds: z.enum(['same', 'different']).default('different'),
});

/** A second device with the same id and a store of its own; with the same client id, too, the broker cuts off one for the other. */
export function clonedId(settings: z.infer<typeof clonedIdSchema>, surroundings: Surroundings): Behaviour {
  const { clock, random, count } = surroundings;
  let clone: SimulatedDevice | undefined;
  return {
    equip(body) {
      const { device } = body;
      const clientId = settings.clientIds === 'same' ? device.deviceId : `${device.deviceId}-clone`;
      const broker = { ...device.broker, clientId };
      clone = createSimulatedDevice({
        ...body,
        device: { ...device, broker, store: memoryStore(), onEvent: () => {} },
      });
      return body;
    },
    async live(_, signal) {
      await delay(clock, drawMs(settings.after, random), signal);
      if (signal.aborted) return;
      count();
      await clone?.start();
    },
    close: (isAbrupt) => (isAbrupt ? clone?.die() : clone?.goOffline()),
  };
}

export const powerLossSchema = z.strictObject({ kind: z.literal('power-loss'), for: span });

/** Stores a document entry by entry, as no device should, and loses its power after the first of several. */
export function powerLoss(settings: z.infer<typeof powerLossSchema>, surroundings: Surroundings): Behaviour {
  const { clock, random, count } = surroundings;
  let lost = Promise.withResolvers<void>();
  let cut = (): void => {};
  return {
    equip(body) {
      const lose = (): void => {
        count();
        cut();
        lost.resolve();
      };
      return { ...body, device: { ...body.device, store: failingStore(storeOf(body), lose) } };
    },
    async live(device, signal) {
      cut = () => device.die();
      signal.addEventListener('abort', () => lost.resolve(), { once: true });
      for (;;) {
        await lost.promise;
        if (signal.aborted) return;
        lost = Promise.withResolvers();
        await delay(clock, drawMs(settings.for, random), signal);
        if (signal.aborted) return;
        await device.start();
      }
    },
  };
}

function storeOf({ device: { store } }: SimulatedDeviceOptions): DeviceStore {
  if (store === undefined) return memoryStore();
  return typeof store === 'string' ? sqliteStore(store) : store;
}

function failingStore(inner: DeviceStore, lose: () => void): DeviceStore {
  let hasPower = true;
  return {
    load() {
      hasPower = true;
      return inner.load();
    },
    write(change) {
      const [first, second] = change.entries ?? [];
      if (hasPower && (first === undefined || second === undefined)) return inner.write(change);
      if (hasPower && first !== undefined) {
        inner.write({ entries: new Map([first]) });
        hasPower = false;
        lose();
      }
      throw new Error('the power went between two messages');
    },
    close: () => inner.close(),
  };
}

export const noClockSchema = z.strictObject({ kind: z.literal('no-clock') });

/** Its clock begins at 1970 with the process, as without a battery. */
export function noClock({ clock, count }: Surroundings): Behaviour {
  return {
    equip(body) {
      count();
      const own = body.parts?.clock ?? clock;
      const startedAt = own.monotonic();
      const wrong = {
        now: () => own.monotonic() - startedAt,
        monotonic: () => own.monotonic(),
        after: own.after.bind(own),
      };
      return { ...body, parts: { ...body.parts, clock: wrong } };
    },
  };
}

export const wrongEncodingSchema = z.strictObject({
  kind: z.literal('wrong-encoding'),
  announces: z.enum(['json', 'protobuf']),
});

/** Announces JSON and reports bytes that begin like a protobuf envelope, or announces protobuf and reports JSON. */
export function wrongEncoding(
  settings: z.infer<typeof wrongEncodingSchema>,
  { random, count }: Surroundings,
): Behaviour {
  return codecFault((inner) => ({
    ...inner,
    encoding: settings.announces,
    encodeReported(message, envelope) {
      count();
      return settings.announces === 'json' ? noise(random) : codecOf().encodeReported(message, envelope);
    },
  }));
}

function noise(random: Random): Buffer {
  const bytes = Buffer.from(Array.from({ length: 2 + Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
  // A field 1 of a varint: what tells a protobuf envelope from JSON.
  bytes[0] = 0x08;
  return bytes;
}

export const garbageRevisionSchema = z.strictObject({ kind: z.literal('garbage-revision') });

/** Reports revisions that nobody ever gave it. */
export function garbageRevision({ random, count }: Surroundings): Behaviour {
  return codecFault((inner) => ({
    ...inner,
    encodeReported(_, envelope) {
      count();
      const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)] ?? '0';
      // Not as a number: some of these are none.
      return JSON.stringify({ version: 1, ...envelope, revision: '?' }).replace(
        '"revision":"?"',
        `"revision":${garbage}`,
      );
    },
  }));
}

const GARBAGE = ['0', '-1', '1.5', '2147483647', '2147483648', '1e300', '"12"', '[]', '9007199254740993'];

function codecFault(spoil: (inner: DeviceCodec) => DeviceCodec): Behaviour {
  return {
    equip: (body) => ({
      ...body,
      parts: { ...body.parts, codec: spoil(body.parts?.codec ?? codecOf(body.device.schema)) },
    }),
  };
}
