import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';

const BATTERY = 'sensor.v1.BatteryStatus';
const many = (count: number, desired?: ReturnType<typeof rate>) =>
  Array.from({ length: count }, (_, at) =>
    device({ name: `d-${at}`, uid: `uid-${at}`, deviceId: `id-${at}`, ...(desired && { desired }) }),
  );
const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `id-${at}`);

/** The bed cannot end while a write is under way. */
async function finishWrites(bed: TermBed): Promise<void> {
  bed.kube.writeDelayMs = 0;
  await bed.pass(5000);
}

/** Every 50 ms each of `devices` leaves or comes back, and `meanwhile` happens. */
async function flap(bed: TermBed, devices: readonly string[], seconds: number, meanwhile = (): void => undefined) {
  for (let at = 0; at < seconds * 20; at += 1) {
    for (const id of devices) bed.says({ online: at % 2 === 1, session: 's1' }, id);
    meanwhile();
    await bed.pass(50);
  }
}

describe('a device that flaps', () => {
  it('is written once a while with its last state, and says so', async () => {
    await using bed = await startTerm([device()]);
    bed.says({ online: true, session: 's1' });
    await bed.pass(1000);
    await flap(bed, ['sensor-01'], 5);
    const before = bed.kube.writes.length;
    await flap(bed, ['sensor-01'], 60);
    expect(bed.kube.writes.length - before).toBeLessThanOrEqual(7);
    expect(bed.condition('Online')).toMatch('/Flapping');
    bed.says({ online: false, session: 's1' });
    await bed.pass(11_000);
    expect(bed.condition('Online')).toBe('False/Flapping');
  });

  it('says how it is once it has been calm for a minute', async () => {
    await using bed = await startTerm([device()]);
    await flap(bed, ['sensor-01'], 10);
    bed.says({ online: true, session: 's2' });
    await bed.pass(61_000);
    expect(bed.condition('Online')).toBe('True/Birth');
  });

  it('says how it is after a restart of the operator too', async () => {
    const flapping = await startTerm([device()]);
    flapping.says({ online: true, session: 's1' });
    await flap(flapping, ['sensor-01'], 30);
    flapping.says({ online: true, session: 's1' });
    await flapping.pass(11_000);
    const object = flapping.object() ?? device();
    expect(flapping.condition('Online')).toBe('True/Flapping');
    await flapping.end();
    await using bed = await startTerm([object]);
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('True/Retained');
  });

  it('flaps too when it starts anew all the time', async () => {
    await using bed = await startTerm([device()]);
    for (let at = 0; at < 30; at += 1) {
      bed.says({ online: true, session: `s${at}` });
      await bed.pass(200);
    }
    await bed.pass(10_000);
    expect(bed.condition('Online')).toBe('True/Flapping');
    expect(bed.status().session?.id).toBe('s29');
  });

  it('has what it reports written as any other, and what a person changes', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await flap(bed, ['sensor-01'], 5);
    bed.reports(BATTERY, { value: { percentage: 1 } });
    bed.apply({ desired: rate(30) });
    await flap(bed, ['sensor-01'], 1);
    expect(bed.status().reported).toEqual({ [BATTERY]: { percentage: 1 } });
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 2 });
    bed.reports(RATE, { uid: 'uid-1', revision: 2, status: 'applied', value: { intervalSeconds: 30 } });
    await flap(bed, ['sensor-01'], 1);
    expect(bed.condition('Synced')).toBe('True/InSync');
  });

  it('does not keep quiet devices from being written, however many flap', async () => {
    await using bed = await startTerm(many(42));
    // The API server takes less than what they would ask for.
    bed.kube.writeDelayMs = 400;
    const [quiet = '', asked = '', ...flapping] = ids(42);
    let latestMs = 0;
    let sentAt = 0;
    let sent = 0;
    await flap(bed, flapping, 20, () => {
      const shown = bed.status('default/d-0').reported?.[BATTERY]?.['n'];
      if (sent > 0 && shown !== sent) latestMs = Math.max(latestMs, bed.clock.monotonic() - sentAt);
      if (sent > 0 && shown !== sent) return;
      [sent, sentAt] = [sent + 1, bed.clock.monotonic()];
      bed.reports(BATTERY, { value: { n: sent } }, quiet);
    });
    expect(latestMs).toBeLessThanOrEqual(2000);
    bed.says({ online: true, session: 's1' }, asked);
    await bed.pass(1000);
    expect(bed.condition('Online', 'default/d-1')).toBe('True/Birth');
    await finishWrites(bed);
  });
});

describe('a change of many devices', () => {
  /** Applied a hundred a second. */
  async function rollOut(bed: TermBed, count: number, onChanged: (at: number) => void = () => undefined) {
    for (let at = 0; at < count; at += 1) {
      bed.apply({ name: `d-${at}`, uid: `uid-${at}`, deviceId: `id-${at}`, desired: rate(30) });
      await bed.pass(10);
      onChanged(at);
    }
  }

  it('is told to all before Pending is written, but for the first few', async () => {
    await using bed = await startTerm(many(150, rate(60)));
    await bed.pass(10_000);
    const before = bed.kube.writes.length;
    await rollOut(bed, 150);
    expect(ids(150).every((id) => bed.document(id)?.messages[RATE]?.revision === 2)).toBe(true);
    expect(bed.kube.writes.length - before).toBeLessThanOrEqual(16 + 2 * 16);
    await bed.pass(5000);
    expect(bed.kube.writes.length - before).toBe(150);
    expect(bed.sync(RATE, 'default/d-149')).toMatchObject({ state: 'Pending', revision: 2 });
  });

  it('keeps Pending waiting as long as it goes on, but no device for more than twelve seconds', async () => {
    await using bed = await startTerm(many(1300, rate(60)));
    await bed.pass(20_000);
    const before = bed.kube.writes.length;
    const written: number[] = [];
    await rollOut(bed, 1300, () => written.push(bed.kube.writes.length - before));
    expect(written[900]).toBeLessThanOrEqual(16 + 2 * 16);
    expect(bed.sync(RATE, 'default/d-40')).toMatchObject({ state: 'Pending', revision: 2 });
    await bed.pass(15_000);
    expect(bed.kube.writes.length - before).toBe(1300);
  });

  it('is told as in sync at once to whom answers before the broker does', async () => {
    await using bed = await startTerm(many(150, rate(60)));
    for (const id of ids(150)) bed.says({ online: true, session: 's1' }, id);
    await bed.pass(10_000);
    bed.broker.publishDelayMs = 50;
    await rollOut(bed, 150, (at) => {
      const envelope = { uid: `uid-${at}`, revision: 2, status: 'applied', value: { intervalSeconds: 30 } } as const;
      bed.reports(RATE, envelope, `id-${at}`);
    });
    await bed.pass(200);
    expect(bed.sync(RATE, 'default/d-149')).toMatchObject({ state: 'InSync', revision: 2 });
  });

  it('is one write for each device that answers within a second', async () => {
    await using bed = await startTerm(many(150, rate(60)));
    for (const id of ids(150)) bed.says({ online: true, session: 's1' }, id);
    await bed.pass(10_000);
    const before = bed.kube.writes.length;
    await rollOut(bed, 150, (at) => {
      const envelope = { uid: `uid-${at}`, revision: 2, status: 'applied', value: { intervalSeconds: 30 } } as const;
      bed.clock.after(at < 20 ? 20 : 900, () => bed.reports(RATE, envelope, `id-${at}`));
    });
    await bed.pass(5000);
    expect(bed.kube.writes.length - before).toBe(150);
    expect(bed.condition('Synced', 'default/d-149')).toBe('True/InSync');
  });

  it('has one write of Pending in flight at a time while the API server is slow, and lets an answer pass', async () => {
    await using bed = await startTerm(many(100, rate(60)));
    for (const id of ids(100)) bed.says({ online: true, session: 's1' }, id);
    await bed.pass(10_000);
    await rollOut(bed, 100);
    await bed.pass(1000);
    bed.kube.writeDelayMs = 1000;
    await bed.pass(2000);
    const before = bed.kube.writes.length;
    bed.reports(RATE, { uid: 'uid-99', revision: 2, status: 'rejected', reason: 'no' }, 'id-99');
    await bed.pass(10);
    expect(bed.sync(RATE, 'default/d-99')?.state).toBe('Rejected');
    await bed.pass(2000);
    // Those that were under way, the answer, and one a second.
    expect(bed.kube.writes.length - before).toBeLessThanOrEqual(4 + 1 + 2);
    await finishWrites(bed);
  });
});
