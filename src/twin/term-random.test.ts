/** Whatever happens, in whatever order: when it is quiet again, both sides agree. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PageResult, PublishResult } from '../../test/fakes/fake-broker.ts';
import type { WriteResult } from '../../test/fakes/fake-kube.ts';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { rate, RATE } from '../../test/gen/device.ts';
import { ApiError } from '../kube/errors.ts';

const BATTERY = 'sensor.v1.BatteryStatus';
const DESIRED = 'mir/v1alpha/sensor-01/desired';

/** What may happen; each is done to a bed and to what is expected of it. */
type Action =
  | { readonly do: 'apply'; readonly seconds: number; readonly disabled: boolean }
  | { readonly do: 'report'; readonly percentage: number }
  | { readonly do: 'take' | 'beat' | 'disconnect' | 'connect' | 'lose store' | 'pause watch' | 'resume watch' }
  | { readonly do: 'birth'; readonly session: string }
  | { readonly do: 'slow down'; readonly pageMs: number; readonly publishMs: number; readonly writeMs: number }
  | { readonly do: 'fail publish'; readonly result: PublishResult }
  | { readonly do: 'fail page'; readonly result: PageResult }
  | { readonly do: 'fail write'; readonly result: WriteResult }
  | { readonly do: 'pass'; readonly ms: number };

const failures: readonly WriteResult[] = [
  new ApiError(404, { code: 404 }),
  new ApiError(409, { code: 409 }),
  new ApiError(429, { code: 429 }, 1000),
  new ApiError(500, { code: 500 }),
  'unanswered',
  'answer-lost',
];
const delayMs = fc.constantFrom(0, 20, 400);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('apply' as const),
      seconds: fc.integer({ min: 1, max: 4 }),
      disabled: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('report' as const), percentage: fc.integer({ min: 0, max: 99 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['take', 'take', 'beat', 'disconnect', 'connect', 'connect'] as const),
        ...(['lose store', 'pause watch', 'resume watch'] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('birth' as const), session: fc.constantFrom('a', 'b', 'c') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('slow down' as const),
      pageMs: delayMs,
      publishMs: delayMs,
      writeMs: delayMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail publish' as const),
      result: fc.constantFrom<PublishResult>('transient', 'refused', 'unanswered', 'lost'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail page' as const), result: fc.constant('broken' as const) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail write' as const), result: fc.constantFrom(...failures) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 30, 300, 1100, 11_000) }),
  },
);

/** What was done last, against which the end is held. */
interface Expected {
  seconds: number;
  disabled: boolean;
  percentage: number | undefined;
  /** Publishes before the store was last lost. */
  sentBeforeLoss: number;
}

async function act(bed: TermBed, expected: Expected, one: Action): Promise<void> {
  switch (one.do) {
    case 'apply':
      Object.assign(expected, { seconds: one.seconds, disabled: one.disabled });
      return bed.apply({ desired: rate(one.seconds), disabled: one.disabled });
    case 'report':
      expected.percentage = one.percentage;
      return bed.reports(BATTERY, { value: { percentage: one.percentage } });
    case 'take':
      return take(bed);
    case 'beat':
      return bed.beats();
    case 'birth':
      return bed.says({ online: true, session: one.session, heartbeat: 0 });
    case 'disconnect':
      return bed.broker.connected ? bed.broker.disconnect() : undefined;
    case 'connect':
      return bed.broker.connected ? undefined : bed.broker.connect();
    case 'lose store':
      return loseStore(bed, expected);
    case 'pause watch':
      return bed.kube.pauseWatch();
    case 'resume watch':
      return bed.kube.resumeWatch();
    case 'slow down':
      Object.assign(bed.broker, { pageDelayMs: one.pageMs, publishDelayMs: one.publishMs });
      bed.kube.writeDelayMs = one.writeMs;
      return undefined;
    case 'fail publish':
      bed.broker.publishScript.push(one.result);
      return undefined;
    case 'fail page':
      bed.broker.pageScript.push(one.result);
      return undefined;
    case 'fail write':
      bed.kube.writeScript.push(one.result);
      return undefined;
    case 'pass':
      return bed.pass(one.ms);
    default:
      return one satisfies never;
  }
}

/** The device applies what stands at the broker. */
function take(bed: TermBed): void {
  const document = bed.document();
  const entry = document?.messages[RATE];
  if (document === undefined || entry === undefined) return;
  const { revision, value } = entry;
  bed.reports(RATE, { uid: document.owner.uid, revision, status: 'applied', value });
}

/** The broker loses power; the devices, who lost their connections too, report again. */
function loseStore(bed: TermBed, expected: Expected): void {
  if (bed.broker.connected) bed.broker.disconnect();
  bed.broker.empty();
  expected.sentBeforeLoss = bed.broker.published.length;
  if (expected.percentage !== undefined) bed.reports(BATTERY, { value: { percentage: expected.percentage } });
  bed.broker.connect();
}

/** Nothing fails any more, and nothing is slow. */
async function calmDown(bed: TermBed): Promise<void> {
  bed.broker.publishScript.length = 0;
  bed.broker.pageScript.length = 0;
  bed.kube.writeScript.length = 0;
  Object.assign(bed.broker, { pageDelayMs: 0, publishDelayMs: 0 });
  bed.kube.writeDelayMs = 0;
  bed.kube.resumeWatch();
  await bed.pass(5000);
  // What is never answered ends with its connection, as the real one sees to.
  if (bed.broker.connected && bed.broker.waiting > 0) bed.broker.disconnect();
  if (!bed.broker.connected) bed.broker.connect();
  await bed.pass(90_000);
}

function expectAgreement(bed: TermBed, { seconds, disabled, percentage }: Expected): void {
  const messages = disabled ? {} : { [RATE]: { value: { intervalSeconds: seconds } } };
  expect(bed.document()).toMatchObject({ disabled, messages });
  expect(bed.status().observedGeneration).toBe(bed.object()?.metadata.generation);
  expect(bed.condition('Ready')).toMatch(/^True/);
  // While the device is disabled nothing it says is taken.
  const reported = bed.status().reported?.[BATTERY];
  expect(reported).toEqual(disabled ? reported : percentage === undefined ? undefined : { percentage });
}

/** Of one object, a revision means one value, and none goes back. */
function expectOrderlyRevisions(bed: TermBed): void {
  const values = new Map<number, string>();
  let newest = 0;
  for (const { messages } of bed.documents()) {
    const entry = messages[RATE];
    if (entry === undefined) continue;
    const value = JSON.stringify(entry.value);
    expect(values.get(entry.revision) ?? value).toBe(value);
    expect(entry.revision).toBeGreaterThanOrEqual(newest);
    values.set(entry.revision, value);
    newest = entry.revision;
  }
}

function expectNothingSentTwice(bed: TermBed, { sentBeforeLoss }: Expected): void {
  const sent = bed.broker.published.slice(sentBeforeLoss).filter(({ topic }) => topic === DESIRED);
  const repeated = sent.filter(({ payload, result }, index) => result === 'ok' && sent[index + 1]?.payload === payload);
  expect(repeated).toEqual([]);
}

describe('a term', () => {
  it('brings both sides together, whatever happens before', async () => {
    const property = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      await using bed = await startTerm();
      const expected: Expected = { seconds: 60, disabled: false, percentage: undefined, sentBeforeLoss: 0 };
      bed.apply({ desired: rate(60) });
      for (const one of actions) await act(bed, expected, one);
      await calmDown(bed);
      expectAgreement(bed, expected);
      expectOrderlyRevisions(bed);
      expectNothingSentTwice(bed, expected);
      take(bed);
      await bed.pass(5000);
      expect(bed.condition('Synced')).toBe(expected.disabled ? 'False/Disabled' : 'True/InSync');
      const writes = bed.kube.writes.length;
      await bed.pass(20_000);
      expect(bed.kube.writes).toHaveLength(writes);
    });
    await fc.assert(property, { seed: 20_261_123, numRuns: 100 });
  }, 60_000);
});
