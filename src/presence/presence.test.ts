import { describe, expect, it } from '@jest/globals';
import type { Condition } from '../api/conditions.ts';
import type { DeviceStatus } from '../api/device.ts';
import type { Birth, Farewell } from '../protocol/envelopes.ts';
import {
  isDuplicateSession,
  noteHeard,
  onBirth,
  onFarewell,
  onHeartbeat,
  onMessage,
  onReconnect,
  onTick,
  recallPresence,
} from './presence.ts';
import type { Delivery, LivenessRules, Presence } from './presence.ts';

const RULES: LivenessRules = { heartbeatDefaultSeconds: 10, silenceFactor: 3, willGraceSeconds: 5 };
const NOW = Date.parse('2024-11-21T00:00:00Z');

/** A device's life as a test tells it: each step says at which second (both clocks) it happens. */
class Life {
  presence: Presence = recallPresence(undefined, 0);

  birth(second: number, parts: Partial<Birth> = {}, delivery: Delivery = 'live'): this {
    const birth: Birth = { online: true, encoding: 'json', session: 's1', heartbeat: 10, ...parts };
    this.presence = onBirth(this.presence, birth, delivery, at(second));
    return this;
  }

  farewell(second: number, parts: Partial<Farewell> = {}, delivery: Delivery = 'live'): this {
    const farewell: Farewell = { online: false, session: 's1', will: false, ...parts };
    this.presence = onFarewell(this.presence, farewell, delivery, at(second), RULES);
    return this;
  }

  heartbeat(second: number): this {
    this.presence = onHeartbeat(this.presence, at(second));
    return this;
  }

  message(second: number): this {
    this.presence = onMessage(this.presence, at(second));
    return this;
  }

  reconnect(second: number): this {
    this.presence = onReconnect(this.presence, second * 1000);
    return this;
  }

  at(second: number): string {
    this.presence = onTick(this.presence, at(second), RULES);
    return `${this.presence.online ? 'online' : 'offline'}/${this.presence.reason}`;
  }
}

const at = (second: number) => ({ now: NOW + second * 1000, reading: second * 1000 });
const life = (): Life => new Life();

describe('a device is', () => {
  const cases: [string, string, string][] = [
    ['offline while it was never heard', life().at(100), 'offline/NeverSeen'],
    ['online by its birth', life().birth(0).at(29), 'online/Birth'],
    ['offline after three heartbeat intervals of silence', life().birth(0).at(30), 'offline/Silence'],
    ['online as long as heartbeats come', life().birth(0).heartbeat(25).at(54), 'online/Birth'],
    ['never silent when it announced no heartbeats', life().birth(0, { heartbeat: 0 }).at(9999), 'online/Birth'],
    ['online by a heartbeat alone', life().heartbeat(0).at(29), 'online/Heartbeat'],
    ['offline when heartbeats alone stop for the default timeout', life().heartbeat(0).at(30), 'offline/Silence'],
    ['online by any message while it never sent a birth', life().message(0).at(1), 'online/Report'],
    ['offline at once by a goodbye', life().birth(0).farewell(1).at(1), 'offline/Goodbye'],
    ['still online within the grace of a will', life().birth(0).farewell(1, { will: true }).at(5), 'online/Birth'],
    ['offline after the grace of a will', life().birth(0).farewell(1, { will: true }).at(6), 'offline/LastWill'],
    [
      'online when it came back within the grace',
      life().birth(0).farewell(1, { will: true }).birth(3, { session: 's2' }).at(7),
      'online/Birth',
    ],
    [
      'online whatever the will of an older session says',
      life().birth(0).birth(5, { session: 's2' }).farewell(6, { will: true }).at(20),
      'online/Birth',
    ],
    ['online while it sleeps', life().birth(0).farewell(1, { asleep: 3600 }).at(3600), 'online/Asleep'],
    ['offline when it oversleeps', life().birth(0).farewell(1, { asleep: 3600 }).at(3601), 'offline/Silence'],
    ['not made online by a report after its goodbye', life().birth(0).farewell(1).message(2).at(2), 'offline/Goodbye'],
    [
      'online again by a heartbeat after it was given up',
      life().birth(0).farewell(1).heartbeat(2).at(3),
      'online/Heartbeat',
    ],
    ['believed to be online after a start', life().birth(0, {}, 'believed').at(29), 'online/Retained'],
    [
      'believed to be offline after a start, by the will of a session nobody saw',
      life().birth(0).farewell(1, { will: true, session: 's9' }, 'believed').at(1),
      'offline/LastWill',
    ],
    [
      'not woken by its own old birth when that is read again',
      life().birth(0).farewell(1).birth(2, {}, 'recheck').at(3),
      'offline/Goodbye',
    ],
    ['given a full timeout after a reconnect', life().birth(0).reconnect(28).at(57), 'online/Birth'],
    ['silent a full timeout after a reconnect', life().birth(0).reconnect(28).at(58), 'offline/Silence'],
  ];
  it.each(cases)('%s', (_name, found, expected) => {
    expect(found).toBe(expected);
  });
});

describe('two processes with one device id', () => {
  it('are seen when a replaced session announces itself again', () => {
    const { presence } = life().birth(0).birth(1, { session: 's2' });
    const birth = (session: string): Birth => ({ online: true, encoding: 'json', session });
    expect(isDuplicateSession(presence, birth('s1'))).toBe(true);
    expect(isDuplicateSession(presence, birth('s2'))).toBe(false);
    expect(isDuplicateSession(presence, birth('s3'))).toBe(false);
  });
});

describe('what the status remembers', () => {
  it('brings a sleeping device back asleep, with its announced heartbeat', () => {
    const asleepUntil = new Date(NOW + 60_000).toISOString();
    const status = { online: true, session: { id: 's1', heartbeat: 10, asleepUntil } };
    const recalled = life();
    recalled.presence = recallPresence(status, 0);
    expect(recalled.at(59)).toMatch(/^online/);
    expect(recalled.at(60)).toBe('offline/Silence');
  });

  it('knows a device without a birth by the default heartbeat', () => {
    const recalled = life();
    recalled.presence = recallPresence({ online: true }, 0);
    expect(recalled.at(29)).toMatch(/^online/);
    expect(recalled.at(30)).toBe('offline/Silence');
  });
});

describe('a sign of life noted in place', () => {
  it.each<[string, (life: Life) => Life, Readonly<Record<'heartbeat' | 'message', boolean>>]>([
    ['a device that is there', (life) => life.birth(0), { heartbeat: true, message: true }],
    ['one that was never seen', (life) => life, { heartbeat: false, message: false }],
    ['one that is gone', (life) => life.birth(0).farewell(1), { heartbeat: false, message: false }],
    ['a sleeper', (life) => life.birth(0).farewell(1, { asleep: 60 }), { heartbeat: false, message: true }],
    ['one whose will came', (life) => life.birth(0).farewell(1, { will: true }), { heartbeat: false, message: true }],
  ])('is what it is as another presence, or left to that: %s', (_who, live, taken) => {
    for (const kind of ['heartbeat', 'message'] as const) {
      const { presence } = live(new Life());
      const after = kind === 'heartbeat' ? onHeartbeat(presence, at(2)) : onMessage(presence, at(2));
      const before = { ...presence };
      expect(noteHeard(presence, at(2), kind === 'heartbeat')).toBe(taken[kind]);
      expect(presence).toEqual(taken[kind] ? after : before);
    }
  });
});

describe('the presence that a status remembers', () => {
  const recalled = (reason: string, status: DeviceStatus) => {
    const condition = { type: 'Online', status: 'False', reason, message: '', lastTransitionTime: '' } as Condition;
    return recallPresence({ ...status, conditions: [condition] }, 0).reason;
  };

  it.each([
    ['Goodbye', { online: false, session: { id: 's1' } }, 'Goodbye'],
    ['Flapping', { online: true, session: { id: 's1' } }, 'Retained'],
    ['Disabled', { online: false, session: { id: 's1' } }, 'LastWill'],
    ['Disabled', { online: false }, 'NeverSeen'],
    ['DuplicateDeviceId', { online: false }, 'NeverSeen'],
    ['WrittenByHand', { online: true }, 'Retained'],
  ])('takes of %s only what it says of the device: %j', (reason, status, expected) => {
    expect(recalled(reason, status)).toBe(expected);
  });
});
