import type { Device, DeviceKey } from '../api/device.ts';
import type { EventReason } from '../api/reasons.ts';

/** A Kubernetes event that people want to read in `kubectl describe`. */
export interface TwinEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  readonly message: string;
}

/** The object that an event is about: enough to name it, so that no event costs a look at the object itself. */
export type EventSubject = Pick<Device['metadata'], 'namespace' | 'name' | 'uid'>;

/** Of an object known by its key alone. */
export function subjectOf(key: DeviceKey, uid: string): EventSubject {
  const [namespace = '', name = ''] = key.split('/', 2);
  return { namespace, name, uid };
}
