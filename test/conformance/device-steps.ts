import type { Step } from './exchange.ts';

export const GROUP = '/apis/iot.mir/v1alpha';
export const DEVICES = `${GROUP}/namespaces/{ns}/devices`;
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

interface Parts {
  readonly spec?: unknown;
  readonly properties?: unknown;
  readonly status?: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A valid device; deviceIds carry the namespace, so that cases do not meet. */
export const device = (name: string, parts: Parts = {}): Record<string, unknown> => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  ...parts,
  metadata: { name, ...parts.metadata },
  spec: parts.spec ?? { deviceId: `{ns}-${name}` },
});

export const post = (body: unknown, query = ''): Step => ({ method: 'POST', path: `${DEVICES}${query}`, body });
export const get = (name: string, query = ''): Step => ({ method: 'GET', path: `${DEVICES}/${name}${query}` });
export const list = (query = ''): Step => ({ method: 'GET', path: `${DEVICES}${query}` });
export const patch = (name: string, type: string, body: unknown, query = ''): Step => ({
  method: 'PATCH',
  path: `${DEVICES}/${name}${query}`,
  type,
  body,
});
export const remove = (name: string, body?: unknown): Step => ({
  method: 'DELETE',
  path: `${DEVICES}/${name}`,
  ...(body === undefined ? {} : { body }),
});
export const prepared = (step: Step): Step => ({ ...step, isPreparation: true });
export const remembered = (step: Step): Step => ({ ...step, isPreparation: true, remember: true });

export const RATE = { 'sensor.v1.SampleRate': { intervalSeconds: 60 } };
export const three = ['a', 'b', 'c'].map((name) =>
  prepared(post(device(name, { metadata: { labels: { name, kind: 'x' } } }))),
);
