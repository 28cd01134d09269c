import { describe, expect, it } from '@jest/globals';
import { parseMetrics } from '../../test/world/metrics.ts';
import { device } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import type { Condition } from '../api/conditions.ts';
import type { Device, DeviceStatus } from '../api/device.ts';
import { Store } from '../cache/store.ts';
import { SYNC_CLASSES, classOfDevice, forgetFleet, tellFleet } from './fleet.ts';
import { createMetrics } from './metrics.ts';

/** `Type Status Reason` of each condition. */
function status(conditions: readonly string[], parts: DeviceStatus = {}): DeviceStatus {
  return {
    observedGeneration: 1,
    online: false,
    ...parts,
    conditions: conditions.map((words) => {
      const [type, value, reason] = words.split(' ');
      return { type, status: value, reason, message: '', lastTransitionTime: '2024-11-20T00:00:00Z' } as Condition;
    }),
  };
}

class Fleet {
  readonly store = new Store<Device>({ classOf: classOfDevice });
  readonly metrics = createMetrics();
  readonly term = new AbortController();
  #version = 0;

  constructor() {
    tellFleet(this.metrics, this.store, this.term.signal);
  }

  /** Puts an object into the cache, new or changed. */
  holds(name: string, parts: DeviceParts = {}): void {
    const object = device({ name, uid: name, ...parts });
    this.#version += 1;
    this.store.upsert({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
  }

  async scrape() {
    const read = parseMetrics((await this.metrics.render()).body);
    return {
      sync: (sync: string, online?: boolean) =>
        read.value('mir_devices_by_sync', { sync, ...(online !== undefined && { online: String(online) }) }),
      condition: (condition: string, value: string, reason?: string) =>
        read.value('mir_device_conditions', { condition, status: value, ...(reason !== undefined && { reason }) }),
      devices: read.value('mir_devices'),
      all: read.value('mir_devices_by_sync'),
      series: [...read.series.keys()],
    };
  }
}

describe('the fleet in numbers', () => {
  it.each([
    ['no status', undefined, 'Unobserved'],
    ['a status of an older generation', status(['Synced True InSync'], { observedGeneration: 0 }), 'Unobserved'],
    ['everything in sync', status(['Synced True InSync']), 'InSync'],
    ['nothing desired', status(['Synced True NoDesired']), 'InSync'],
    ['an acknowledged message', status(['Synced False Acknowledged']), 'Acknowledged'],
    ['a pending message', status(['Synced False Pending']), 'Pending'],
    ['a drifted message', status(['Synced False Drifted']), 'Drifted'],
    ['a rejected message', status(['Synced False Rejected']), 'Rejected'],
    ['an invalid message', status(['Synced False Invalid']), 'Invalid'],
    ['a document that the broker refuses', status(['Synced False BrokerRefused']), 'Unpublished'],
    ["another object's device id", status(['Synced False DuplicateDeviceId']), 'Unpublished'],
  ])('counts a device with %s once', async (_case, before, sync) => {
    const fleet = new Fleet();
    fleet.holds('a', before === undefined ? {} : { status: before });
    const read = await fleet.scrape();
    expect({ all: read.all, ofClass: read.sync(sync, false), devices: read.devices }).toEqual({
      all: 1,
      ofClass: 1,
      devices: 1,
    });
  });

  it('counts a device that is cut off as that, whatever its messages say', async () => {
    const fleet = new Fleet();
    fleet.holds('a', { disabled: true, status: status(['Synced True NoDesired']) });
    expect((await fleet.scrape()).sync('Disabled')).toBe(1);
  });

  it('tells those who are online from those who are not', async () => {
    const fleet = new Fleet();
    fleet.holds('a', { status: status(['Synced False Pending'], { online: true }) });
    fleet.holds('b', { status: status(['Synced False Pending']) });
    const read = await fleet.scrape();
    expect([read.sync('Pending', true), read.sync('Pending', false)]).toEqual([1, 1]);
  });

  it('tells every class from the start, so that an expression about it is never empty', async () => {
    const { series } = await new Fleet().scrape();
    const classes = SYNC_CLASSES.flatMap((sync) =>
      ['true', 'false'].map((online) => `mir_devices_by_sync{sync="${sync}",online="${online}"}`),
    );
    expect(series).toEqual(expect.arrayContaining(classes));
    expect(series).toContain('mir_device_conditions{condition="Stalled",status="True",reason="Rejected"}');
  });

  it('counts conditions by status and reason', async () => {
    const fleet = new Fleet();
    fleet.holds('a', { status: status(['Ready False Rejected', 'Stalled True Rejected', 'Online True Birth']) });
    fleet.holds('b', { status: status(['Ready True Published', 'Online False Silence']) });
    const read = await fleet.scrape();
    expect(read.condition('Stalled', 'True', 'Rejected')).toBe(1);
    expect(read.condition('Ready', 'True')).toBe(1);
    expect(read.condition('Online', 'False', 'Silence')).toBe(1);
  });

  it('follows a device through its changes and out of the cluster', async () => {
    const fleet = new Fleet();
    fleet.holds('a');
    fleet.holds('a', { status: status(['Synced False Pending', 'Reconciling True Pending']) });
    fleet.holds('a', { status: status(['Synced True InSync'], { online: true }) });
    const settled = await fleet.scrape();
    expect([settled.all, settled.sync('InSync', true), settled.condition('Reconciling', 'True')]).toEqual([1, 1, 0]);
    fleet.store.remove('default/a');
    const gone = await fleet.scrape();
    expect([gone.all, gone.devices, gone.condition('Synced', 'True')]).toEqual([0, 0, 0]);
  });

  it('bounds the labels, whatever somebody writes into a status', async () => {
    const fleet = new Fleet();
    for (let n = 0; n < 50; n += 1) fleet.holds(`d${n}`, { status: status([`Ready False Made${n}`]) });
    const { series, condition } = await fleet.scrape();
    expect(condition('Ready', 'False', 'Other')).toBe(50);
    expect(series.filter((name) => name.includes('Made'))).toEqual([]);
  });

  it('tells nothing more when the term is over: the next leader does', async () => {
    const fleet = new Fleet();
    fleet.holds('a', { status: status(['Synced True InSync'], { online: true }) });
    await fleet.scrape();
    fleet.term.abort();
    forgetFleet(fleet.metrics);
    const { all, devices, series } = await fleet.scrape();
    expect({ all, devices }).toEqual({ all: 0, devices: 0 });
    expect(series.filter((name) => name.startsWith('mir_device'))).toEqual([]);
  });

  it('looks at no device at a scrape, however many there are', async () => {
    const fleet = new Fleet();
    for (let n = 0; n < 1000; n += 1) fleet.holds(`d${n}`, { status: status(['Synced True InSync']) });
    expect([...fleet.store.classes()]).toHaveLength(1);
    expect((await fleet.scrape()).sync('InSync')).toBe(1000);
  });
});
