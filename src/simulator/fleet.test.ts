/** What a fleet does to its broker, behaviour by behaviour. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../base/clock.ts';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { parseReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import { connectCloud, entry } from '../sdk/testing/cloud.ts';
import type { Cloud } from '../sdk/testing/cloud.ts';
import { manualClock } from '../sdk/testing/manual-clock.ts';
import { startFleet } from './fleet.ts';
import type { Fleet } from './fleet.ts';
import { SAMPLE_DEVICE } from './models.ts';
import { parseProfile } from './profile/profile.ts';
import { readSchemas } from './profile/schemas.ts';
import { progressLine, takeSnapshot } from './progress.ts';
import { summaryOf } from './summary.ts';

const RATE = 'sensor.v1.SampleRate';
const MODE = 'device.v1.Mode';
const SAMPLES = join(import.meta.dirname, '../../manifests/samples/simulator/profile.yaml');

let broker: DevBroker;
let cloud: Cloud;
let fleet: Fleet | undefined;

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'd1');
});
afterEach(async () => {
  fleet?.kill();
  fleet = undefined;
  await cloud.close();
  await broker.close();
});

/** A fleet of one device `d1` with these behaviours, as YAML, unless `group` says otherwise. */
async function play(behaviours: string, group = '', clock?: Clock): Promise<Fleet> {
  const profile = parseProfile(
    `groups: [{name: g, id: d1, heartbeat: 0s, ${group} behaviours: [${behaviours}]}]`,
    'p.yaml',
  );
  fleet = startFleet({
    profile,
    devices: { broker: { url: broker.url }, model: SAMPLE_DEVICE },
    seed: '1',
    connectRate: 0,
    schemas: await readSchemas(profile, SAMPLES),
    ...(clock !== undefined && { clock }),
  });
  await fleet.started;
  await cloud.next('state', { online: true });
  return fleet;
}

const acts = (running: Fleet): Record<string, number> => Object.fromEntries(running.groups()[0]?.tally.acts ?? []);

describe('a device of a fleet', () => {
  it('applies, rejects and reports as its group says, and is counted', async () => {
    const running = await play(
      `{kind: apply, message: ${RATE}}, {kind: apply, message: ${MODE}, rejects: 1, reason: too busy},` +
        '{kind: report, message: a.v1.B, every: 10ms, value: {n: {$count: 1}}}',
    );
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }), [MODE]: entry(1, { mode: 'ECO' }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await cloud.next(`reported/${MODE}`, { status: 'rejected', reason: 'too busy' });
    await cloud.next('reported/a.v1.B');
    const snapshot = takeSnapshot(running, undefined);
    expect(snapshot).toMatchObject({
      devices: 1,
      online: 1,
      desired: 2,
      applied: 1,
      rejected: 1,
      pending: 0,
      faults: 0,
    });
    expect(progressLine(snapshot)).toMatch(
      /online 1\/1 .* desired 2 {2}applied 1 {2}rejected 1 {2}pending 0 {2}faults 0$/,
    );
    expect(summaryOf(running)).toMatch(/^GROUP +DEVICES[^\n]+\ng +1 +1 +2 +1 +1 +0 /);
  });

  it('speaks protobuf with the schema of its group', async () => {
    const schema = 'schema: ../proto/sensor/v1/sensor.proto, includes: [../proto], encoding: protobuf,';
    await play(`{kind: apply, message: ${RATE}}`, schema);
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    const { payload } = await cloud.next(`reported/${RATE}`);
    const parsed = parseReportedProtobuf(payload, { maxPayloadBytes: 16_384, maxNesting: 32 });
    expect(parsed).toMatchObject({ ok: true, value: { uid: 'uid-1', revision: 1 } });
  });

  it.each<[string, object]>([
    ['{kind: offline, every: 10ms, for: 10ms}', { online: false, will: false }],
    ['{kind: sleep, every: 10ms, for: 10ms}', { online: false, asleep: 11 }],
    ['{kind: flap, every: 10ms, for: 10ms}', { online: false, will: true }],
  ])('leaves and comes back by %s', async (behaviour, farewell) => {
    await play(behaviour);
    await cloud.next('state', { ...farewell });
    await cloud.next('state', { online: true });
  });

  it('leaves and comes back at the moments of a storm', async () => {
    const clock = manualClock();
    await play('{kind: storm, at: [20ms], for: 5ms}', '', clock);
    clock.advance(20);
    await cloud.next('state', { online: false, will: true });
    clock.advance(5);
    await cloud.next('state', { online: true });
  });
});

describe('a fault', () => {
  it('clamp applies another value than what is desired', async () => {
    const running = await play(`{kind: clamp, message: ${RATE}, field: intervalSeconds, to: [10, 60]}`);
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', value: { intervalSeconds: 10 } });
    expect(acts(running)).toEqual({ clamp: 1 });
  });

  it('never-acknowledges says nothing about what is desired, and goes on reporting', async () => {
    const running = await play(
      '{kind: never-acknowledges}, {kind: report, message: a.v1.B, every: 10ms, value: {n: {$count: 1}}}',
    );
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5 }) });
    while (acts(running)['never-acknowledges'] === undefined) await cloud.next('reported/a.v1.B');
    await cloud.next('reported/a.v1.B');
    expect(cloud.seen.some(({ on }) => on === `reported/${RATE}`)).toBe(false);
  });

  it('small-buffer loses documents above its size without a word', async () => {
    const running = await play(
      '{kind: small-buffer, bytes: 256, announces: 200}, {kind: report, message: a.v1.B, every: 10ms, value: {n: {$count: 1}}}',
    );
    expect(cloud.seen.find(({ on }) => on === 'state')?.json).toMatchObject({ maxBytes: 200 });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5, note: 'x'.repeat(300) }) });
    while (acts(running)['small-buffer'] === undefined) await cloud.next('reported/a.v1.B');
    await cloud.desire({ [RATE]: entry(2, {}) });
    await cloud.next(`reported/${RATE}`, { revision: 2 });
    expect(cloud.seen.some(({ json }) => json?.['revision'] === 1)).toBe(false);
  });

  it('constant-session keeps one session id over all connections, and survives its own messages', async () => {
    await play('{kind: constant-session}, {kind: flap, every: 10ms, for: 5ms}');
    const first = cloud.seen.find(({ on, json }) => on === 'state' && json?.['online'] === true)?.json?.['session'];
    for (let round = 0; round < 3; round += 1) {
      await cloud.next('state', { online: false, session: first });
      await cloud.next('state', { online: true, session: first });
    }
  });

  it('cloned-id makes two sessions take turns on one device id', async () => {
    await play('{kind: cloned-id, after: 10ms}');
    await cloud.next('state', { online: true });
    const sessions = cloud.seen.filter(({ on }) => on === 'state').map(({ json }) => json?.['session']);
    expect(new Set(sessions).size).toBe(2);
  });

  it('power-loss stores one entry of a document, dies, and comes back with that one', async () => {
    await play('{kind: power-loss, for: 10ms}');
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }), [MODE]: entry(2, { mode: 'ECO' }) });
    await cloud.next('state', { online: false, will: true });
    await cloud.next('state', { online: true, uid: 'uid-1', revision: 2 });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
  });

  it('no-clock lives in 1970, and is served all the same', async () => {
    await play('{kind: no-clock}, {kind: report, message: a.v1.B, every: 10ms, value: {at: {$time: rfc3339}}}');
    const report = await cloud.next('reported/a.v1.B');
    expect(JSON.stringify(report.json?.['value'])).toContain('"1970-01-01T00:00:');
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
  });

  it('wrong-encoding announces JSON and sends bytes that are none', async () => {
    await play('{kind: wrong-encoding, announces: json}');
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    const { payload } = await cloud.next(`reported/${RATE}`);
    expect(payload[0]).toBe(8);
  });

  it('wrong-encoding announces protobuf and sends JSON', async () => {
    await play('{kind: wrong-encoding, announces: protobuf}');
    expect(cloud.seen.find(({ on }) => on === 'state')?.json).toMatchObject({ encoding: 'protobuf' });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
  });

  it('garbage-revision names revisions that nobody gave', async () => {
    const running = await play('{kind: garbage-revision}');
    await cloud.desire({ [RATE]: entry(5, { intervalSeconds: 60 }) });
    const { json } = await cloud.next(`reported/${RATE}`);
    expect(json?.['revision']).not.toBe(5);
    expect(acts(running)['garbage-revision']).toBeGreaterThan(0);
  });

  it('bridge-replay sends an old birth again', async () => {
    await play('{kind: bridge-replay, every: 30ms}');
    const { json } = cloud.seen.find(({ on }) => on === 'state') ?? {};
    await cloud.next('state', { online: true, session: json?.['session'] });
  });

  it('half-open carries nothing any more, and nobody is told', async () => {
    const running = await play(
      '{kind: half-open, every: 20ms}, {kind: report, message: a.v1.B, every: 5ms, value: {n: {$count: 1}}}',
    );
    await cloud.next('reported/a.v1.B');
    while (acts(running)['half-open'] === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = cloud.seen.length;
    await cloud.publish('desired', '', true);
    await cloud.publish('state', '{"online":true,"session":"marker"}');
    await cloud.next('state', { session: 'marker' });
    // What was on its way when the line froze may still have come.
    expect(cloud.seen.length - before).toBeLessThanOrEqual(4);
    expect(running.groups()[0]?.online).toBe(1);
  });
});
