/** Changes that were made while nobody led, or that no watch told of: found by comparing objects with their histories. */
import { describe, expect, it } from '@jest/globals';
import { TermBed, startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import { authorStamp } from '../api/author.ts';
import { NOON, ON, by, changesOf, linesOf, started, take } from './testing/recorded.ts';

const LATER = '2026-01-01T12:00:01Z';

describe('a change that nobody saw', () => {
  it('is found after the start as one step, with the author that the object names', async () => {
    const kube = await recordedBy([by('alice', 1, 60)]);
    kube.apply(device(by('bob', 2, 45)));
    kube.apply(device(by('carol', 3, 30, { manager: ['kubectl-edit', LATER] })));
    await using bed = await continued(kube);
    await bed.pass(10_000);
    expect(linesOf(bed)).toEqual(['3 carol: 60 → 30 (Pending)', '1 alice: - → 60 (Superseded)']);
    expect(changesOf(bed)[0]?.time).toBe(LATER);
  });

  it("is the field manager's where the stamp is of a change before", async () => {
    const kube = await recordedBy([by('alice', 1, 60)]);
    kube.apply(device({ desired: rate(30), annotations: authorStamp('alice', '1'), manager: ['helm', NOON] }));
    await using bed = await continued(kube);
    await bed.pass(10_000);
    expect(linesOf(bed)[0]).toBe('2 helm: 60 → 30 (Pending)');
  });

  it('is found when it came between a change and its record', async () => {
    const first = await started([by('alice', 1, 60)]);
    await first.pass(5000);
    first.apply(by('bob', 2, 30));
    await first.pass(50);
    await first.end();
    expect(linesOf(first)).toHaveLength(1);
    await using bed = await continued(first.kube);
    await bed.pass(10_000);
    expect(linesOf(bed)).toEqual(['2 bob: 60 → 30 (Pending)', '1 alice: - → 60 (Superseded)']);
  });

  it('gets its outcome, also when the device answered while nobody led', async () => {
    const first = await started([by('alice', 1, 60)]);
    await first.pass(5000);
    await first.end();
    await using bed = await continued(first.kube);
    await bed.pass(3000);
    take(bed);
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (InSync)']);
  });

  it('of many devices without a history is recorded little by little', async () => {
    await using bed = await startTerm(
      Array.from({ length: 1500 }, (_, at) =>
        device(by('alice', 1, 60, { name: `s${at}`, uid: `u${at}`, deviceId: `d${at}` })),
      ),
      { ...ON, historyWritesPerSecond: 100 },
    );
    await bed.pass(2000);
    const { values } = await bed.metrics.workqueueAdds.get();
    expect(values.find(({ labels }) => labels.name === 'history')?.value).toBeLessThan(1250);
    await bed.pass(30_000);
    expect(linesOf(bed, 'default/s1499')).toEqual(['1 alice: - → 60 (Pending)']);
  });

  it('is looked for in metadata alone, and nothing is read where nothing is behind', async () => {
    const kube = await recordedBy(
      Array.from({ length: 600 }, (_, at) => by('alice', 1, 60, { name: `s${at}`, uid: `u${at}`, deviceId: `d${at}` })),
    );
    kube.histories.requests.length = 0;
    await using bed = await continued(kube);
    await bed.pass(30_000);
    expect(bed.kube.histories.requests).toEqual([
      'LIST /apis/iot.mir/v1alpha/devicehistories',
      'LIST /apis/iot.mir/v1alpha/devicehistories',
    ]);
  });

  it('is found after a LIST that took the place of the watch', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.pauseWatch();
    bed.apply(by('bob', 2, 30));
    bed.kube.expireWatch();
    bed.kube.resumeWatch();
    await bed.pass(10_000);
    expect(linesOf(bed)[0]).toBe('2 bob: 60 → 30 (Pending)');
  });
});

/** What a term recorded of `devices`, which then ended. */
async function recordedBy(devices: readonly DeviceParts[]) {
  const bed = await started(devices);
  await bed.pass(5000 + devices.length * 25);
  await bed.end();
  expect(bed.history(`default/${devices[0]?.name ?? 'sensor'}`)).toBeDefined();
  return bed.kube;
}

/** Another term at the same API server, and at a broker that has kept nothing. */
async function continued(kube: TermBed['kube']): Promise<TermBed> {
  const bed = new TermBed(ON, kube);
  bed.broker.connect();
  await bed.pass(0);
  return bed;
}
