/** Reads the histories of devices. */
import { historiesPath, historyPath } from '../../api/history.ts';
import type { DeviceHistory } from '../../api/history.ts';
import { isNotFound, isUnserved } from '../../kube/errors.ts';
import { listPages } from '../../kube/list-pages.ts';
import type { Cluster } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import { keyOf } from './fleet.ts';
import type { FleetDevice, Selection } from './fleet.ts';

/** The histories of a selection's devices: of named ones each by itself, of others all of the namespace, once. */
export class HistoryShelf {
  readonly #cluster: Cluster;
  readonly #selection: Selection;
  #all: Promise<ReadonlyMap<string, DeviceHistory>> | undefined;

  constructor(cluster: Cluster, selection: Selection) {
    this.#cluster = cluster;
    this.#selection = selection;
  }

  /** Undefined: nothing is recorded of the device. One of an earlier object of its name is not its own. */
  async of(device: FleetDevice): Promise<DeviceHistory | undefined> {
    const history = await this.#find(keyOf(device));
    return history?.device.uid === device.metadata.uid ? history : undefined;
  }

  /** Of a device that is gone, where its history was to be kept. */
  async kept(key: string): Promise<DeviceHistory | undefined> {
    return await this.#readOne(key);
  }

  async #find(key: string): Promise<DeviceHistory | undefined> {
    if (this.#selection.names.length > 0) return await this.#readOne(key);
    this.#all ??= this.#readAll();
    return (await this.#all).get(key);
  }

  async #readOne(key: string): Promise<DeviceHistory | undefined> {
    try {
      return await this.#cluster.client.get<DeviceHistory>(historyPath(key));
    } catch (error) {
      if (isNotFound(error) && !isUnserved(error)) return undefined;
      throw explained(error);
    }
  }

  async #readAll(): Promise<ReadonlyMap<string, DeviceHistory>> {
    const { client, namespace } = this.#cluster;
    const path = historiesPath(this.#selection.allNamespaces === true ? undefined : namespace);
    const found = new Map<string, DeviceHistory>();
    try {
      for await (const { items } of listPages<DeviceHistory>(client, path))
        for (const history of items) found.set(`${history.metadata.namespace}/${history.metadata.name}`, history);
      return found;
    } catch (error) {
      throw explained(error);
    }
  }
}

function explained(error: unknown): unknown {
  if (!isUnserved(error)) return error;
  return new CliError(
    'the cluster has no histories: apply crds/devicehistories.iot.mir.yaml, and upgrade the operator',
  );
}
