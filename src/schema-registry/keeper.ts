import { API_VERSION } from '../api/device.ts';
import { SCHEMAS_PATH, SCHEMA_KIND, STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import { isConflict, isRefused } from '../kube/errors.ts';
import { LeakyBucket } from '../base/leaky-bucket.ts';
import type { Share } from './shares.ts';

export interface SchemaKeeperDeps {
  readonly schemas: Lister<SchemaObject>;
  readonly client: KubeClient;
  readonly runtime: Runtime;
  /** Objects in the cluster beyond which no more are stored. */
  readonly maxSchemas: number;
  /** Takes an object away whose device has brought another, unless somebody uses it; absent: whether others do cannot be known. */
  readonly collector: { release(name: string): void } | undefined;
}

/** `obstacle`: why not, for people; absent: it may work the next time. */
export type Kept =
  | { readonly ok: true }
  | { readonly ok: false; readonly obstacle?: string; readonly isOverLimit?: boolean };

/** New schemas stored in a minute: firmware is not released that often, and devices that make up schemas must not fill the cluster. */
const STORED_PER_MINUTE = 60;

/** Stores the schemas that devices bring as objects. */
export class SchemaKeeper {
  readonly #deps: SchemaKeeperDeps;
  readonly #signal: AbortSignal;
  /** Two allowances, so that schemas of single devices never keep one waiting that several devices announce. */
  readonly #ofOne: LeakyBucket;
  readonly #ofSeveral: LeakyBucket;

  constructor(deps: SchemaKeeperDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#ofOne = new LeakyBucket(STORED_PER_MINUTE, STORED_PER_MINUTE / 60);
    this.#ofSeveral = new LeakyBucket(STORED_PER_MINUTE, STORED_PER_MINUTE / 60);
  }

  /** `bytes` are the schema that `hash` names. `isShared`: several devices announce it. Never rejects. */
  async keep(hash: string, bytes: Buffer, share: Share, isShared: boolean): Promise<Kept> {
    const name = schemaName(hash);
    const obstacle = this.#limit(name, share, isShared ? this.#ofSeveral : this.#ofOne);
    if (obstacle !== undefined) return { ok: false, obstacle, isOverLimit: true };
    try {
      await this.#removeFalse(name);
      await this.#create(name, bytes);
    } catch (error) {
      return this.#explain(name, error);
    }
    const former = share.stored;
    share.stored = name;
    if (former !== undefined && former !== name) this.#deps.collector?.release(former);
    return { ok: true };
  }

  #limit(name: string, share: Share, bucket: LeakyBucket): string | undefined {
    const { schemas, maxSchemas, runtime } = this.#deps;
    const now = runtime.clock.monotonic();
    if (schemas.size >= maxSchemas && !schemas.has(name)) {
      return `not stored: ${schemas.size} schemas are there already, the limit is ${maxSchemas} (--max-schemas)`;
    }
    if (!share.stores.has(now)) return 'not stored yet: the device brings new schemas too often, one a minute is taken';
    if (!bucket.take(now)) {
      return `not stored yet: devices bring more than ${STORED_PER_MINUTE} new schemas a minute; it is tried again`;
    }
    share.stores.take(now);
    return undefined;
  }

  /** An object of this name whose content is another: nobody can use it, its name is for the true one (decision 0039). */
  async #removeFalse(name: string): Promise<void> {
    const { schemas, client, runtime } = this.#deps;
    const object = schemas.get(name);
    if (object === undefined) return;
    const { uid, resourceVersion } = object.metadata;
    await client.delete(`${SCHEMAS_PATH}/${name}`, { preconditions: { uid, resourceVersion } }, {}, this.#signal);
    runtime.log.warn(
      { schema: name },
      'replacing a schema whose name is not the hash of its content by the one that is',
    );
  }

  async #create(name: string, bytes: Buffer): Promise<void> {
    const { client, runtime } = this.#deps;
    const body = {
      apiVersion: API_VERSION,
      kind: SCHEMA_KIND,
      metadata: { name, labels: { [STORED_BY_LABEL]: OPERATOR_NAME } },
      spec: { descriptorSet: bytes.toString('base64') },
    };
    await client.create(SCHEMAS_PATH, body, { fieldManager: OPERATOR_NAME }, this.#signal);
    runtime.log.info({ schema: name, bytes: bytes.length }, 'stored the schema of a device');
  }

  #explain(name: string, error: unknown): Kept {
    // Somebody else was faster.
    if (isConflict(error)) return { ok: true };
    if (this.#signal.aborted) return { ok: false };
    this.#deps.runtime.log.warn(
      { err: error, schema: name },
      'could not store the schema of a device; grant create and delete on schemas.iot.mir',
    );
    if (!isRefused(error)) return { ok: false };
    return { ok: false, obstacle: `the API server refuses to store it: ${error.message.slice(0, 300)}` };
  }
}
