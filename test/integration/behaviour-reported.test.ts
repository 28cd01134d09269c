/** From the device to the object: reports, who is there, and what is refused. */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { BATTERY, RATE, Stage, condition } from './support/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage.close(), 120_000);

const rate = (intervalSeconds: number) => ({ [RATE]: { intervalSeconds } });
const README = readFileSync(join(import.meta.dirname, '../../src/protocol/README.md'), 'utf8');

describe('a device', () => {
  it('made of the lines in the protocol README is brought in sync', async () => {
    const lines = /<!-- device:begin -->\n```sh\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
    expect(lines).toContain('mosquitto_sub');
    await stage.create('readme', rate(60));
    const env = { ...process.env, MQTT_HOST: '127.0.0.1', MQTT_PORT: String(stage.world.broker.port) };
    const shell = spawn('bash', ['-c', lines.replaceAll('temp-sensor-01', stage.id('readme'))], {
      env,
      detached: true,
    });
    try {
      await stage.untilCondition('readme', 'Synced', 'True/InSync');
      await stage.desire('readme', RATE, { intervalSeconds: 30 });
      await stage.until('readme', 'reports 30', ({ status }) =>
        expect(status?.reported?.[RATE]).toEqual({ intervalSeconds: 30 }),
      );
      await stage.untilAnnounced('readme');
    } finally {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    }
    await stage.untilCondition('readme', 'Online', 'False/LastWill');
  });

  it('that sends heartbeats and nothing else goes online and offline', async () => {
    await stage.create('beating', rate(60));
    const beat = setInterval(() => void stage.say('beating', 'heartbeat', '', false), 200);
    try {
      await stage.untilCondition('beating', 'Online', 'True/Heartbeat');
      await stage.until('beating', 'has a last heartbeat', ({ status }) => expect(status?.lastHeartbeat).toMatch(/Z$/));
    } finally {
      clearInterval(beat);
    }
    await stage.untilCondition('beating', 'Online', 'False/Silence');
    await stage.untilEvent('beating', 'Offline', 'heartbeat');
  });

  it('that says goodbye is offline at once, one that sleeps stays online', async () => {
    await stage.create('leaving');
    const device = await stage.startDevice('leaving');
    await stage.untilAnnounced('leaving');
    await device.sleep(3600);
    await stage.untilCondition('leaving', 'Online', 'True/Asleep');
    await device.start();
    await stage.untilCondition('leaving', 'Online', 'True/Birth');
    await device.goOffline();
    await stage.untilCondition('leaving', 'Online', 'False/Goodbye');
  });

  it('that dies is offline after the grace of its last will', async () => {
    await stage.create('dying');
    const device = await stage.startDevice('dying');
    await stage.untilAnnounced('dying');
    device.die();
    await stage.untilCondition('dying', 'Online', 'False/LastWill');
  });

  it('is not taken offline by the last will of an older session, and two that take turns are shown', async () => {
    await stage.create('twice');
    const birth = (session: string) => ({ online: true, session, heartbeat: 0 });
    await stage.say('twice', 'state', birth('first'));
    await stage.say('twice', 'state', birth('second'));
    await stage.say('twice', 'state', { online: false, session: 'first', will: true });
    // The report is the barrier: it comes after the will on the same connection's broker.
    await stage.say('twice', `reported/${BATTERY}`, { value: { percentage: 1 } });
    await stage.until('twice', 'is online in its second session', ({ status }) => {
      expect(status?.reported?.[BATTERY]).toEqual({ percentage: 1 });
      expect(status).toMatchObject({ online: true, session: { id: 'second' } });
    });
    await stage.say('twice', 'state', birth('first'));
    await stage.untilEvent('twice', 'DuplicateSession', 'two processes');
  });

  it('is cut down to what its birth announces', async () => {
    await stage.create('announcing');
    await stage.say('announcing', 'state', { online: true, session: '1', reports: [RATE, BATTERY] });
    await stage.say('announcing', `reported/${RATE}`, { value: { intervalSeconds: 1 } });
    await stage.say('announcing', `reported/${BATTERY}`, { value: { percentage: 1 } });
    const names = (expected: string[]) =>
      stage.until('announcing', `reports ${expected.join()}`, ({ status }) =>
        expect(Object.keys(status?.reported ?? {}).toSorted()).toEqual(expected),
      );
    await names([BATTERY, RATE]);
    await stage.say('announcing', 'state', { online: true, session: '2', reports: [RATE] });
    await names([RATE]);
    await eventually('the topic of the dropped message is cleared', async () => {
      expect((await stage.world.broker.retained(stage.topic('announcing', 'reported/#'))).size).toBe(1);
    });
  });

  it('that leaves a password out of what it applied, or echoes a float, is in sync', async () => {
    await stage.create('secretive', { 'wifi.v1.Settings': { ssid: 'a', password: 'b' }, 'x.v1.Level': { volts: 3.2 } });
    await stage.untilCondition('secretive', 'Ready', 'True/Published');
    const { metadata } = await stage.get('secretive');
    const applied = { uid: metadata.uid, revision: 1, status: 'applied' };
    await stage.say('secretive', 'reported/wifi.v1.Settings', { ...applied, value: { ssid: 'a' } });
    await stage.say('secretive', 'reported/x.v1.Level', { value: { volts: 3.2000000477 } });
    await stage.untilCondition('secretive', 'Synced', 'True/InSync');
    await stage.say('secretive', 'reported/x.v1.Level', { ...applied, value: { volts: 5 } });
    await stage.untilCondition('secretive', 'Synced', 'False/Drifted');
  });

  it('that applies something else is Drifted/AppliedDifferently', async () => {
    await stage.create('stubborn', rate(60));
    await stage.untilCondition('stubborn', 'Ready', 'True/Published');
    const { metadata } = await stage.get('stubborn');
    await stage.say('stubborn', `reported/${RATE}`, {
      uid: metadata.uid,
      revision: 1,
      status: 'applied',
      value: { intervalSeconds: 10 },
    });
    await stage.until('stubborn', 'is Drifted', ({ status }) =>
      expect(status?.sync?.[RATE]).toMatchObject({ state: 'Drifted', reason: 'AppliedDifferently' }),
    );
  });
});

describe('bad input', () => {
  const deep = `{"value":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`;
  const cases: [reason: string, rest: string, payload: string | Buffer][] = [
    ['EmptyPayload', `reported/${RATE}`, ''],
    ['EmptyPayload', 'state', ''],
    ['InvalidJson', `reported/${RATE}`, '{"value":'],
    ['InvalidJson', 'state', 'hello'],
    ['InvalidUtf8', `reported/${RATE}`, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['InvalidEnvelope', `reported/${RATE}`, '{"value":[1]}'],
    ['InvalidEnvelope', 'state', '{"online":"yes"}'],
    ['UnsupportedVersion', `reported/${RATE}`, '{"version":2,"value":{}}'],
    ['InvalidProtobuf', `reported/${RATE}`, Buffer.from([0x08, 0x01, 0x32, 0xff])],
    ['UnsupportedEncoding', `reported/${RATE}`, Buffer.from([0x08, 0x01, 0x32, 0x02, 0x08, 0x3c])],
    // What is larger than the packets that the operator announced to take, a broker of MQTT 5 never delivers.
    ['TooLarge', `reported/${RATE}`, 'x'.repeat(200_000)],
    ['TooDeep', `reported/${RATE}`, deep],
    ['ForbiddenName', `reported/${RATE}`, '{"value":{"__proto__":{"a":1}}}'],
    [
      'ForeignUid',
      `reported/${RATE}`,
      '{"uid":"another","revision":1,"status":"applied","value":{"intervalSeconds":60}}',
    ],
  ];

  /** One for each case: the writes of one device have to keep their distance. */
  const victims = cases.map((_, at) => `victim-${at}`);

  beforeAll(async () => {
    for (const name of ['victim', ...victims]) await stage.create(name, rate(60));
    for (const name of ['victim', ...victims]) await stage.untilCondition(name, 'Ready', 'True/Published');
  });

  it.each(cases.map((one, at) => [...one, victims[at] ?? ''] as const))(
    '%s on %s is counted, told of on the object, and stops nothing',
    async (reason, rest, payload, victim) => {
      const before = await stage.badInput(reason);
      await stage.say(victim, rest, payload, false);
      await eventually(`${reason} is counted`, async () =>
        expect(await stage.badInput(reason)).toBeGreaterThan(before),
      );
      await stage.untilEvent(victim, reason, stage.id(victim));
      await stillWorks(victim);
    },
  );

  it('BadRevision: revisions that are no numbers, negative or far beyond all', async () => {
    const { metadata } = await stage.get('victim');
    for (const revision of [2_000_000_000, 2 ** 53, -1, 1.5, '7']) {
      await stage.say(
        'victim',
        `reported/${RATE}`,
        { uid: metadata.uid, revision, status: 'rejected', value: { intervalSeconds: 60 } },
        false,
      );
    }
    await eventually('they are counted', async () => expect(await stage.badInput('BadRevision')).toBeGreaterThan(0));
    await stillWorks();
  });

  it('UnknownDevice, InvalidTopic: devices that no object knows, topics that no device has', async () => {
    const { broker } = stage.world;
    const before = [await stage.badInput('UnknownDevice'), await stage.badInput('InvalidTopic')];
    await broker.publish(`mir/v1alpha/${stage.id('nobody')}/state`, '{"online":true}', { qos: 1 });
    await broker.publish('mir/v1alpha/with spaces/state', '{"online":true}', { qos: 1 });
    await broker.publish(stage.topic('victim', 'reported/not a name'), '{"value":{}}', { qos: 1 });
    await broker.publish('mir/v1alpha', 'x', { qos: 1 });
    await broker.publish(stage.topic('victim', 'reported/a.B/c/d'), 'x', { qos: 1 });
    await eventually('they are counted', async () => {
      expect(await stage.badInput('UnknownDevice')).toBeGreaterThan(before[0] ?? 0);
      expect(await stage.badInput('InvalidTopic')).toBeGreaterThanOrEqual((before[1] ?? 0) + 2);
    });
    await stillWorks();
  });

  it('desired names that cannot be messages are refused with the remedy, by the API server or by the operator', async () => {
    await expect(stage.create('bad-name', { 'wifi-settings': {} })).rejects.toThrow(/full name of a protobuf message/);
    await stage.create('prototype', { constructor: { a: 1 }, toString: { a: 1 } });
    await stage.untilCondition('prototype', 'Stalled', 'True/Invalid');
    await stillWorks();
  });

  it('a clock in 1970 disturbs nobody', async () => {
    await stage.create('old-clock', rate(60));
    const clock = { now: () => 1000, monotonic: () => performance.now(), after: afterMs };
    await stage.startDevice('old-clock', { parts: { clock } });
    await stage.untilCondition('old-clock', 'Synced', 'True/InSync');
    const { status } = await stage.get('old-clock');
    expect(Date.parse(status?.properties?.reported?.[RATE] ?? '')).toBeGreaterThan(Date.parse('2020-01-01'));
  });

  let round = 0;
  /** A good report still comes through. */
  async function stillWorks(victim = 'victim'): Promise<void> {
    round += 1;
    await stage.say(victim, `reported/${BATTERY}`, { value: { percentage: round } });
    await stage.until(victim, `reports ${round} %`, (object) => {
      expect(object.status?.reported?.[BATTERY]).toEqual({ percentage: round });
      expect(condition(object, 'Ready')).toMatch(/^True|Rejected$/);
    });
  }
});

describe('a device without an object', () => {
  it('gets one where provisioning is on, and from there on is like any other', async () => {
    await stage.operator.stop();
    await stage.startDevice('before');
    await stage.restartOperator([`--provision-namespace=${stage.namespace}`, '--provision-labels=site=hall-1']);
    await stage.startDevice('after');
    for (const name of ['before', 'after'].map((one) => stage.id(one))) {
      await eventually(`${name} is there`, async () => {
        const { metadata, status } = await stage.get(name);
        expect(metadata.labels).toEqual({ site: 'hall-1' });
        expect(status?.online).toBe(true);
      });
      await stage.desire(name, RATE, { intervalSeconds: 45 });
      await stage.until(name, 'reports 45', ({ status }) =>
        expect(status?.reported?.[RATE]).toEqual({ intervalSeconds: 45 }),
      );
      await stage.untilEvent(name, 'Provisioned', name);
    }
  });
});

function afterMs(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
