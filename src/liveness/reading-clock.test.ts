import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { ReadingClock } from './reading-clock.ts';

/** Plays one script on a clock with ticks of 100 ms: `+n` lets n ms pass, the rest says what it does. */
async function play(script: string): Promise<number> {
  const clock = new FakeClock();
  const reading = new ReadingClock(clock, 100);
  for (const step of script.split(' ')) {
    if (step === 'tick') reading.tick();
    else if (step === 'on' || step === 'off') reading.isReading = step === 'on';
    else await clock.advance(Number(step));
  }
  return reading.reading;
}

describe('the reading clock', () => {
  it.each([
    ['stands before there is a connection', '+100 tick +100 tick', 0],
    ['counts from tick to tick', 'on +100 tick +90 tick', 190],
    ['forgives a late tick', 'on +150 tick', 150],
    ['takes a minute in which the process was frozen for a tick and a half', 'on +100 tick +60000 tick', 250],
    ['does not count a disconnection', 'on +100 tick off +5000 tick on +100 tick', 200],
    ['does not count what was before the connection', '+5000 on +100 tick', 100],
    ['does not go on after the connection broke, whatever the tick', 'on +100 tick off +50 tick +50 tick', 100],
  ])('%s', async (_claim, script, expected) => {
    expect(await play(script)).toBe(expected);
  });
});
