/** Faults on the way between a device and its broker. */
import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { delay } from '../../base/clock.ts';
import { DEFAULT_PROTOCOL_LIMITS } from '../../protocol/envelopes.ts';
import { isProtobuf, parseReportedProtobuf } from '../../protocol/protobuf-envelopes.ts';
import { parseReported } from '../../protocol/reported-envelope.ts';
import { createTopics } from '../../protocol/topics.ts';
import { openLine } from '../line/line.ts';
import type { Line, LineRules } from '../line/line.ts';
import { CONNECT, PUBLISH, puback, readPublish, typeOf } from '../line/packets.ts';
import { replay } from '../line/replay.ts';
import { drawMs, span } from '../profile/span.ts';
import type { BrokerOptions } from '../../sdk/index.ts';
import type { SimulatedDeviceOptions } from '../simulated-device.ts';
import type { Behaviour, Surroundings } from './behaviour.ts';

/** Puts a line with these rules beneath the device. */
function onLine(
  rules: LineRules | ((body: SimulatedDeviceOptions) => LineRules),
  live?: (line: Line, signal: AbortSignal) => Promise<void>,
): Behaviour & Required<Pick<Behaviour, 'equip'>> {
  let line: Line | undefined;
  return {
    async equip(body) {
      const { device } = body;
      line = await openLine(device.broker, typeof rules === 'function' ? rules(body) : rules);
      const { tls: _, ...broker } = device.broker;
      return { ...body, device: { ...device, broker: { ...broker, url: line.url } } };
    },
    ...(live !== undefined && {
      live: async (_, signal) => (line === undefined ? undefined : live(line, signal)),
    }),
    close: () => line?.close(),
  };
}

export const halfOpenSchema = z.strictObject({ kind: z.literal('half-open'), every: span });

/** The connection stops carrying anything, without FIN or RST, as behind a NAT that forgot it. New connections work. */
export function halfOpen({ every }: z.infer<typeof halfOpenSchema>, surroundings: Surroundings): Behaviour {
  const { clock, random, count } = surroundings;
  return onLine({}, async (line, signal) => {
    for (;;) {
      await delay(clock, drawMs(every, random), signal);
      if (signal.aborted) return;
      line.freeze();
      count();
    }
  });
}

export const constantSessionSchema = z.strictObject({ kind: z.literal('constant-session') });

/** Every connection has the same session id, as a device without a source of randomness has. */
export function constantSession({ random, count }: Surroundings): Behaviour {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  const constant = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  let own: string | undefined;
  return onLine({
    up(packet) {
      const found = sessionIn(packet);
      if (found === undefined) return packet;
      if (typeOf(packet) === CONNECT) count();
      own = found.id;
      return withSession(packet, found.at, constant);
    },
    // To the device its sessions look as it made them: what has its session comes from itself.
    down(packet) {
      const found = sessionIn(packet);
      return found?.id === constant && own !== undefined ? withSession(packet, found.at, own) : packet;
    },
  });
}

const SESSION = '"session":"';
const SESSION_LENGTH = 36;

function sessionIn(packet: Buffer): { readonly id: string; readonly at: number } | undefined {
  const type = typeOf(packet);
  const before = type === PUBLISH || type === CONNECT ? packet.indexOf(SESSION) : -1;
  if (before < 0) return undefined;
  const at = before + SESSION.length;
  return { id: packet.toString('latin1', at, at + SESSION_LENGTH), at };
}

/** Of the same length, so that no length in the packet changes. */
function withSession(packet: Buffer, at: number, id: string): Buffer {
  const changed = Buffer.from(packet);
  changed.write(id, at, 'latin1');
  return changed;
}

export const smallBufferSchema = z.strictObject({
  kind: z.literal('small-buffer'),
  bytes: z.int().min(16),
  announces: z.int().min(1).optional(),
});

/** Larger publishes never reach the device, and nobody is told. With `announces` the birth says that much as `maxBytes`. */
export function smallBuffer(settings: z.infer<typeof smallBufferSchema>, { count }: Surroundings): Behaviour {
  const { bytes, announces } = settings;
  const line = onLine({
    down(packet) {
      if (typeOf(packet) !== PUBLISH || packet.length <= bytes) return packet;
      count();
      return undefined;
    },
  });
  if (announces === undefined) return line;
  const announcing = ({ device, ...body }: SimulatedDeviceOptions): SimulatedDeviceOptions => ({
    ...body,
    device: { ...device, announce: { ...device.announce, maxBytes: announces } },
  });
  return { ...line, equip: (body) => line.equip(announcing(body)) };
}

export const neverAcknowledgesSchema = z.strictObject({ kind: z.literal('never-acknowledges') });

/** Takes what is desired and never says a word about it; what it reports by itself goes out. */
export function neverAcknowledges({ count }: Surroundings): Behaviour {
  return onLine((body) => {
    const topics = createTopics(body.device.broker.prefix);
    return {
      up(packet, { level, answer }) {
        if (typeOf(packet) !== PUBLISH) return packet;
        const { topic, payload, packetId } = readPublish(packet, level);
        if (topics.parse(topic)?.kind !== 'reported' || !isDecision(payload)) return packet;
        count();
        answer(puback(packetId));
        return undefined;
      },
    };
  });
}

function isDecision(payload: Buffer): boolean {
  const parsed = isProtobuf(payload)
    ? parseReportedProtobuf(payload, DEFAULT_PROTOCOL_LIMITS)
    : parseReported(payload, DEFAULT_PROTOCOL_LIMITS);
  return parsed.ok && parsed.value.status !== undefined;
}

export const bridgeReplaySchema = z.strictObject({ kind: z.literal('bridge-replay'), every: span });

/** A bridge that had been cut off sends the oldest birth and reports that it has of the device again, retained. */
export function bridgeReplay({ every }: z.infer<typeof bridgeReplaySchema>, surroundings: Surroundings): Behaviour {
  const { clock, random, count, deviceId } = surroundings;
  const oldest = new Map<string, Buffer>();
  let broker: BrokerOptions | undefined;
  const keep = (packet: Buffer, level: number): void => {
    const { topic, payload, isRetained } = readPublish(packet, level);
    if (!isRetained || oldest.has(topic) || oldest.size >= MAX_REPLAYED) return;
    // A copy: the packet is a part of a larger chunk.
    oldest.set(topic, Buffer.from(payload));
  };
  return onLine(
    (body) => {
      broker = body.device.broker;
      return {
        up(packet, { level }) {
          if (typeOf(packet) === PUBLISH) keep(packet, level);
          return packet;
        },
      };
    },
    async (_, signal) => {
      for (;;) {
        await delay(clock, drawMs(every, random), signal);
        if (signal.aborted || broker === undefined) return;
        if (await replay(broker, `${deviceId}-bridge`, oldest)) count();
      }
    },
  );
}

const MAX_REPLAYED = 100;
