import type { Device, DeviceKey } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';

export const DEVICE_ID_INDEX = 'deviceId';

/** Who owns a device id when several objects name it: the older one, and between equals the smaller uid, so that all agree. */
export function ownerOfId(lister: Lister<Device>, deviceId: string): DeviceKey | undefined {
  const keys = lister.byIndex(DEVICE_ID_INDEX, deviceId);
  if (keys.length < 2) return keys[0];
  return keys.toSorted((a, b) => compareAge(lister.get(a), lister.get(b)))[0];
}

function compareAge(a: Device | undefined, b: Device | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  const byTime = compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp);
  return byTime === 0 ? compareText(a.metadata.uid, b.metadata.uid) : byTime;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
