/** Whatever happens, in whatever order: when it is quiet again, both sides agree. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PageResult, PublishResult } from '../../test/fakes/fake-broker.ts';
import type { WriteResult } from '../../test/fakes/fake-kube.ts';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { document, rate, RATE } from '../../test/gen/device.ts';
import type { Device, JsonValue } from '../api/device.ts';
import { undoChange } from '../api/value-change.ts';
import { ApiError } from '../kube/errors.ts';
import { encodeDesired } from '../protocol/desired-document.ts';

const BATTERY = 'sensor.v1.BatteryStatus';
const KEY = 'default/sensor';
const DESIRED = 'mir/v1alpha/sensor-01/desired';

/** What may happen; each is done to a bed and to what is expected of it. */
type Action =
  | { readonly do: 'apply'; readonly seconds: number; readonly disabled: boolean }
  | { readonly do: 'report'; readonly percentage: number }
  | { readonly do: 'take' | 'beat' | 'disconnect' | 'connect' | 'lose store' | 'pause watch' | 'resume watch' }
  | { readonly do: 'delete' | 'make anew' | 'overwrite' | 'back up' | 'restore' }
  | { readonly do: 'flap' | 'hide from list' | 'scribble' | 'refuse publishes' | 'take publishes' }
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
        ...(['overwrite', 'back up', 'restore'] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'overwrite' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['make anew', 'flap', 'hide from list', 'scribble', 'refuse publishes', 'take publishes'] as const),
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
    arbitrary: fc.record({
      do: fc.constant('fail page' as const),
      result: fc.constantFrom<PageResult>('broken', 'late'),
    }),
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
  /** What was reported last; undefined: nothing. */
  percentage: number | undefined;
  /** Publishes before the store was last changed by others. */
  sentBeforeLoss: number;
  /** Objects made so far. When one was deleted, reports may have been withdrawn with it. */
  made: number;
  backup: { readonly object: Device; readonly seconds: number; readonly disabled: boolean } | undefined;
  /** The cluster forgot revisions and the broker did too: only the device knows them. */
  isForgotten: boolean;
}

async function act(bed: TermBed, expected: Expected, one: Action): Promise<void> {
  switch (one.do) {
    case 'apply':
      return apply(bed, expected, one);
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
    case 'delete':
      return bed.kube.delete(KEY);
    case 'make anew':
      bed.kube.delete(KEY);
      return apply(bed, expected, { do: 'apply', seconds: expected.seconds, disabled: expected.disabled });
    case 'flap':
      return flap(bed);
    case 'hide from list':
      return hideFromList(bed);
    case 'scribble':
      return bed.object() === undefined ? undefined : bed.kube.scribble(KEY, { online: false, sync: null });
    case 'refuse publishes':
      bed.broker.isRefusingTopic = () => true;
      return undefined;
    case 'take publishes':
      bed.broker.isRefusingTopic = () => false;
      return undefined;
    case 'overwrite':
      return overwrite(bed, expected);
    case 'back up':
      return backUp(bed, expected);
    case 'restore':
      return restore(bed, expected);
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

function apply(bed: TermBed, expected: Expected, { seconds, disabled }: Extract<Action, { do: 'apply' }>): void {
  Object.assign(expected, { seconds, disabled });
  if (bed.object() === undefined) expected.made += 1;
  bed.apply({ uid: `uid-${expected.made}`, desired: rate(seconds), disabled });
}

/** A LIST lacks what is there, and is known. */
async function hideFromList(bed: TermBed): Promise<void> {
  bed.kube.resumeWatch();
  await bed.pass(0);
  bed.kube.emptyLists = 1;
  bed.kube.expireWatch();
  await bed.pass(300);
  bed.kube.emptyLists = 0;
}

function flap(bed: TermBed): void {
  for (let at = 0; at < 6; at += 1) {
    bed.says({ online: true, session: `f${at}`, heartbeat: 0 });
    bed.says({ online: false, session: `f${at}` });
  }
}

/** Someone else's document; that of a device without an object only the next resync would find. */
function overwrite(bed: TermBed, expected: Expected): void {
  if (bed.object() === undefined) return;
  bed.broker.hear(DESIRED, encodeDesired(document(99, 1, 'uid-of-another')));
  expected.sentBeforeLoss = bed.broker.published.length;
}

function backUp(bed: TermBed, expected: Expected): void {
  const object = bed.object();
  if (object !== undefined) expected.backup = { object, seconds: expected.seconds, disabled: expected.disabled };
}

/** etcd goes back to the backup, if that is of the object that is there. */
function restore(bed: TermBed, expected: Expected): void {
  const { backup } = expected;
  if (backup === undefined || bed.object()?.metadata.uid !== backup.object.metadata.uid) return;
  bed.kube.restore([backup.object]);
  const { seconds, disabled } = backup;
  Object.assign(expected, { seconds, disabled, isForgotten: true, sentBeforeLoss: bed.broker.published.length });
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
  bed.broker.isRefusingTopic = () => false;
  Object.assign(bed.broker, { pageDelayMs: 0, publishDelayMs: 0 });
  bed.kube.writeDelayMs = 0;
  bed.kube.resumeWatch();
  await bed.pass(5000);
  // What is never answered ends with its connection, as the real one sees to.
  if (bed.broker.connected && bed.broker.waiting > 0) bed.broker.disconnect();
  if (!bed.broker.connected) bed.broker.connect();
  await bed.pass(90_000);
}

function expectAgreement(bed: TermBed, { seconds, disabled, percentage, made }: Expected): void {
  expect(bed.document()?.owner.uid).toBe(bed.object()?.metadata.uid);
  if (bed.object() === undefined) return;
  const messages = disabled ? {} : { [RATE]: { value: { intervalSeconds: seconds } } };
  expect(bed.document()).toMatchObject({ disabled, messages });
  expect(bed.status().observedGeneration).toBe(bed.object()?.metadata.generation);
  expect(bed.condition('Ready')).toMatch(/^True/);
  // While the device is disabled nothing it says is taken.
  const reported = bed.status().reported?.[BATTERY];
  expect(reported).toEqual(disabled || made > 1 || percentage === undefined ? reported : { percentage });
}

/** Undone one after the other, the changes that were recorded lead from what is desired back to nothing. */
function expectTrueHistory(bed: TermBed): void {
  const object = bed.object();
  if (object === undefined) return;
  const history = bed.history();
  const { uid, generation } = object.metadata;
  expect(history?.device).toMatchObject({ uid, generation });
  expect(history?.recorded.desired).toEqual(object.properties?.desired);
  let desired: JsonValue | undefined = object.properties?.desired?.[RATE];
  let disabled = object.spec.disabled ?? false;
  for (const change of history?.changes ?? []) {
    const message = change.messages?.[RATE];
    if (message !== undefined) desired = undoChange(desired, message);
    expect(change.disabled?.after ?? disabled).toBe(disabled);
    disabled = change.disabled?.before ?? disabled;
  }
  expect([desired, disabled]).toEqual([undefined, false]);
}

/** Of one object, a revision means one value, and none goes back. */
function expectOrderlyRevisions(bed: TermBed): void {
  const values = new Map<string, string>();
  const newest = new Map<string, number>();
  for (const { owner, messages } of bed.documents()) {
    const entry = messages[RATE];
    if (entry === undefined) continue;
    const value = JSON.stringify(entry.value);
    const key = `${owner.uid}@${entry.revision}`;
    expect(values.get(key) ?? value).toBe(value);
    expect(entry.revision).toBeGreaterThanOrEqual(newest.get(owner.uid) ?? 0);
    values.set(key, value);
    newest.set(owner.uid, entry.revision);
  }
}

function expectNothingSentTwice(bed: TermBed, { sentBeforeLoss }: Expected): void {
  const sent = bed.broker.published.slice(sentBeforeLoss).filter(({ topic }) => topic === DESIRED);
  const repeated = sent.filter(
    ({ payload, result }, index) => result === 'ok' && payload !== '' && sent[index + 1]?.payload === payload,
  );
  expect(repeated).toEqual([]);
}

describe('a term', () => {
  it('brings both sides together, whatever happens before', async () => {
    const property = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      await using bed = await startTerm([], { historyLimit: 100 });
      const expected: Expected = {
        seconds: 0,
        disabled: false,
        percentage: undefined,
        sentBeforeLoss: 0,
        made: 0,
        backup: undefined,
        isForgotten: false,
      };
      apply(bed, expected, { do: 'apply', seconds: 60, disabled: false });
      for (const one of actions) await act(bed, expected, one);
      await calmDown(bed);
      expectAgreement(bed, expected);
      if (!expected.isForgotten) expectOrderlyRevisions(bed);
      expectNothingSentTwice(bed, expected);
      expectTrueHistory(bed);
      take(bed);
      await bed.pass(5000);
      const isThere = bed.object() !== undefined;
      expect(bed.condition('Synced')).toBe(!isThere ? 'absent' : expected.disabled ? 'False/Disabled' : 'True/InSync');
      const writes = bed.kube.writes.length;
      await bed.pass(20_000);
      expect(bed.kube.writes).toHaveLength(writes);
    });
    await fc.assert(property, { seed: 20_261_123, numRuns: 100 });
  }, 60_000);
});
