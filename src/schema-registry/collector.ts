import { SCHEMAS_PATH, STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';

export interface SchemaCollectorDeps {
  readonly schemas: Lister<SchemaObject>;
  /** Whether all devices are known that may use a schema. */
  readonly devices: { readonly hasSynced: boolean };
  readonly fleet: { all(): Iterable<DeviceMemory> };
  readonly client: KubeClient;
  readonly runtime: Runtime;
  readonly graceMs: number;
}

/**
 * Deletes schemas that the operator stored itself and that no device has used for a grace period. What people registered stays. The
 * period begins anew with every term: nothing is lost by keeping one too long.
 */
export class SchemaCollector {
  readonly #deps: SchemaCollectorDeps;
  readonly #signal: AbortSignal;
  /** Name → monotonic milliseconds. Bounded by the schemas. */
  readonly #unusedSince = new Map<string, number>();

  constructor(deps: SchemaCollectorDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** To be called about once a minute. */
  tick(): void {
    const { schemas, devices, runtime } = this.#deps;
    const now = runtime.clock.monotonic();
    if (!schemas.hasSynced || !devices.hasSynced) return;
    const unused = this.#findUnused();
    for (const name of this.#unusedSince.keys()) if (!unused.has(name)) this.#unusedSince.delete(name);
    for (const name of unused) {
      const since = this.#unusedSince.get(name) ?? now;
      this.#unusedSince.set(name, since);
      if (now - since >= this.#deps.graceMs) void this.#collect(name);
    }
  }

  /** Deletes one at once when no device uses it: what it was stored for has another by now. */
  release(name: string): void {
    if (!this.#deps.devices.hasSynced) return;
    for (const { schemaHash } of this.#deps.fleet.all()) {
      if (schemaHash !== undefined && schemaName(schemaHash) === name) return;
    }
    void this.#collect(name);
  }

  #findUnused(): Set<string> {
    const unused = new Set(this.#deps.schemas.keys());
    for (const { schemaHash } of this.#deps.fleet.all()) {
      if (schemaHash !== undefined) unused.delete(schemaName(schemaHash));
    }
    return unused;
  }

  async #collect(name: string): Promise<void> {
    const { schemas, client, runtime } = this.#deps;
    const object = schemas.get(name);
    if (object?.metadata.labels?.[STORED_BY_LABEL] === undefined) return;
    const { uid, resourceVersion } = object.metadata;
    try {
      await client.delete(`${SCHEMAS_PATH}/${name}`, { preconditions: { uid, resourceVersion } }, {}, this.#signal);
      runtime.log.info({ schema: name }, 'deleted a schema that no device uses any more');
    } catch (error) {
      // Changed or gone in the meantime, or not allowed: looked at again in a minute.
      if (!this.#signal.aborted) runtime.log.debug({ err: error, schema: name }, 'could not delete an unused schema');
    }
  }
}
