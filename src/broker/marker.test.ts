import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { createTopics } from '../protocol/topics.ts';
import { BrokerError } from './broker.ts';
import { Marker } from './marker.ts';
import { OwnMessage } from './own-message.ts';

const TICK_MS = 10;
const { marker: TOPIC, markerPage: PAGE } = createTopics().probe('operator-1');
const REFUSED = new BrokerError('refused', 'the broker refused', { code: 0x87 });

/** A broker that stores one message, and shows it when it is told to. */
class Bed {
  readonly clock = new FakeClock();
  readonly end = new AbortController();
  readonly packets: string[] = [];
  stored = '';
  stores = 0;
  showsAfterMs: number | undefined = 0;
  isRefusing = false;
  readonly marker: Marker;

  constructor() {
    const message: OwnMessage = new OwnMessage(
      TOPIC,
      {
        store: async (topic, payload) => {
          this.packets.push(`PUBLISH ${topic} ${payload}`);
          await Promise.resolve();
          this.stored = payload;
        },
        subscribe: async ([filter = '']) => {
          this.packets.push(`SUBSCRIBE ${filter}`);
          const { stored, showsAfterMs } = this;
          if (this.isRefusing) return new Map([[filter, REFUSED]]);
          if (stored !== '' && showsAfterMs !== undefined)
            this.clock.after(showsAfterMs, () => message.see(TOPIC, stored, true));
          await Promise.resolve();
          return new Map();
        },
        unsubscribe: async () => {
          this.packets.push('UNSUBSCRIBE');
          await Promise.resolve();
        },
      },
      { clock: this.clock, tickMs: TICK_MS },
      () => `nonce-${(this.stores += 1)}`,
    );
    this.marker = new Marker(message, PAGE, () => 1, this.end.signal);
  }

  /** Tells when it has passed, or why it failed. */
  ask(): { outcome: string } {
    const asked = { outcome: 'waiting' };
    this.marker.passed().then(
      () => (asked.outcome = 'passed'),
      (error: Error) => (asked.outcome = error.message),
    );
    return asked;
  }
}

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.end.abort());

const stored = (time: number): string => `PUBLISH ${TOPIC} nonce-${time}`;
const ROUND = [`SUBSCRIBE ${PAGE}`, 'UNSUBSCRIBE'];

describe('the marker', () => {
  it('is stored once, and asked for anew by who asks later', async () => {
    const first = bed.ask();
    await bed.clock.advance(TICK_MS);
    expect(first.outcome).toBe('passed');
    const second = bed.ask();
    await bed.clock.advance(TICK_MS);
    expect(second.outcome).toBe('passed');
    expect(bed.packets).toEqual([stored(1), ...ROUND, ...ROUND]);
  });

  it('is asked for once by all who ask in one turn of the event loop', async () => {
    const asked = [bed.ask(), bed.ask(), bed.ask()];
    await bed.clock.advance(TICK_MS);
    expect(asked.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed']);
    expect(bed.packets).toEqual([stored(1), ...ROUND]);
  });

  it('has not passed who asked while it was on its way to another', async () => {
    bed.showsAfterMs = 200;
    const first = bed.ask();
    await bed.clock.advance(100);
    const second = bed.ask();
    await bed.clock.advance(150);
    expect([first.outcome, second.outcome]).toEqual(['passed', 'waiting']);
    await bed.clock.advance(250);
    expect(second.outcome).toBe('passed');
  });

  it('waits for a broker that does not come to show anything', async () => {
    bed.showsAfterMs = 900;
    const asked = bed.ask();
    await bed.clock.advance(890);
    expect(asked.outcome).toBe('waiting');
    await bed.clock.advance(50);
    expect(asked.outcome).toBe('passed');
  });

  it('is not taken for shown when what was stored before it is', async () => {
    bed.showsAfterMs = 1500;
    const first = bed.ask();
    await bed.clock.advance(1600);
    expect(first.outcome).toBe('waiting');
    await bed.clock.advance(1500);
    expect(first.outcome).toBe('passed');
  });

  it('is stored again where somebody emptied the store', async () => {
    bed.ask();
    await bed.clock.advance(TICK_MS);
    bed.stored = '';
    bed.packets.length = 0;
    const asked = bed.ask();
    await bed.clock.advance(1100);
    expect(asked.outcome).toBe('passed');
    expect(bed.packets).toEqual([...ROUND, stored(2), ...ROUND]);
  });

  it('says after half a minute that nothing is shown, and can be asked again', async () => {
    bed.showsAfterMs = undefined;
    const asked = bed.ask();
    await bed.clock.advance(32_000);
    expect(asked.outcome).toBe('the broker does not show what it stores');
    bed.showsAfterMs = 0;
    const again = bed.ask();
    await bed.clock.advance(TICK_MS);
    expect(again.outcome).toBe('passed');
  });

  it('holds nobody up where the broker does not let it be asked for', async () => {
    bed.isRefusing = true;
    const asked = bed.ask();
    await bed.clock.advance(TICK_MS);
    expect(asked.outcome).toBe('passed');
  });

  it('fails who waits when the connection ends, and leaves no timer', async () => {
    bed.showsAfterMs = undefined;
    const asked = bed.ask();
    await bed.clock.advance(100);
    bed.end.abort(new Error('closed'));
    await bed.clock.advance(0);
    expect(asked.outcome).toBe('closed');
    expect(bed.clock.pendingTimers).toBe(0);
  });

  it('is cleared only where it was stored', async () => {
    bed.marker.clear();
    expect(bed.packets).toEqual([]);
    bed.ask();
    await bed.clock.advance(TICK_MS);
    bed.marker.clear();
    expect(bed.packets.at(-1)).toBe(`PUBLISH ${TOPIC} `);
  });
});
