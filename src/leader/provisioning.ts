import type { Device } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import type { Informed } from '../cache/informer.ts';
import type { Config } from '../config/load.ts';
import type { KubeClient } from '../kube/client.ts';
import { Provisioner } from '../provisioning/provisioner.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { TermRules } from './rules.ts';

interface Ports {
  readonly config: Config;
  readonly devices: Informed<Device>;
  readonly client: KubeClient;
  readonly runtime: Runtime;
}

interface Parts {
  readonly rules: TermRules;
  readonly fleet: Fleet;
  readonly line: DeviceLine;
  readonly observer: TwinObserver;
}

/** What creates objects for devices that announce themselves; undefined unless that is wanted. */
export function createProvisioner(
  { config, devices, client, runtime }: Ports,
  parts: Parts,
  signal: AbortSignal,
): Provisioner | undefined {
  const { provisionNamespace: namespace, provisionLabels, provisionPerMinute: perMinute } = config;
  if (namespace === undefined) return undefined;
  const labels = Object.fromEntries(provisionLabels.map((label) => label.split('=', 2)));
  const rules = { ...parts.rules, namespace, labels, perMinute };
  const { fleet, line, observer } = parts;
  const { lister } = devices;
  return new Provisioner({ lister, fleet, client, line, rules, runtime, observer }, signal);
}
