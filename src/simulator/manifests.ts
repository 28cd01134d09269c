import { dump } from 'js-yaml';
import { API_VERSION, DEVICE_KIND } from '../api/device.ts';
import { deviceId } from './profile/profile.ts';
import type { Group, Profile } from './profile/profile.ts';
import { valueSource } from './profile/value.ts';
import { seededRandom } from './random.ts';

/** The twins of a profile's devices as YAML documents, one by one: a fleet need not be in memory as text. */
export function* manifestsOf({ groups }: Profile, namespace: string, seed: string): Generator<string> {
  for (const group of groups) {
    for (let n = 1; n <= group.count; n += 1) yield `---\n${dump(twinOf(group, n, namespace, seed))}`;
  }
}

function twinOf({ name, id, labels, desired }: Group, n: number, namespace: string, seed: string): object {
  const ownId = deviceId(id, n);
  const random = seededRandom(seed, ownId, 'desired');
  const values = Object.entries(desired).map(([message, template]) => {
    return [message, valueSource(template)({ random, now: 0, n })] as const;
  });
  return {
    apiVersion: API_VERSION,
    kind: DEVICE_KIND,
    metadata: { name: objectName(ownId), namespace, labels: { group: name, ...labels } },
    spec: { deviceId: ownId },
    ...(values.length > 0 && { properties: { desired: Object.fromEntries(values) } }),
  };
}

/** Kubernetes names are lower-case letters, digits and dashes. */
function objectName(id: string): string {
  return id
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
