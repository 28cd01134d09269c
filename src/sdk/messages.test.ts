/** Messages with types and parsers. What must not compile is marked `@ts-expect-error`, which the type check holds to be an error. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { createDevice, memoryStore, unchecked } from './index.ts';
import type { Device } from './index.ts';
import { connectCloud, entry } from './testing/cloud.ts';
import type { Cloud } from './testing/cloud.ts';

const RATE = 'sensor.v1.SampleRate';
const BATTERY = 'sensor.v1.BatteryStatus';

let broker: DevBroker;
let cloud: Cloud;
let device: Pick<Device, 'connect' | 'destroy'> | undefined;

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'd1');
});
afterEach(async () => {
  device?.destroy();
  await cloud.close();
  await broker.close();
});

const base = () => ({ deviceId: 'd1', broker: { url: broker.url }, onEvent: () => {} });
const rate = z.object({ intervalSeconds: z.number().min(1).default(60), unit: z.string().optional() });

describe('a message with a parser', () => {
  it('reaches its handler as the parser makes it, and is reported as it was desired', async () => {
    const typed = createDevice({ ...base(), messages: { [RATE]: rate } });
    device = typed;
    const seconds: number[] = [];
    typed.onDesired(RATE, ({ intervalSeconds }) => void seconds.push(intervalSeconds));
    await typed.connect();
    await cloud.desire({ [RATE]: entry(1, { unit: 's', other: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', value: { unit: 's', other: 1 } });
    expect(seconds).toEqual([60]);
  });

  it.each([
    ['at once', rate],
    ['later', rate.refine(async () => true)],
  ])('is rejected with its words, said %s, and does not reach its handler', async (_, parser) => {
    const typed = createDevice({ ...base(), messages: { [RATE]: parser } });
    device = typed;
    let runs = 0;
    typed.onDesired(RATE, () => void (runs += 1));
    await typed.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 0, unit: 5 }) });
    const { json } = await cloud.next(`reported/${RATE}`, { status: 'rejected' });
    expect(json?.['reason']).toBe(
      'intervalSeconds: Too small: expected number to be >=1; unit: Invalid input: expected string, received number',
    );
    expect(runs).toBe(0);
  });

  it('that a new firmware does not take any more is not given to it at its start', async () => {
    const store = memoryStore();
    store.write({
      entries: new Map([[RATE, { uid: 'u', revision: 1, value: { intervalSeconds: 0 }, decision: 'applied' }]]),
    });
    const typed = createDevice({ ...base(), store, messages: { [RATE]: rate } });
    device = typed;
    let runs = 0;
    typed.onDesired(RATE, () => void (runs += 1));
    await typed.connect();
    await cloud.next(`reported/${RATE}`, { status: 'rejected', revision: 1 });
    expect(runs).toBe(0);
  });
});

describe('the types of a device', () => {
  it('come from its parsers: what they make for handlers, what they take for reports', () => {
    const made = rate.transform(({ intervalSeconds }) => ({ ms: intervalSeconds * 1000 }));
    const typed = createDevice({
      ...base(),
      messages: { [RATE]: made, [BATTERY]: unchecked<{ percentage: number }>() },
      announce: { reports: [BATTERY] },
    });
    typed.onDesired(RATE, ({ ms }) => ({ value: { intervalSeconds: ms / 1000 } }));
    typed.report(RATE, { unit: 's' });
    typed.report(BATTERY, { percentage: 87 });
    expect(typed.reported(BATTERY)?.percentage.toFixed(1)).toBe('87.0');
    // @ts-expect-error: the handler gets what the transform made.
    typed.onDesired(RATE, ({ intervalSeconds }) => void intervalSeconds);
    // @ts-expect-error: a report is what the parser takes.
    typed.report(RATE, { ms: 1000 });
    // @ts-expect-error: no such message.
    expect(() => typed.onDesired('sensor.v1.Rate', () => {})).not.toThrow();
    // @ts-expect-error: no such message.
    createDevice({ ...base(), messages: { [RATE]: rate }, announce: { reports: ['sensor.v1.Rate'] } });
  });

  it('may be given without parsers, and with some', () => {
    interface Messages {
      [RATE]: { intervalSeconds: number };
      [BATTERY]: { percentage: number; voltage?: number };
    }
    const typed = createDevice<Messages>({
      ...base(),
      messages: { [RATE]: z.object({ intervalSeconds: z.number() }) },
    });
    typed.onDesired(RATE, ({ intervalSeconds }) => void intervalSeconds.toFixed());
    typed.report(BATTERY, { percentage: 87 });
    expect(typed.reported(BATTERY)?.percentage.toFixed(1)).toBe('87.0');
    // @ts-expect-error: a number.
    typed.report(BATTERY, { percentage: '87' });
    // @ts-expect-error: the parser makes something else.
    createDevice<Messages>({ ...base(), messages: { [RATE]: z.object({ seconds: z.number() }) } });
    // @ts-expect-error: no such message.
    createDevice<Messages>({ ...base(), announce: { reports: ['sensor.v1.Rate'] } });
  });

  it('are any JSON for a device that says nothing of its messages', () => {
    const plain: Device = createDevice({ ...base(), announce: { reports: [BATTERY] } });
    plain.onDesired(RATE, ({ intervalSeconds }) => ({ value: { intervalSeconds: intervalSeconds ?? null } }));
    plain.report(BATTERY, { percentage: 87 });
    expect(plain.reported(BATTERY)).toEqual({ percentage: 87 });
    // @ts-expect-error: no JSON.
    plain.report(BATTERY, { percentage: () => 87 });
  });
});
