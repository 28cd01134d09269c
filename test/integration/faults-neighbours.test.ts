import { expect } from '@jest/globals';
import type { Device } from '../../src/api/device.ts';
import { eventually } from '../world/eventually.ts';
import type { World } from '../world/world.ts';
import { Lane } from './support/fault-lane.ts';
import { expectNothingLostOrRepeated } from './support/fault-run.ts';
import { describeFaults, seconds } from './support/fault-suite.ts';

/** Paid in full only by a failure: an operator has to start first, beside the operators of other files. */
const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 };

describeFaults('nobody touches what is not theirs', {
  'when two operators serve two namespaces on one broker': twoNamespaces,
  "when another cluster's operator is pointed at the same broker": twoClusters,
  'when an object is deleted whose device stays connected, and comes back': deletedObject,
});

async function twoNamespaces(world: World): Promise<string> {
  const a = await Lane.open(world);
  const b = await Lane.open(world, { broker: a.broker });
  try {
    const first = await a.startOperator({ flags: ['--leader-election=false'] });
    await b.startOperator();
    await Promise.all([a.converged(), b.converged()]);
    b.traffic.start();
    // A sweep of the one, with documents of the other around: only its own orphan goes.
    await first.kill();
    const [orphan] = a.idle;
    if (orphan === undefined) throw new Error('no idle device');
    await world.kube.delete(orphan.path);
    await a.startOperator({ flags: ['--leader-election=false'] });
    const startedAt = performance.now();
    await cleared(a, orphan.deviceId);
    const ms = performance.now() - startedAt;
    await b.recovers();
    for (const device of [...a.devices, ...b.devices]) {
      const kept = await a.broker.retained(`mir/v1alpha/${device.deviceId}/desired`);
      expect({ id: device.deviceId, documents: kept.size }).toEqual({
        id: device.deviceId,
        documents: device === orphan ? 0 : 1,
      });
    }
    await expectNothingLostOrRepeated(b);
    return `withdrawn in ${seconds(ms)}, the start of that operator included`;
  } finally {
    await b.close();
    await a.close();
  }
}

async function twoClusters(world: World): Promise<string> {
  const ours = await Lane.open(world);
  const theirs = await world.namespace();
  try {
    await ours.startOperator();
    await ours.converged();
    const [contested] = ours.idle;
    if (contested === undefined) throw new Error('no idle device');
    const before = await ours.broker.retained('mir/v1alpha/#');
    const path = `/apis/iot.mir/v1alpha/namespaces/${theirs}/devices`;
    await world.kube.create(path, {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'claim', namespace: theirs },
      spec: { deviceId: contested.deviceId },
      properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 99 } } },
    });
    const startedAt = performance.now();
    const other = await ours.startOperator({ namespace: theirs, flags: ['--cluster-id=other'] });
    await eventually(
      'the other object is told whose device it is',
      async () => {
        const { status } = await world.kube.get<Device>(`${path}/claim`);
        expect(status?.conditions?.find(({ type }) => type === 'Stalled')).toMatchObject({
          status: 'True',
          reason: 'ForeignOwner',
        });
      },
      PATIENCE,
    );
    const ms = performance.now() - startedAt;
    expect(withoutStates(await ours.broker.retained('mir/v1alpha/#'))).toEqual(withoutStates(before));
    expect((await other.metrics()).value('mir_desired_published_total')).toBe(0);
    await world.kube.delete(`${path}/claim`);
    await ours.stillWorks();
    await expectNothingLostOrRepeated(ours);
    return `told in ${seconds(ms)}, the start of that operator included`;
  } finally {
    await ours.close();
  }
}

async function deletedObject(world: World): Promise<string> {
  const lane = await Lane.open(world);
  try {
    const operator = await lane.startOperator();
    await lane.converged();
    lane.traffic.start();
    const [device] = lane.idle;
    if (device === undefined) throw new Error('no idle device');
    await world.kube.delete(device.path);
    const startedAt = performance.now();
    await cleared(lane, device.deviceId);
    const ms = performance.now() - startedAt;
    device.report(7);
    await eventually('its messages are counted as those of an unknown device', async () => {
      expect((await operator.metrics()).value('mir_bad_input_total', { reason: 'UnknownDevice' })).toBeGreaterThan(0);
    });
    await device.create(world.kube);
    const { ms: backMs } = await lane.recovers();
    await lane.stillWorks();
    // The new object wants what the device has: that is taken without running a handler.
    expect(device.runCount).toBe(2);
    expect(lane.repeatedRuns()).toEqual([]);
    return `cleared in ${seconds(ms)}; with a new object in sync after ${seconds(backMs)}`;
  } finally {
    await lane.close();
  }
}

async function cleared(lane: Lane, deviceId: string): Promise<void> {
  const nothingIsRetained = async (): Promise<void> => {
    expect([...(await lane.broker.retained(`mir/v1alpha/${deviceId}/#`)).keys()]).toEqual([]);
  };
  await eventually(`nothing of ${deviceId} is retained`, nothingIsRetained, PATIENCE);
}

function withoutStates(retained: ReadonlyMap<string, string>): object {
  return Object.fromEntries([...retained].filter(([topic]) => topic.endsWith('/desired')));
}
