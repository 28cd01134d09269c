/** Files of a fleet's repository, as tests write them. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dump } from 'js-yaml';

export interface Sensor {
  readonly name: string;
  readonly namespace: string;
  /** The name by default. */
  readonly deviceId?: string;
  readonly intervalSeconds: number;
}

/** One twin as a YAML document. */
export function sensorYaml({ name, namespace, deviceId = name, intervalSeconds }: Sensor): string {
  return dump({
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, namespace },
    spec: { deviceId },
    properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds } } },
  });
}

/** A change of a repository that writes one file. */
export function put(path: string, text: string): (work: string) => void {
  return (work) => {
    const file = join(work, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
}

/** A change of a repository that removes one file. */
export function remove(path: string): (work: string) => void {
  return (work) => rmSync(join(work, path));
}

/** A site of `count` sensors `<site>-<n>`, all in one file, with its namespace. */
export function siteYaml(site: string, count: number, intervalSeconds: number): string {
  const namespace = dump({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: site } });
  const sensors = Array.from({ length: count }, (_, n) =>
    sensorYaml({ name: `${site}-${n + 1}`, namespace: site, intervalSeconds }),
  );
  return [namespace, ...sensors].join('---\n');
}
