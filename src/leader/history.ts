import type { Device } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Informed } from '../cache/informer.ts';
import type { Config } from '../config/load.ts';
import { History } from '../history/history.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Telemetry } from '../telemetry/hooks.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Queues } from './queues.ts';

interface Ports {
  readonly config: Config;
  readonly devices: Informed<Device>;
  readonly client: KubeClient;
  readonly runtime: Runtime;
  readonly telemetry: Telemetry;
}

/** What keeps the histories of devices; undefined where none are to be kept. */
export function createHistory(
  { config, devices, client, runtime, telemetry }: Ports,
  queues: Queues,
  observer: TwinObserver,
  signal: AbortSignal,
): History | undefined {
  const { historyLimit: limit, historyValueBytes: valueBytes, historyKeepDeleted: keepsDeleted, namespace } = config;
  if (limit === 0) return undefined;
  const rules = { limit, valueBytes, keepsDeleted, namespace, writesPerSecond: config.historyWritesPerSecond };
  const { lister } = devices;
  const isCalm = (): boolean => queues.isCalm;
  const ports = { lister, client, rules, queue: queues.history, isCalm, runtime, observer };
  const history = new History(ports, signal);
  telemetry.health.note('history', () => history.problem, signal);
  return history;
}
