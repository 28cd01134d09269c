import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';

const STATE = 'mir/v1alpha/sensor-01/state';
const GRACE_MS = 5000;
const birth = (session = 's1', more: object = {}) => ({ online: true, session, heartbeat: 10, ...more });
const will = (session = 's1') => ({ online: false, session, will: true });

/** A device that has just sent its birth and beats every ten seconds. */
async function born(config = {}) {
  const bed = await startTerm([device()], config);
  await bed.pass(1000);
  bed.says(birth());
  await bed.pass(1000);
  expect(bed.condition('Online')).toBe('True/Birth');
  return bed;
}

describe('a device', () => {
  it('that has never been heard is offline', async () => {
    await using bed = await startTerm([device()]);
    await bed.pass(60_000);
    expect(bed.status().online).toBe(false);
    expect(bed.condition('Online')).toBe('False/NeverSeen');
  });

  it.each([
    ['a heartbeat', (bed: Awaited<ReturnType<typeof born>>) => bed.beats(), 'True/Heartbeat'],
    ['a report', (bed: Awaited<ReturnType<typeof born>>) => bed.reports(RATE, { value: {} }), 'True/Report'],
  ])('that has never sent a birth is online with %s', async (_name, act, online) => {
    await using bed = await startTerm([device()]);
    await bed.pass(1000);
    act(bed);
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe(online);
  });

  it('that says goodbye is offline at once', async () => {
    await using bed = await born();
    bed.says({ online: false, session: 's1' });
    await bed.pass(100);
    expect(bed.condition('Online')).toBe('False/Goodbye');
    expect(bed.events).toEqual(['Normal Online', 'Normal Offline']);
  });

  it('whose connection breaks is offline after the grace and not before', async () => {
    await using bed = await born();
    bed.says(will());
    await bed.pass(GRACE_MS - 500);
    expect(bed.condition('Online')).toBe('True/Birth');
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('False/LastWill');
    expect(bed.events).toContain('Warning Offline');
  });

  it('that comes back within the grace has never been away', async () => {
    await using bed = await born();
    bed.says(will());
    await bed.pass(GRACE_MS / 2);
    bed.says(birth('s2'));
    await bed.pass(GRACE_MS * 2);
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(bed.events).toEqual(['Normal Online']);
    expect(bed.status().session?.id).toBe('s2');
  });

  it.each([
    ['last will', { will: true }],
    ['goodbye', {}],
  ])('is not affected by the %s of a session that is over', async (_name, more) => {
    await using bed = await born();
    bed.says(birth('s2'));
    bed.says({ online: false, session: 's1', ...more });
    await bed.pass(GRACE_MS * 2);
    expect(bed.condition('Online')).toBe('True/Birth');
  });

  it('that sleeps is online for that long, and then offline for its silence', async () => {
    await using bed = await born();
    bed.says({ online: false, session: 's1', asleep: 600 });
    await bed.pass(599_000);
    expect(bed.condition('Online')).toBe('True/Asleep');
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe('False/Silence');
  });

  it('that wakes up in time is online', async () => {
    await using bed = await born();
    bed.says({ online: false, session: 's1', asleep: 600 });
    await bed.pass(300_000);
    bed.says(birth('s2', { heartbeat: 0 }));
    await bed.pass(600_000);
    expect(bed.condition('Online')).toBe('True/Birth');
  });

  it('that is silent for three heartbeats is offline, and online with the next one', async () => {
    await using bed = await born();
    await bed.pass(28_000);
    expect(bed.condition('Online')).toBe('True/Birth');
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe('False/Silence');
    bed.beats();
    await bed.pass(100);
    expect(bed.condition('Online')).toBe('True/Heartbeat');
  });

  it('that beats stays online', async () => {
    await using bed = await born();
    for (let beat = 0; beat < 12; beat++) {
      bed.beats();
      await bed.pass(10_000);
    }
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(bed.events).toEqual(['Normal Online']);
  });

  it('is not offline for silence while the operator could not hear it', async () => {
    await using bed = await born();
    await bed.pass(20_000);
    bed.broker.disconnect();
    await bed.pass(600_000);
    bed.broker.connect();
    await bed.pass(28_000);
    expect(bed.status().online).toBe(true);
    await bed.pass(3000);
    expect(bed.condition('Online')).toBe('False/Silence');
  });

  it('that left while the operator was away is offline after the reconnect', async () => {
    await using bed = await born();
    bed.broker.disconnect();
    bed.says(will());
    await bed.pass(5000);
    bed.broker.connect();
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('False/LastWill');
  });

  it('of which two exist is told of as a duplicate session', async () => {
    await using bed = await born();
    bed.says(birth('s2'));
    bed.says(birth('s1'));
    expect(await bed.badInput('DuplicateSession')).toBe(1);
    expect(bed.events).toContain('Warning DuplicateSession');
  });

  it('that fell silent is not woken by its birth being read again', async () => {
    await using bed = await born();
    await bed.until(() => bed.condition('Online') === 'False/Silence', 40_000);
    const pages = bed.broker.pages.length;
    await bed.until(() => bed.broker.pages.length > pages + 1, 700_000);
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe('False/Silence');
  });

  it('whose state nobody can read stays what it was', async () => {
    await using bed = await born();
    bed.broker.hear(STATE, '{"online": "yes"}');
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(await bed.badInput('InvalidEnvelope')).toBe(1);
  });
});

describe('a new term', () => {
  it('takes presence and session from the status, and grants a full timeout', async () => {
    await using before = await born();
    const object = before.object();
    await before.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    await bed.pass(28_000);
    expect(bed.kube.writes).toEqual([]);
    await bed.pass(3000);
    expect(bed.condition('Online')).toBe('False/Silence');
  });

  it('believes a goodbye that was said while nobody led', async () => {
    await using before = await born();
    const object = before.object();
    await before.end();
    await using bed = await startTerm();
    bed.broker.keep(STATE, JSON.stringify({ online: false, session: 's1' }));
    if (object !== undefined) bed.kube.apply(object);
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('False/Goodbye');
  });
});

describe('heartbeats', () => {
  /** Two hundred devices that all beat now. */
  const fleet = Array.from({ length: 200 }, (_, index) =>
    device({ name: `d${index}`, uid: `u${index}`, deviceId: `id-${index}` }),
  );

  it('alone cost the whole fleet a fixed number of writes a second, and everyone gets a turn', async () => {
    await using bed = await startTerm(fleet, { heartbeatWritesPerSecond: 20 });
    for (const { spec } of fleet) bed.beats(spec.deviceId);
    await bed.pass(15_000);
    const before = bed.kube.writes.length;
    for (const { spec } of fleet) bed.beats(spec.deviceId);
    await bed.pass(5000);
    expect(bed.kube.writes.length - before).toBeGreaterThan(80);
    expect(bed.kube.writes.length - before).toBeLessThanOrEqual(120);
    await bed.pass(6000);
    expect(new Set(bed.kube.writes.slice(before).map(({ key }) => key)).size).toBe(200);
    expect(bed.kube.writes.slice(before).every(({ patch }) => Object.keys(patch).join() === 'lastHeartbeat')).toBe(
      true,
    );
  });

  it('ride along on other writes', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })], { heartbeatWritesPerSecond: 0 });
    await bed.pass(1000);
    bed.beats();
    await bed.pass(10_000);
    const first = bed.status().lastHeartbeat;
    bed.beats();
    await bed.pass(10_000);
    expect(bed.status().lastHeartbeat).toBe(first);
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(1000);
    expect(bed.status().lastHeartbeat).not.toBe(first);
  });
});
