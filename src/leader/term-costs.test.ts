/** What one device may cost: nothing that it sends is worth more than a bounded share of the operator's time. */
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';

const TOPIC = 'mir/v1alpha/sensor-01';

async function published(parts: DeviceParts = { desired: rate(60) }): Promise<TermBed> {
  const bed = await startTerm([device(parts)]);
  await bed.pass(5000);
  bed.unpacked = 0;
  return bed;
}

const REFUSED: readonly (readonly [what: string, topic: string, payload: string])[] = [
  ['a report that is no JSON', `reported/${RATE}`, '{'],
  ['a report without a value', `reported/${RATE}`, '{}'],
  ['a report that is too large', `reported/${RATE}`, JSON.stringify({ value: { text: 'x'.repeat(20_000) } })],
  ['a report for another object', `reported/${RATE}`, '{"uid":"another","revision":1,"status":"applied"}'],
  [
    'a report of a revision that was never issued',
    `reported/${RATE}`,
    '{"uid":"uid-1","revision":2000000000,"status":"applied"}',
  ],
  ['a state that is no JSON', 'state', '{'],
  ['a state that says nothing', 'state', '{}'],
  ['a topic of no kind', 'nonsense', 'x'],
];

describe('a message that is refused', () => {
  it.each(REFUSED)('costs no look at the twin, whatever its size: %s', async (_what, topic, payload) => {
    await using bed = await published();
    const before = bed.unpacked;
    for (let at = 0; at < 1000; at += 1) bed.broker.hear(`${TOPIC}/${topic}`, payload, false);
    expect(bed.unpacked).toBe(before);
    await bed.pass(900);
    // A look or two for a decision that was left out of a report, or for a state; never one a message.
    expect(bed.unpacked).toBeLessThan(10);
  });

  it('costs none of a disabled device either', async () => {
    await using bed = await published({ disabled: true });
    for (let at = 0; at < 1000; at += 1) bed.reports(RATE, { value: { intervalSeconds: at } });
    await bed.pass(900);
    expect(bed.unpacked).toBe(0);
  });

  it('is told under the name of its object', async () => {
    await using bed = await published();
    bed.broker.hear(`${TOPIC}/state`, '{', false);
    expect(bed.told).toContainEqual({
      message: expect.any(String),
      about: { namespace: 'default', name: 'sensor', uid: 'uid-1' },
      reason: 'InvalidJson',
    });
  });
});

describe('reports that a birth announced', () => {
  it('are looked for in one look at the twin, not in one a name', async () => {
    await using bed = await published();
    const reports = Array.from({ length: 64 }, (_, at) => `sensor.v1.M${at}`);
    bed.says({ online: true, session: 's', reports });
    await bed.pass(1000);
    for (const name of reports) bed.reports(name, { value: {} });
    await bed.pass(3000);
    bed.unpacked = 0;
    await bed.pass(2000);
    expect(bed.unpacked).toBeLessThan(5);
  });
});

describe('a twin that takes long to look at', () => {
  /** Milliseconds of a second that go into looks at the twin while its device says something new every 5 ms. */
  async function spent(say: (bed: TermBed, at: number) => void): Promise<number> {
    await using bed = await published();
    bed.unpackMs = 20;
    for (let at = 0; at < 400; at += 1) {
      say(bed, at);
      await bed.clock.advance(5);
      if (at === 200) bed.unpacked = 0;
    }
    return bed.unpacked * bed.unpackMs;
  }

  it('is looked at for a fifth of the time, however often its device reports', async () => {
    expect(await spent((bed, at) => bed.reports(RATE, { value: { intervalSeconds: at } }))).toBeLessThanOrEqual(200);
  });

  it('and however often it says nothing new', async () => {
    expect(await spent((bed) => bed.reports(RATE, { value: { intervalSeconds: 60 } }))).toBeLessThanOrEqual(200);
  });

  it('and however often it comes and goes', async () => {
    expect(
      await spent((bed, at) => bed.says({ online: at % 2 === 0, session: `s${at}`, maxBytes: 1000 + at })),
    ).toBeLessThanOrEqual(200);
  });

  it('is served without a rest when a person changes it', async () => {
    await using bed = await published();
    bed.unpackMs = 20;
    bed.reports(RATE, { value: { intervalSeconds: 1 } });
    await bed.pass(0);
    const before = bed.documents().length;
    bed.apply({ desired: rate(30) });
    await bed.pass(0);
    expect(bed.documents()).toHaveLength(before + 1);
  });
});

describe('births and farewells', () => {
  it('beyond ten a second are held, and the newest is read when the second is over', async () => {
    await using bed = await published();
    for (let at = 0; at < 1000; at += 1) bed.says({ online: at % 2 === 0, session: `s${at}` });
    bed.says({ online: true, session: 'last' });
    await bed.pass(5000);
    expect(bed.status().session?.id).toBe('last');
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(await bed.badInput('TooManyStates')).toBe(1);
  });
});
