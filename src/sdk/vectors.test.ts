import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROTOCOL_LIMITS } from '../protocol/envelopes.ts';
import { codecOf } from './codec.ts';
import { assembleDevice } from './device.ts';
import { createDevice, memoryStore, Rejected } from './index.ts';
import type { DeviceStore } from './index.ts';
import { briskOptions } from './testing/brisk-options.ts';
import { broker, cloud, destroyedAfter } from './testing/connected-devices.ts';
import { manualClock } from './testing/manual-clock.ts';
import { payloadOf, readTypedSchema, readVectors } from './testing/vectors.ts';
import type { DesiredCase, Run } from './testing/vectors.ts';

const MARK = 'test.v1.Mark';

interface Played {
  readonly runs: readonly Run[];
  readonly withdrawn: readonly string[];
}

describe('the desired vectors', () => {
  it.each(readVectors('desired').map((one) => [one.name, one] as const))('%s', async (_, given) => {
    const store = memoryStore();
    const reports = new Map(Object.entries(given.reported ?? {}));
    store.write({ entries: new Map(Object.entries(given.store)), reports });
    const payload = payloadOf(given);
    const played = payload === undefined ? await start(given, store) : await hear(given, store, payload);
    expect(played.runs.toSorted(byMessage)).toEqual((given.runsAtStart ?? given.runs).toSorted(byMessage));
    expect(played.withdrawn).toEqual(given.withdrawn);
    expect(Object.fromEntries(store.load().entries)).toEqual(given.storeAfter);
  });
});

const byMessage = (a: Run, b: Run): number => a.message.localeCompare(b.message);

/** Without any broker. */
async function start(given: DesiredCase, store: DeviceStore): Promise<Played> {
  const { device, played } = deviceOf(given, store, 'mqtt://127.0.0.1:1', { isAtRest: false });
  await device.connect();
  await new Promise((resolve) => setImmediate(resolve));
  return played;
}

async function hear(given: DesiredCase, store: DeviceStore, payload: Buffer): Promise<Played> {
  const atRest = { isAtRest: true };
  const { device, played } = deviceOf(given, store, broker.url, atRest);
  await device.connect();
  device.report(MARK, { mark: 1 });
  await cloud.next(`reported/${MARK}`);
  // What it had is reported by now: one report at a time, in this order.
  for (const message of Object.keys({ ...given.store, ...given.reported })) {
    if (cloud.seen.some(({ on }) => on === `reported/${message}`)) continue;
    await cloud.next(`reported/${message}`);
  }
  const before = cloud.seen.length;
  atRest.isAtRest = false;
  await cloud.publish('desired', payload, true);
  const expected = Object.entries(given.published);
  const isThere = ([message, json]: readonly [string, unknown]): boolean => {
    const last = cloud.seen.slice(before).findLast(({ on }) => on === `reported/${message}`);
    try {
      expect(last?.json).toEqual(json);
      return true;
    } catch {
      return false;
    }
  };
  // `get` comes after the payload, and so do the reports that it asks for: whatever the payload makes of the device was said before.
  for (let mark = 2; mark < 50; mark += 1) {
    device.report(MARK, { mark });
    await cloud.next(`reported/${MARK}`, { value: { mark } });
    if (mark > 4 && expected.every(isThere)) break;
  }
  const said = cloud.seen.slice(before).filter(({ on }) => on.startsWith('reported/') && on !== `reported/${MARK}`);
  expect(Object.fromEntries(said.map(({ on, json }) => [on.slice('reported/'.length), json]))).toEqual(given.published);
  return played;
}

/** At rest, its handlers wait until they are overtaken, as if they had run long ago. */
function deviceOf(given: DesiredCase, store: DeviceStore, url: string, atRest: { readonly isAtRest: boolean }) {
  const runs: Run[] = [];
  const withdrawn: string[] = [];
  const device = createDevice(
    briskOptions(url, {
      store,
      onEvent: () => {},
      ...(given.maxBytes !== undefined && { announce: { maxBytes: given.maxBytes } }),
    }),
  );
  destroyedAfter(device);
  for (const message of messagesOf(given)) {
    device.onDesired(
      message,
      async (value, { signal }) => {
        const isInEffect = isDeepStrictEqual(value, given.store[message]?.inEffect);
        if (atRest.isAtRest && isInEffect) return;
        if (atRest.isAtRest) return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
        runs.push({ message, value: JSON.parse(JSON.stringify(value, (_, field: unknown) => field ?? undefined)) });
        const reason = given.rejects?.[message];
        if (reason !== undefined && !isInEffect) throw new Rejected(reason);
      },
      () => withdrawn.push(message),
    );
  }
  return { device, played: { runs, withdrawn } };
}

function messagesOf(given: DesiredCase): ReadonlySet<string> {
  return new Set([
    ...Object.keys(given.store),
    ...Object.keys(given.storeAfter),
    ...given.runs.map((run) => run.message),
  ]);
}

describe('the state vectors', () => {
  it.each(readVectors('state').map((one) => [one.name, one] as const))('%s', async (_, given) => {
    const clock = manualClock();
    const device = assembleDevice(briskOptions(broker.url, { onEvent: () => {} }), { clock });
    destroyedAfter(device);
    if (given.stored !== undefined) await cloud.publish('state', JSON.stringify(given.stored), true);
    await device.connect();
    const { json } = await cloud.next('state', { online: true });
    const births = (): number =>
      cloud.seen.filter(({ json: state }) => state?.['session'] === json?.['session'] && state?.['sdk'] !== undefined)
        .length;
    for (const state of given.in) {
      const session = state['session'] === '$own' ? { session: json?.['session'] } : {};
      await cloud.publish('state', JSON.stringify({ ...state, ...session }));
    }
    clock.advance(999);
    // The report asks for a birth of its own, because it is the first of its name.
    device.report(MARK, {});
    await cloud.next(`reported/${MARK}`);
    const soon = births();
    // The device may have heard of it only now.
    clock.advance(5001);
    device.report(MARK, { again: true });
    await cloud.next(`reported/${MARK}`, { value: { again: true } });
    expect([soon, births()]).toEqual([2, 2 + given.births]);
  });
});

describe('the connect vectors', () => {
  it.each(readVectors('connect').map((one) => [one.name, one] as const))('%s', async (_, given) => {
    for (const [on, payload] of Object.entries(given.stored ?? {}))
      await cloud.publish(on, JSON.stringify(payload), true);
    const store = memoryStore();
    const reports = new Map(Object.entries(given.reported ?? {}));
    store.write({ entries: new Map(Object.entries(given.store ?? {})), reports });
    await using tap = await tapConnects(broker.port);
    const device = createDevice(briskOptions(tap.url, { store, onEvent: () => {} }));
    destroyedAfter(device);
    await device.connect();
    const birth = (await cloud.next('state', { online: true })).json ?? {};
    const reported = (birth['reports'] ?? []) as readonly string[];
    expect({ ...birth, reports: reported.toSorted() }).toMatchObject(given.birth);
    expect(given.absent?.filter((name) => Object.hasOwn(birth, name)) ?? []).toEqual([]);
    expect(tap.flags()).toMatchObject(given.connect ?? {});
  });
});

/** A broker's port in front of another's, which reads the flags of the first CONNECT [MQTT-3.1.2.3]. */
async function tapConnects(port: number) {
  let flags = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    for (const one of [socket, upstream]) sockets.add(one.on('error', () => {}));
    // Behind the fixed header of two bytes stand the name, of six, and the version.
    socket.once('data', (packet: Buffer) => (flags = packet[packet.indexOf('MQTT') + 5] ?? 0));
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    flags: () => ({
      cleanSession: (flags & 0x02) !== 0,
      willQos: (flags >> 3) & 3,
      willRetain: (flags & 0x20) !== 0,
    }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('the typed vectors', () => {
  it.each(readVectors('typed').map((one) => [one.name, one] as const))('%s', (_, given) => {
    const codec = codecOf({ descriptorSet: readTypedSchema(), encoding: given.encoding });
    const parsed = codec.parseDesired(payloadOf(given) ?? Buffer.alloc(0), DEFAULT_PROTOCOL_LIMITS);
    const { messages, refused = {} } = parsed.ok ? parsed.value : { messages: {} };
    const entries = Object.entries(messages).map(([name, { revision, value }]) => [name, { revision, value }]);
    expect(Object.fromEntries(entries)).toEqual(given.entries);
    expect(Object.keys(refused)).toEqual(given.refused);
  });
});

describe('the get vectors', () => {
  it.each(readVectors('get').map((one) => [one.name, one] as const))('%s', async (_, given) => {
    const device = createDevice(briskOptions(broker.url, { onEvent: () => {} }));
    destroyedAfter(device);
    device.report('sensor.v1.SampleRate', { intervalSeconds: 60 });
    device.report('sensor.v1.BatteryStatus', { percentage: 87 });
    await device.connect();
    const { json: first } = await cloud.next('state', { online: true });
    await cloud.next('reported/sensor.v1.SampleRate');
    await cloud.next('reported/sensor.v1.BatteryStatus');
    // The first report of a new name needs a birth of its own; later ones come after what was asked for.
    device.report(MARK, { mark: 1 });
    await cloud.next(`reported/${MARK}`);
    const before = cloud.seen.length;
    await cloud.publish('get', given.in);
    const isTold = (): boolean => said().births >= given.births && said().reported.length >= given.reported.length;
    const said = () => {
      const since = cloud.seen.slice(before);
      const names = since.flatMap(({ on }) => (on.startsWith('reported/') ? [on.slice('reported/'.length)] : []));
      const births = since.filter(({ on, json }) => on === 'state' && json?.['session'] === first?.['session']).length;
      return { births, reported: [...new Set(names)].filter((name) => name !== MARK).toSorted() };
    };
    for (let mark = 2; mark < 50; mark += 1) {
      device.report(MARK, { mark });
      await cloud.next(`reported/${MARK}`, { value: { mark } });
      if (mark > 4 && isTold()) break;
    }
    expect(said()).toEqual({ births: given.births, reported: given.reported });
  });
});
