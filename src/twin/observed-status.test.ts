import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { device, RATE } from '../../test/gen/device.ts';
import type { Device, DeviceStatus } from '../api/device.ts';
import { Store } from '../cache/store.ts';
import { DEVICE_ID_INDEX } from './claims.ts';
import { Departed } from './departed.ts';
import { Fleet } from './fleet.ts';
import { ObjectIntake } from './object-intake.ts';
import type { Wake } from './wake.ts';

const nothing = (): void => {};
const wake: Wake = {
  desired: nothing,
  changed: nothing,
  status: nothing,
  object: nothing,
  page: nothing,
  schema: nothing,
  ask: nothing,
  clear: nothing,
};

describe('whether an operator has ever written the status of the owner', () => {
  const bare = device({ desired: { [RATE]: { intervalSeconds: 60 } } });
  const key = `${bare.metadata.namespace}/${bare.metadata.name}`;
  const observed = { ...bare, status: { observedGeneration: 1 } as DeviceStatus };

  function setUp(held: Device) {
    const lister = new Store<Device>({ indexes: { [DEVICE_ID_INDEX]: ({ spec }) => [spec.deviceId] } });
    const presence = { reading: 0, note: nothing, forget: nothing };
    const fleet = new Fleet(lister, presence, new Departed(new FakeClock(), 0));
    const intake = new ObjectIntake({ lister, fleet, broker: { connected: true }, wake }, new AbortController().signal);
    const tell = (object: Device): void => {
      lister.replace(object);
      intake.onChange({ kind: 'updated', key, object, isGenerationMoved: false, source: 'watch' });
    };
    tell(held);
    return { intake, tell, isObserved: () => fleet.get(bare.spec.deviceId)?.status.isObserved };
  }

  it.each([
    ['has none', bare, false],
    ['has one', observed, true],
  ])('is told by an object that %s', (_what, held, isObserved) => {
    expect(setUp(held).isObserved()).toBe(isObserved);
  });

  it('is told by the answer to a write of ours, and not by one that was written for another owner', () => {
    const { intake, isObserved } = setUp(bare);
    intake.onWritten('another/object', observed);
    expect(isObserved()).toBe(false);
    intake.onWritten(key, observed);
    expect(isObserved()).toBe(true);
  });

  it('begins anew with an object that takes the place of the former one', () => {
    const { tell, isObserved } = setUp(observed);
    tell({ ...bare, metadata: { ...bare.metadata, uid: 'another', resourceVersion: '2' } });
    expect(isObserved()).toBe(false);
  });
});
