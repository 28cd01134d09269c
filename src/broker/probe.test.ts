import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { createTopics } from '../protocol/topics.ts';
import type { BrokerFindings } from './broker.ts';
import { BrokerError } from './broker.ts';
import { OwnMessage } from './own-message.ts';
import { Probe } from './probe.ts';
import { matchesFilter } from './retained-reader.ts';

const TICK_MS = 10;
const TOPICS = createTopics().probe('operator-1');

/** What a broker shows for a filter: the topic as it says it, and whether RETAIN is set; undefined: nothing. */
type Shows = (filter: string, qos: 0 | 1) => { topic: string; retained: boolean } | undefined;

const asStored: Shows = (filter) =>
  matchesFilter(TOPICS.topic, filter) ? { topic: TOPICS.topic, retained: true } : undefined;

function start(shows: Shows, more: { refuses?: (what: string) => boolean; lateMs?: number } = {}) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const stored: string[] = [];
  const found: BrokerFindings[] = [];
  const broker = { shows, refuses: more.refuses ?? (() => false) };
  const refusal = new BrokerError('refused', 'the broker refused', { code: 0x87 });
  const message: OwnMessage = new OwnMessage(
    TOPICS.topic,
    {
      store: async (topic, payload) => {
        if (broker.refuses('PUBLISH')) throw refusal;
        await Promise.resolve();
        stored.push(`${topic} ${payload}`);
      },
      subscribe: async (filters, qos) => {
        if (broker.refuses('SUBSCRIBE')) return new Map(filters.map((filter) => [filter, refusal]));
        const seen = broker.shows(filters[0] ?? '', qos);
        if (seen !== undefined) clock.after(more.lateMs ?? 0, () => message.see(seen.topic, 'nonce', seen.retained));
        await Promise.resolve();
        return new Map();
      },
      unsubscribe: () => Promise.resolve(),
    },
    { clock, tickMs: TICK_MS },
    () => 'nonce',
  );
  const probe = new Probe(TOPICS, message, clock);
  const done = probe.run(stop.signal, (findings) => found.push(findings));
  let isOpen = false;
  void probe.gate.then(() => (isOpen = true));
  return { clock, stop, stored, found, broker, done, probe, isOpen: () => isOpen };
}

describe('the probe', () => {
  it('proves a broker that shows what it stores, and clears its message', async () => {
    const { clock, stored, probe, done, isOpen } = start(asStored);
    await clock.advance(0);
    expect(isOpen()).toBe(true);
    await clock.advance(0);
    await done;
    expect(probe.findings).toEqual({
      isStoreProven: true,
      pageQos: 1,
      lateTicks: 0,
      matchesParentLevel: true,
      shortcoming: undefined,
    });
    expect(stored).toEqual([`${TOPICS.topic} nonce`, `${TOPICS.topic} `]);
  });

  it('waits for one that is slow to show, and lets pages begin meanwhile', async () => {
    const { clock, probe, isOpen } = start(asStored, { lateMs: 1500 });
    await clock.advance(999);
    expect(isOpen()).toBe(false);
    await clock.advance(1);
    expect(isOpen()).toBe(true);
    expect(probe.findings.isStoreProven).toBe(false);
    await clock.advance(5000);
    expect(probe.findings).toMatchObject({ isStoreProven: true, matchesParentLevel: true });
  });

  it('finds how late stored messages come, and does not take its own freeze for that', async () => {
    const { clock, probe } = start(asStored, { lateMs: 405 });
    await clock.advance(100);
    clock.spend(250);
    await clock.advance(2000);
    expect(probe.findings).toMatchObject({ isStoreProven: true, lateTicks: 16 });
  });

  it('finds that # does not match the level above it', async () => {
    const { clock, probe } = start((filter, qos) => (filter === TOPICS.parent ? undefined : asStored(filter, qos)));
    await clock.advance(10_000);
    expect(probe.findings).toMatchObject({ isStoreProven: true, matchesParentLevel: false });
  });

  it('reads pages at QoS 0 where stored messages come like live ones', async () => {
    const { clock, probe } = start(() => ({ topic: TOPICS.topic, retained: false }));
    await clock.advance(1);
    expect(probe.findings).toMatchObject({ isStoreProven: true, pageQos: 0 });
  });

  it.each<[string, Shows, RegExp]>([
    ['shows nothing', () => undefined, /shows none; enable retained messages/],
    [
      'shows nothing to wildcards',
      (filter, qos) => (filter.includes('#') ? undefined : asStored(filter, qos)),
      /no filter with wildcards/,
    ],
    [
      'changes dots',
      () => ({ topic: TOPICS.topic.replaceAll('.', '/'), retained: true }),
      /dots in topics to slashes; set its delimiter/,
    ],
  ])('says of a broker that %s what to set, and looks again', async (_what, shows, shortcoming) => {
    const { clock, probe, broker } = start(shows);
    await clock.advance(8000);
    expect(probe.findings.isStoreProven).toBe(false);
    expect(probe.findings.shortcoming).toMatch(shortcoming);
    broker.shows = asStored;
    await clock.advance(40_000);
    expect(probe.findings).toMatchObject({ isStoreProven: true, shortcoming: undefined });
  });

  it.each(['PUBLISH', 'SUBSCRIBE'])(
    'passes on why %s is refused, and proves the broker when it is not any more',
    async (packet) => {
      const { clock, probe, broker, isOpen } = start(asStored, { refuses: (what) => what === packet });
      await clock.advance(1);
      expect(isOpen()).toBe(true);
      expect(probe.findings).toMatchObject({ isStoreProven: false, shortcoming: 'the broker refused' });
      broker.refuses = () => false;
      await clock.advance(40_000);
      expect(probe.findings.isStoreProven).toBe(true);
    },
  );

  it('leaves nothing behind when the connection ends', async () => {
    const { clock, stop, done, isOpen } = start(() => undefined);
    await clock.advance(500);
    stop.abort();
    await done;
    expect(isOpen()).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
