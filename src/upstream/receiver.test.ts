import { Buffer } from 'node:buffer';
import { silentLogger } from '../base/log.ts';
import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentObserver } from '../../test/fakes/silent-observer.ts';
import { device, RATE } from '../../test/gen/device.ts';
import type { Device } from '../api/device.ts';
import { Store } from '../cache/store.ts';
import { HeartbeatBudget } from '../liveness/heartbeat-budget.ts';
import { ReadingClock } from '../liveness/reading-clock.ts';
import { createTopics } from '../protocol/topics.ts';
import { ReportRequests } from './report-requests.ts';
import { PresenceWatch } from '../liveness/presence-watch.ts';
import { DEVICE_ID_INDEX } from '../twin/claims.ts';
import { Departed } from '../twin/departed.ts';
import { Fleet } from '../twin/fleet.ts';
import { Receiver } from './receiver.ts';

const topics = createTopics();

/** A receiver for one device, `sensor-01`, and what it makes of messages. */
function setUp(parts: Parameters<typeof device>[0] = {}) {
  const clock = new FakeClock();
  const lister = new Store<Device>({ indexes: { [DEVICE_ID_INDEX]: (object) => [object.spec.deviceId] } });
  lister.upsert(device(parts));
  const rules = { heartbeatDefaultSeconds: 10, silenceFactor: 3, willGraceSeconds: 5 };
  const reading = new ReadingClock(clock, 250);
  const fleet = new Fleet(lister, new PresenceWatch(rules, clock, reading), new Departed(clock, 60_000));
  const memory = fleet.refresh('sensor-01').memory;
  if (memory === undefined) throw new Error('the fleet knows no sensor-01');
  const said: string[] = [];
  const receiver = new Receiver({
    fleet,
    rules: { topics, limits: { maxPayloadBytes: 16_384, maxNesting: 32, maxReports: 64 }, reportsPerSecond: 100 },
    runtime: { clock, log: silentLogger, random: () => 0 },
    wake: {
      desired: () => said.push('desired'),
      changed: () => said.push('desired'),
      status: (_memory, writeClass) => said.push(`status ${writeClass}`),
      object: (_key, writeClass) => said.push(`status ${writeClass}`),
      page: () => said.push('page'),
      schema: () => said.push('schema'),
      ask: (_id, what) => said.push(`ask ${what}`),
      clear: (_memory, message) => said.push(`clear ${message}`),
    },
    observer: { ...silentObserver, refused: (reason) => said.push(`bad ${reason}`) },
    ports: {
      liveness: { rules, reading, heartbeats: new HeartbeatBudget(20) },
      expected: new ReportRequests(),
      schemas: {
        announce: (_memory, hash) => said.push(`schema ${hash}`),
        receive: () => said.push('schema received'),
        want: () => {},
      },
      discovery: { note: () => {} },
      provisioner: undefined,
    },
  });
  const send = (topic: string, body: unknown, retained = false): void =>
    receiver.route({ topic, payload: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), retained });
  return {
    memory,
    receiver,
    clock,
    said,
    send,
    report: (intervalSeconds: number, retained = false) =>
      send(topics.reported('sensor-01', RATE), { value: { intervalSeconds } }, retained),
    inbox: () => memory.inbox.peek().get(RATE)?.envelope.value,
  };
}

describe('the receiver', () => {
  it('does not let the stored report of a page replace a newer one that was heard live meanwhile', () => {
    const { memory, report, inbox } = setUp();
    memory.retained.openWindow(65);
    report(30);
    report(60, true);
    expect(inbox()).toEqual({ intervalSeconds: 30 });
  });

  it('hears the newest report again when a page shows an older one and the twin has lost both', () => {
    const { memory, report, inbox } = setUp();
    memory.retained.openWindow(65);
    report(30);
    memory.inbox.noteCarried(memory.inbox.peek());
    report(60, true);
    expect(inbox()).toEqual({ intervalSeconds: 30 });
  });

  it('takes stored reports that nobody has repeated', () => {
    const { memory, report, inbox } = setUp();
    memory.retained.openWindow(65);
    report(60, true);
    expect(inbox()).toEqual({ intervalSeconds: 60 });
  });

  it('does not let a stored last will end a session that was heard live meanwhile', () => {
    const { memory, send } = setUp();
    memory.retained.openWindow(65);
    send(topics.state('sensor-01'), { online: true, session: 's2' });
    send(topics.state('sensor-01'), { online: false, session: 's1', will: true }, true);
    expect(memory.presence).toMatchObject({ online: true, session: 's2' });
  });

  describe('while a page is read keeps of one device', () => {
    const name = (index: number): string => `flood.v1.M${index}`;
    const kept = ({ retained: { window } }: ReturnType<typeof setUp>['memory'], count: number): number[] =>
      Array.from({ length: count }, (_, index) => index).filter(
        (index) => window?.heard(topics.reported('sensor-01', name(index))) !== undefined,
      );

    it('nothing over the limit of size', () => {
      const { memory, send, said } = setUp();
      memory.retained.openWindow(65);
      for (let index = 0; index < 50; index += 1)
        send(topics.reported('sensor-01', name(index)), { value: { text: 'x'.repeat(20_000) } });
      send(topics.state('sensor-01'), { online: true, sdk: 'x'.repeat(20_000) });
      expect(kept(memory, 50)).toEqual([]);
      expect(memory.retained.window?.heard(topics.state('sensor-01'))).toBeUndefined();
      expect(new Set(said)).toEqual(new Set(['bad TooLarge']));
    });

    it('no more messages than it may have, nor more reports in line for its twin', () => {
      const { memory, receiver, clock, send } = setUp();
      memory.retained.openWindow(65);
      for (let index = 0; index < 2000; index += 1) {
        if (index % 100 === 0) {
          clock.spend(1000);
          receiver.releaseHeld();
        }
        send(topics.reported('sensor-01', name(index)), { value: { n: index } });
      }
      expect(kept(memory, 2000)).toHaveLength(65);
      expect(memory.inbox.size).toBe(128);
    });

    it('no more in a second than is read in one', () => {
      const { memory, report } = setUp();
      memory.retained.openWindow(65);
      for (let count = 1; count <= 150; count += 1) report(count);
      expect(memory.retained.window?.heard(topics.reported('sensor-01', RATE))?.toString()).toBe(
        '{"value":{"intervalSeconds":100}}',
      );
    });
  });

  it('counts and drops what a disabled device says', () => {
    const { report, said, inbox } = setUp({ disabled: true });
    report(60);
    expect(said).toEqual(['bad DeviceDisabled']);
    expect(inbox()).toBeUndefined();
  });

  it('keeps the value and not the decision of a report to another uid or of a revision that was never issued', () => {
    for (const [envelope, reason] of [
      [{ uid: 'another', revision: 1 }, 'ForeignUid'],
      [{ uid: 'uid-1', revision: 2_000_000_000 }, 'BadRevision'],
    ] as const) {
      const { memory, send, said } = setUp();
      send(topics.reported('sensor-01', RATE), { ...envelope, status: 'rejected', value: { intervalSeconds: 60 } });
      expect(said).toContain(`bad ${reason}`);
      expect(memory.inbox.peek().get(RATE)?.envelope).toEqual({ value: { intervalSeconds: 60 } });
    }
  });

  it("looks again at the broker when someone else writes the device's document", () => {
    const { memory, send, said } = setUp();
    memory.stepCopy({ kind: 'pageBegan' });
    memory.stepCopy({ kind: 'shown', payload: 'ours' });
    send(topics.desired('sensor-01'), 'ours');
    expect(said).toEqual([]);
    send(topics.desired('sensor-01'), 'theirs');
    expect(said).toEqual(['page']);
  });

  it('refuses bad input by its reason and goes on', () => {
    const { send, said, report, inbox } = setUp();
    send(topics.reported('sensor-01', RATE), '');
    send(topics.reported('sensor-01', RATE), '{');
    send(topics.state('sensor-01'), '[]');
    send(topics.state('nobody'), '{"online":true}');
    send('mir/v1alpha/no spaces/state', '{"online":true}');
    expect(said).toEqual([
      'bad EmptyPayload',
      'bad InvalidJson',
      'bad InvalidEnvelope',
      'bad UnknownDevice',
      'bad InvalidTopic',
    ]);
    report(60);
    expect(inbox()).toEqual({ intervalSeconds: 60 });
  });
});
