import { API_VERSION } from '../../src/api/device.ts';
import type { Device, DeviceStatus, Properties, SyncRecord } from '../../src/api/device.ts';
import type { StandingDocument } from '../../src/document/standing.ts';
import { digest } from '../../src/protocol/canonical.ts';
import type { DesiredDocument } from '../../src/protocol/envelopes.ts';

export interface DeviceParts {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly created?: string;
  readonly deviceId?: string;
  readonly disabled?: boolean;
  readonly desired?: Properties;
  readonly status?: DeviceStatus;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Name and time of the field manager that wrote last. */
  readonly manager?: readonly [name: string, time: string];
}

/** A Device in which only what a test is about is named. */
export function device(parts: DeviceParts = {}): Device {
  return {
    apiVersion: API_VERSION,
    kind: 'device',
    metadata: {
      name: parts.name ?? 'sensor',
      namespace: parts.namespace ?? 'default',
      uid: parts.uid ?? 'uid-1',
      resourceVersion: '1',
      generation: parts.generation ?? 1,
      creationTimestamp: parts.created ?? '2024-11-20T00:00:00Z',
      ...(parts.annotations && { annotations: parts.annotations }),
      ...(parts.manager && {
        managedFields: [{ manager: parts.manager[0], operation: 'Update', time: parts.manager[1] }],
      }),
    },
    spec: {
      deviceId: parts.deviceId ?? 'sensor-01',
      ...(parts.disabled === undefined ? {} : { disabled: parts.disabled }),
    },
    properties: { desired: parts.desired ?? {} },
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

export const RATE = 'sensor.v1.SampleRate';

export function rate(intervalSeconds: number): Properties {
  return { [RATE]: { intervalSeconds } };
}

/** A record of `value` for `sensor.v1.SampleRate`. */
export function syncOf(intervalSeconds: number, parts: Partial<SyncRecord> = {}): Record<string, SyncRecord> {
  const record = {
    state: 'InSync',
    revision: 1,
    digest: digest({ intervalSeconds }),
    since: '2024-11-20T00:00:00.000Z',
  } as const;
  return { [RATE]: { ...record, ...parts } };
}

/** The broker's copy: `sensor.v1.SampleRate` at `revision`. */
export function document(intervalSeconds: number, revision: number, uid = 'uid-1'): DesiredDocument {
  return {
    version: 1,
    owner: { cluster: 'c1', namespace: 'default', name: 'sensor', uid },
    disabled: false,
    messages: { [RATE]: { revision, time: '2024-11-20T00:00:00.000Z', value: { intervalSeconds } } },
  };
}

/** A document as the operator reads it back from the broker. */
export function standing({ owner, messages }: DesiredDocument): StandingDocument {
  const entries = Object.entries(messages).map(([name, { revision, time, value }]) => {
    return [name, { revision, time, content: value }] as const;
  });
  return { owner, messages: Object.fromEntries(entries) };
}
