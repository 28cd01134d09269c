import type { Device, DeviceKey } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';

export const DEVICE_ID_INDEX = 'deviceId';

/** Whose object last spoke for a device id: by the broker's document, by memory, or, for a while, by what memory knew. */
export interface Holder {
  readonly namespace: string;
  /** '': an object that is gone. */
  readonly uid: string;
}

/**
 * Who owns a device id when several objects name it. An id stays in the namespace that holds it: objects of others wait until it is given
 * up there (decision 0050). Within it the older one wins, between those of one second the one that holds the id, and then the smaller uid,
 * so that all agree.
 */
export function ownerOfId(lister: Lister<Device>, deviceId: string, holder: Holder | undefined): DeviceKey | undefined {
  const keys = lister.byIndex(DEVICE_ID_INDEX, deviceId);
  const entitled = holder === undefined ? keys : keys.filter((key) => namespaceOf(key) === holder.namespace);
  if (entitled.length < 2) return entitled[0];
  return entitled.toSorted((a, b) => compareClaims(lister.get(a), lister.get(b), holder?.uid))[0];
}

export function namespaceOf(key: DeviceKey): string {
  return key.split('/', 1)[0] ?? '';
}

function compareClaims(a: Device | undefined, b: Device | undefined, holderUid: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  const byTime = compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp);
  if (byTime !== 0) return byTime;
  if (a.metadata.uid === holderUid || b.metadata.uid === holderUid) return a.metadata.uid === holderUid ? -1 : 1;
  return compareText(a.metadata.uid, b.metadata.uid);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
