import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { Clock } from '../base/clock.ts';
import { onBirth, onFarewell, onHeartbeat, onReconnect, onTick, recallPresence } from '../presence/presence.ts';
import type { Moment, Presence } from '../presence/presence.ts';
import { ReadingClock } from './reading-clock.ts';
import { PresenceWatch } from './presence-watch.ts';
import { DeviceMemory } from '../twin/device-memory.ts';

const RULES = { heartbeatDefaultSeconds: 10, silenceFactor: 3, willGraceSeconds: 5 };
const TICK_MS = 250;

/** Some devices, their presenceWatch, and a clock whose wall side can be set. */
function setUp(devices: number) {
  const clock = new SettableClock();
  const reading = new ReadingClock(clock, TICK_MS);
  reading.isReading = true;
  const presenceWatch = new PresenceWatch(RULES, clock, reading);
  const memories = Array.from(
    { length: devices },
    (_, index) => new DeviceMemory(`d${index}`, undefined, presenceWatch),
  );
  const looks: string[] = [];
  const tick = (): string[] => {
    reading.tick();
    const memoryOf = (deviceId: string): DeviceMemory | undefined => {
      looks.push(deviceId);
      return memories[Number(deviceId.slice(1))];
    };
    return presenceWatch.judge(memoryOf).map(({ deviceId }) => deviceId);
  };
  const pass = (ms: number): string[] => {
    const changed: string[] = [];
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      clock.elapsedMs += TICK_MS;
      changed.push(...tick());
    }
    return changed;
  };
  const moment = (): Moment => ({ now: clock.now(), reading: reading.reading });
  return { clock, reading, presenceWatch, memories, looks, tick, pass, moment };
}

class SettableClock implements Clock {
  readonly #timers = new FakeClock();
  elapsedMs = 0;
  setForwardMs = 0;
  now = (): number => Date.UTC(2026, 0, 1) + this.elapsedMs + this.setForwardMs;
  monotonic = (): number => this.elapsedMs;
  after = (delayMs: number, callback: () => void): (() => void) => this.#timers.after(delayMs, callback);
}

const birth = { online: true, encoding: 'json', session: 's1', heartbeat: 10 } as const;

describe('presenceWatch', () => {
  it('looks at nobody of whom time can change nothing', () => {
    const { memories, looks, pass, moment, presenceWatch } = setUp(1000);
    for (const memory of memories.slice(0, 500)) {
      memory.replacePresence(onBirth(memory.presence, { ...birth, heartbeat: 0 }, 'live', moment()));
    }
    expect(pass(600_000)).toEqual([]);
    expect({ looks: looks.length, planned: presenceWatch.planned }).toEqual({ looks: 0, planned: 0 });
  });

  it('plans nothing for a heartbeat, and looks again once a timeout', () => {
    const { memories, looks, pass, moment, presenceWatch } = setUp(1);
    const [memory] = memories;
    if (memory === undefined) throw new Error('no device');
    memory.replacePresence(onBirth(memory.presence, birth, 'live', moment()));
    for (let beat = 0; beat < 3000; beat += 1) {
      memory.replacePresence(onHeartbeat(memory.presence, moment()));
      expect(pass(TICK_MS)).toEqual([]);
      expect(presenceWatch.planned).toBe(1);
    }
    // 750 s are 25 timeouts; a look that comes early in its slot is made again in the next one.
    expect(looks.length).toBeLessThanOrEqual(52);
  });

  it('keeps no more looks of one device than slots, however often a will and a birth take turns', () => {
    const { memories, pass, moment, presenceWatch } = setUp(1);
    const [memory] = memories;
    if (memory === undefined) throw new Error('no device');
    for (let turn = 0; turn < 4000; turn += 1) {
      memory.replacePresence(onBirth(memory.presence, { ...birth, heartbeat: 86_400 }, 'live', moment()));
      const farewell = { online: false, session: 's1', will: true } as const;
      memory.replacePresence(onFarewell(memory.presence, farewell, 'live', moment(), RULES));
      pass(TICK_MS);
    }
    expect(presenceWatch.planned).toBeLessThanOrEqual(300_000 / TICK_MS);
  });

  it('forgets whom the fleet forgets', () => {
    const { memories, pass, moment, presenceWatch } = setUp(2);
    for (const memory of memories) memory.replacePresence(onBirth(memory.presence, birth, 'live', moment()));
    expect(presenceWatch.online).toBe(2);
    const [gone] = memories.splice(0, 1);
    if (gone !== undefined) presenceWatch.forget(gone);
    expect(presenceWatch.online).toBe(1);
    pass(60_000);
    expect(presenceWatch.planned).toBe(0);
  });

  it('makes nobody offline for a freeze of the process, and everybody in time after it', () => {
    const { clock, memories, tick, pass, moment } = setUp(3);
    for (const memory of memories) memory.replacePresence(onBirth(memory.presence, birth, 'live', moment()));
    clock.elapsedMs += 3_600_000;
    expect(tick()).toEqual([]);
    expect(pass(29_000)).toEqual([]);
    expect(pass(1000)).toEqual(['d0', 'd1', 'd2']);
  });

  it('finds out within minutes that a sleeper has overslept when the wall clock is set forward', () => {
    const { clock, memories, pass, moment } = setUp(1);
    const [memory] = memories;
    if (memory === undefined) throw new Error('no device');
    memory.replacePresence(onBirth(memory.presence, birth, 'live', moment()));
    const farewell = { online: false, session: 's1', will: false, asleep: 86_400 } as const;
    memory.replacePresence(onFarewell(memory.presence, farewell, 'live', moment(), RULES));
    clock.setForwardMs = 86_400_000;
    expect(pass(300_000)).toEqual(['d0']);
  });

  it('comes to the same as looking at everybody all the time', () => {
    const step = fc.record({
      device: fc.nat(3),
      what: fc.constantFrom('birth', 'rare', 'never', 'will', 'goodbye', 'asleep', 'beat', 'reconnect', 'off', 'none'),
      ms: fc.nat(30_000),
    });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => expect(compare(steps)).toBeUndefined()));
  });
});

/** Plays a history twice, once with every device judged at every tick; the first difference at a tick, if there is one. */
function compare(steps: readonly { device: number; what: string; ms: number }[]): object | undefined {
  const { clock, reading, presenceWatch, memories, tick, moment } = setUp(4);
  const plain = memories.map(() => recallPresence(undefined, 0));
  for (const { device, what, ms } of steps) {
    for (const [index, memory] of memories.entries()) {
      if (index !== device && what !== 'reconnect') continue;
      memory.replacePresence(act(what, memory.presence, moment()));
      plain[index] = act(what, plain[index] ?? memory.presence, moment());
    }
    if (what === 'off' || what === 'reconnect') reading.isReading = what === 'reconnect';
    // A few long ticks among the short ones: the process was busy, or frozen.
    for (let passed = 0; passed < ms;) {
      const stepMs = TICK_MS + (passed === 0 ? ms % 450 : 0);
      clock.elapsedMs += stepMs;
      passed += stepMs + 1;
      tick();
      for (const [index, presence] of plain.entries()) plain[index] = onTick(presence, moment(), RULES);
      const online = plain.filter((presence) => presence.online).length;
      const found = { online: presenceWatch.online, presences: memories.map(({ presence }) => presence) };
      const expected = { online, presences: plain };
      // Matchers are slow, and there are many ticks.
      if (JSON.stringify(found) !== JSON.stringify(expected)) return { found, expected };
    }
  }
  return undefined;
}

function act(what: string, presence: Presence, at: Moment): Presence {
  const leave = (more: object): Presence =>
    onFarewell(presence, { online: false, session: 's1', will: false, ...more }, 'live', at, RULES);
  switch (what) {
    case 'birth':
      return onBirth(presence, birth, 'live', at);
    case 'rare':
      return onBirth(presence, { ...birth, heartbeat: 900 }, 'live', at);
    case 'never':
      return onBirth(presence, { ...birth, heartbeat: 0 }, 'live', at);
    case 'will':
      return leave({ will: true });
    case 'goodbye':
      return leave({});
    case 'asleep':
      return leave({ asleep: 20 });
    case 'beat':
      return onHeartbeat(presence, at);
    case 'reconnect':
      return onReconnect(presence, at.reading);
    default:
      return presence;
  }
}
