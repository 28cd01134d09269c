import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { device } from '../../test/gen/device.ts';
import type { Device } from '../api/device.ts';
import { Store } from '../cache/store.ts';
import { DEVICE_ID_INDEX } from './claims.ts';
import { Departed } from './departed.ts';
import { Fleet } from './fleet.ts';
import { ObjectIntake } from './object-intake.ts';

const DEVICES = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Devices of which each takes so long to wake that two are a turn of the event loop. */
function setUp() {
  const lister = new Store<Device>({ indexes: { [DEVICE_ID_INDEX]: (object) => [object.spec.deviceId] } });
  const presence = { reading: 0, note: () => {}, forget: () => {} };
  const fleet = new Fleet(lister, presence, new Departed(new FakeClock(), 60_000));
  const woken: string[] = [];
  const nothing = (): void => {};
  const wake = {
    desired: nothing,
    changed: (deviceId: string) => {
      woken.push(deviceId);
      for (const end = performance.now() + 11; performance.now() < end;);
    },
    status: nothing,
    object: (key: string) => void woken.push(key),
    page: nothing,
    schema: nothing,
    ask: nothing,
    clear: nothing,
  };
  const stop = new AbortController();
  const intake = new ObjectIntake({ lister, fleet, broker: { connected: true }, wake }, stop.signal);
  const add = (name: string): Device => {
    const added = device({ name, uid: name, deviceId: name });
    lister.upsert(added);
    fleet.refresh(name);
    return added;
  };
  for (const name of DEVICES) add(name);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { intake, fleet, lister, woken, add, stop, turn };
}

describe('that all objects are there', () => {
  it('wakes every device, a few in a turn of the event loop', async () => {
    const { intake, woken, turn } = setUp();
    const done = intake.onSynced();
    const atOnce = woken.length;
    await turn();
    expect([atOnce, woken.length]).toEqual([2, 4]);
    await done;
    expect(woken).toEqual(DEVICES);
  });

  it('wakes also the status of an object that waits for an id', async () => {
    const { intake, lister, woken } = setUp();
    lister.upsert(device({ name: 'second', uid: 'second', deviceId: 'f', created: '2025-01-01T00:00:00Z' }));
    await intake.onSynced();
    expect(woken).toEqual([...DEVICES, 'default/second']);
  });

  it('loses nothing of what comes and goes meanwhile', async () => {
    const { intake, fleet, woken, add } = setUp();
    const done = intake.onSynced();
    const change = { key: 'default/g', object: add('g'), isGenerationMoved: true, source: 'watch' } as const;
    intake.onChange({ kind: 'added', ...change });
    // Forgotten before it was looked at, and a device again: the memory is another one.
    fleet.forget('e');
    add('e');
    fleet.forget('d');
    await done;
    expect(woken.filter((id) => id === 'g').length).toBeGreaterThan(0);
    expect([...new Set(woken)].toSorted()).toEqual(['a', 'b', 'c', 'e', 'f', 'g']);
  });

  it('ends with the term', async () => {
    const { intake, woken, stop } = setUp();
    const done = intake.onSynced();
    stop.abort();
    await done;
    expect(woken).toEqual(['a', 'b']);
  });
});
