import { describe, expect, it } from '@jest/globals';
import { TermBed } from '../../test/fakes/term-bed.ts';
import { rate, RATE } from '../../test/gen/device.ts';
import { digest } from '../protocol/canonical.ts';
import { ALERT, birth, startTyped } from './testing/typed-term.ts';

/** `maxTemp` alone was desired; the device says `minTemp` and the rest too. */
const DESIRED = { ...rate(60), [ALERT]: { maxTemp: 30 } };
const BAD = { ...rate(60), [ALERT]: { maxTemp: 'hot' } };
const NAMELESS = { ...rate(60), [ALERT]: { maxTemperature: 30 } };
const KEPT = { revision: 1, value: { maxTemp: 30 } };

async function inSync(): Promise<TermBed> {
  const bed = await startTyped(DESIRED);
  bed.says(birth({ uid: 'uid-1', revision: 1, reports: [RATE, ALERT] }));
  bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60 } });
  bed.reports(ALERT, { uid: 'uid-1', revision: 1, status: 'applied', value: { maxTemp: 30, minTemp: 0 } });
  await bed.pass(2000);
  expect(bed.sync(ALERT)?.state).toBe('InSync');
  return bed;
}

async function becomes(bed: TermBed, desired: object, disabled = false): Promise<void> {
  bed.apply({ desired: desired as typeof DESIRED, disabled });
  await bed.pass(2000);
}

async function loseStore(bed: TermBed): Promise<void> {
  bed.broker.disconnect();
  bed.broker.empty();
  bed.broker.connect();
  await bed.pass(5000);
}

/** Another operator, with a broker that holds what the former one's held, or nothing. */
async function restart(bed: TermBed, keepsStore: boolean): Promise<TermBed> {
  const held = keepsStore ? bed.broker.keptTopics.map((topic) => [topic, bed.broker.keptBytes(topic)] as const) : [];
  await bed.end();
  const next = new TermBed({}, bed.kube);
  for (const [topic, payload] of held) next.broker.keep(topic, payload ?? '');
  next.broker.connect();
  next.says(birth({ uid: 'uid-1', revision: 1, reports: [RATE, ALERT] }));
  await next.pass(5000);
  return next;
}

const withoutEntry = (bed: TermBed): unknown[] =>
  bed.documents().filter(({ disabled, messages }) => !disabled && messages[ALERT] === undefined);

describe('the former entry of an Invalid message', () => {
  it('is sent again, with its revision and time, when the broker loses its store', async () => {
    await using bed = await inSync();
    const before = bed.document();
    await becomes(bed, BAD);
    await loseStore(bed);
    expect(bed.document()).toEqual(before);
    expect(bed.sync(ALERT)).toMatchObject({ state: 'Invalid', revision: 1 });
  });

  it('is remembered of a device that has not answered, when the broker loses its store', async () => {
    await using bed = await startTyped(DESIRED);
    const before = bed.document();
    await becomes(bed, NAMELESS);
    await loseStore(bed);
    expect(bed.document()).toEqual(before);
  });

  it('is found in what the device reports when nobody else knows it', async () => {
    await using first = await inSync();
    const before = first.document();
    await becomes(first, BAD);
    await using bed = await restart(first, false);
    expect(bed.document()).toEqual(before);
  });

  it('comes back when the device is enabled again', async () => {
    await using bed = await inSync();
    const before = bed.document();
    await becomes(bed, BAD);
    await becomes(bed, BAD, true);
    expect(bed.document()).toMatchObject({ disabled: true, messages: {} });
    await becomes(bed, BAD);
    expect(bed.document()).toEqual(before);
  });

  it.each([
    ['a restart at an empty broker', async (bed: TermBed) => restart(bed, false)],
    [
      'a time of being disabled',
      async (bed: TermBed) => {
        await becomes(bed, NAMELESS, true);
        const next = await restart(bed, true);
        await becomes(next, NAMELESS);
        return next;
      },
    ],
  ])('holds the document after %s, where nobody knows it, and says what to do', async (_name, happens) => {
    await using first = await inSync();
    await becomes(first, NAMELESS);
    await using bed = await happens(first);
    expect(withoutEntry(bed)).toEqual([]);
    expect(bed.condition('Ready')).toBe('False/Invalid');
    expect(bed.condition('Stalled')).toBe('True/Invalid');
    const told = bed.status().conditions?.find(({ type }) => type === 'Ready')?.message;
    expect(told).toContain(`${ALERT} does not fit`);
    expect(told).toContain('correct it, or remove it from desired');
    await becomes(bed, DESIRED);
    expect(bed.document()?.messages).toMatchObject({ [RATE]: { revision: 1 }, [ALERT]: KEPT });
    expect(bed.sync(ALERT)?.state).toBe('InSync');
  });

  it('is gone when a person removes the message', async () => {
    await using first = await inSync();
    await becomes(first, NAMELESS);
    await using bed = await restart(first, false);
    await becomes(bed, rate(60));
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([RATE]);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('is known although the message became Invalid before its record was written', async () => {
    await using bed = await startTyped(rate(60));
    bed.apply({ desired: DESIRED });
    await bed.pass(1);
    expect(bed.document()?.messages[ALERT]).toMatchObject({ revision: 2 });
    expect(bed.sync(ALERT)).toBeUndefined();
    await becomes(bed, NAMELESS);
    expect(bed.sync(ALERT)).toMatchObject({ state: 'Invalid', revision: 2, digest: digest({ maxTemp: 30 }) });
  });

  it('does not exist of a message that was never sent', async () => {
    await using bed = await startTyped(rate(60));
    await becomes(bed, NAMELESS);
    await loseStore(bed);
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([RATE]);
  });
});
