/** The schemas of devices, as the cluster has them. */
import { Buffer } from 'node:buffer';
import { SCHEMAS_PATH, schemaName } from '../../api/schema.ts';
import type { SchemaObject } from '../../api/schema.ts';
import { isForbidden, isNotFound } from '../../kube/errors.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { loadSchema } from '../../schema/load-schema.ts';
import type { Cluster } from '../base/context.ts';
import type { FleetDevice } from './fleet.ts';

/** Each schema is read once; a device without one, or with one that cannot be used or may not be read, is not checked. */
export class SchemaShelf {
  readonly #cluster: Cluster;
  readonly #schemas = new Map<string, Promise<DeviceSchema | undefined>>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  of({ status }: FleetDevice): Promise<DeviceSchema | undefined> {
    const hash = status?.schema?.hash;
    if (hash === undefined) return Promise.resolve(undefined);
    const known = this.#schemas.get(hash);
    if (known !== undefined) return known;
    const reading = this.#read(hash);
    this.#schemas.set(hash, reading);
    return reading;
  }

  async #read(hash: string): Promise<DeviceSchema | undefined> {
    try {
      const object = await this.#cluster.client.get<SchemaObject>(`${SCHEMAS_PATH}/${schemaName(hash)}`);
      const loaded = loadSchema(Buffer.from(object.spec.descriptorSet, 'base64'));
      return loaded.ok ? loaded.schema : undefined;
    } catch (error) {
      if (isNotFound(error) || isForbidden(error)) return undefined;
      throw error;
    }
  }
}
