import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { createTopics } from '../protocol/topics.ts';
import type { BrokerFindings } from './broker.ts';
import { matchesFilter } from './retained-reader.ts';
import { ProbedShowing } from './showing.ts';

const TICK_MS = 10;

/** A broker that keeps what is stored, and shows it so much later. */
class Bed {
  readonly clock = new FakeClock();
  readonly end = new AbortController();
  readonly store = new Map<string, string>();
  readonly found: BrokerFindings[] = [];
  showsAfterMs: number | undefined = 0;
  readonly showing: ProbedShowing;

  constructor() {
    const port = {
      store: async (topic: string, payload: string) => {
        await Promise.resolve();
        if (payload === '') this.store.delete(topic);
        else this.store.set(topic, payload);
      },
      subscribe: async ([filter = '']: readonly string[]) => {
        for (const [topic, payload] of this.store) if (matchesFilter(topic, filter)) this.#show(topic, payload);
        await Promise.resolve();
        return new Map();
      },
      unsubscribe: () => Promise.resolve(),
    };
    const ticks = { clock: this.clock, tickMs: TICK_MS };
    this.showing = new ProbedShowing(createTopics().probe('operator-1'), port, ticks, this.end.signal);
  }

  /** Connects to one that shows what it stores so much later; undefined: never. */
  connect(showsAfterMs: number | undefined): void {
    this.showsAfterMs = showsAfterMs;
    void this.showing.probe((findings) => this.found.push(findings));
  }

  ask(): { outcome: string } {
    const asked = { outcome: 'waiting' };
    this.showing.passed().then(
      () => (asked.outcome = 'passed'),
      (error: Error) => (asked.outcome = error.message),
    );
    return asked;
  }

  #show(topic: string, payload: string): void {
    if (this.showsAfterMs === undefined) return;
    this.clock.after(this.showsAfterMs, () =>
      this.showing.takes({ topic, payload: Buffer.from(payload), retained: true }),
    );
  }
}

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.end.abort());

describe('how a broker shows what it stores', () => {
  it('is not guessed before it is judged, also when pages may begin', async () => {
    bed.connect(1500);
    const asked = bed.ask();
    let isOpen = false;
    void bed.showing.gate.then(() => (isOpen = true));
    await bed.clock.advance(1100);
    expect([isOpen, asked.outcome]).toEqual([true, 'waiting']);
    bed.showsAfterMs = 0;
    await bed.clock.advance(2000);
    expect(asked.outcome).toBe('passed');
    expect(bed.showing.findings.isStoreProven).toBe(true);
  });

  it('holds no page up where it is never proven', async () => {
    bed.connect(undefined);
    const asked = bed.ask();
    await bed.clock.advance(8000);
    expect(asked.outcome).toBe('passed');
    expect(bed.found.at(-1)?.shortcoming).toMatch(/shows none/);
  });

  it('is in doubt when it shows nothing any more, which is told, and proven again later', async () => {
    bed.connect(0);
    await bed.clock.advance(100);
    bed.showsAfterMs = undefined;
    const asked = bed.ask();
    await bed.clock.advance(33_000);
    expect(asked.outcome).toBe('the broker does not show what it stores');
    expect(bed.showing.findings).toMatchObject({ isStoreProven: false });
    expect(bed.found.at(-1)?.shortcoming).toMatch(/shows none/);
    const meanwhile = bed.ask();
    await bed.clock.advance(100);
    expect(meanwhile.outcome).toBe('passed');
    bed.showsAfterMs = 0;
    await bed.clock.advance(40_000);
    expect(bed.found.at(-1)).toMatchObject({ isStoreProven: true, shortcoming: undefined });
  });

  it('is not asked when the connection has ended', async () => {
    bed.connect(undefined);
    const asked = bed.ask();
    bed.end.abort(new Error('closed'));
    await bed.clock.advance(100);
    expect(asked.outcome).toBe('passed');
    expect(bed.clock.pendingTimers).toBe(0);
  });
});
