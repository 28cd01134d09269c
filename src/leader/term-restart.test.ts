import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device } from '../../test/gen/device.ts';

const STATE = 'mir/v1alpha/sensor-01/state';
const birth = (session?: string) => ({ online: true, heartbeat: 10, ...(session !== undefined && { session }) });
const bye = (session?: string, more: object = {}) => ({
  online: false,
  ...(session !== undefined && { session }),
  ...more,
});
const will = (session?: string) => bye(session, { will: true });

/** What a device says, one a second; a number lets so many seconds pass. */
type Story = readonly (object | number | 'beat')[];

async function tell(bed: TermBed, story: Story): Promise<void> {
  for (const step of story) {
    if (step === 'beat') bed.beats();
    else if (typeof step === 'object') bed.says(step);
    await bed.pass(typeof step === 'number' ? step * 1000 : 1000);
  }
}

const RESTARTS: readonly [string, Story, object, string][] = [
  ['the late will of a session that was replaced is old', [birth('s1'), birth('s2')], will('s1'), 'True/Birth'],
  ['and so is that of the one before', [birth('s1'), birth('s2'), birth('s3')], will('s1'), 'True/Birth'],
  ['the will of a session nobody saw is news', [birth('s1'), birth('s2')], will('s9'), 'False/LastWill'],
  ['the will of the session that is there is news', [birth('s1')], will('s1'), 'False/LastWill'],
  ['a birth is no sign of life of who fell silent', [birth('s1'), 40], birth('s1'), 'False/Silence'],
  ['nor when it names no session', [birth(), 40], birth(), 'False/Silence'],
  ['a birth of a session nobody saw is news', [birth('s1'), 40], birth('s2'), 'True/Retained'],
  ['a birth from before the goodbye is old', [birth('s1'), bye('s1')], birth('s1'), 'False/Goodbye'],
  ['a birth without a session after a goodbye is another one', [birth(), bye()], birth(), 'True/Retained'],
  ['who sleeps sleeps on', [birth('s1'), bye('s1', { asleep: 600 })], bye('s1', { asleep: 600 }), 'True/Asleep'],
  ['and is not woken by the birth before', [birth('s1'), bye('s1', { asleep: 600 })], birth('s1'), 'True/Asleep'],
  [
    'who has overslept does not begin to sleep again',
    [birth('s1'), bye('s1', { asleep: 60 }), 70],
    bye('s1', { asleep: 60 }),
    'False/Silence',
  ],
  [
    'who was heard since its goodbye is there until it falls silent',
    [birth('s1'), bye('s1'), 'beat'],
    bye('s1'),
    'True/Heartbeat',
  ],
];

describe('what is known outlives a restart', () => {
  it.each(RESTARTS)('of the operator: %s', async (_name, story, stored, expected) => {
    await using before = await startTerm([device()]);
    await tell(before, story);
    const object = before.object();
    await before.end();
    await using bed = await startTerm();
    bed.broker.keep(STATE, JSON.stringify(stored));
    if (object !== undefined) bed.kube.apply(object);
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe(expected);
  });

  it.each(RESTARTS)('of the broker: %s', async (_name, story, stored, expected) => {
    await using bed = await startTerm([device()]);
    await tell(bed, story);
    bed.broker.disconnect();
    bed.broker.keep(STATE, JSON.stringify(stored));
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe(expected);
  });

  it('and the regular look at what is stored contradicts nothing', async () => {
    await using bed = await startTerm([device()]);
    await tell(bed, [birth('s1'), bye('s1'), 'beat']);
    for (let minute = 0; minute < 12 * 6; minute += 1) {
      await tell(bed, ['beat', 9]);
      expect(bed.condition('Online')).toBe('True/Heartbeat');
    }
  });
});

describe('a device that was disabled for long', () => {
  it('is there at once when it is enabled, although nobody listened to it', async () => {
    await using bed = await startTerm([device()]);
    await tell(bed, [birth('s1')]);
    bed.apply({ disabled: true });
    await bed.pass(300_000);
    bed.apply({});
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('True/Birth');
  });
});
