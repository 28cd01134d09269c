import { SCHEMAS_PATH, STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Logger } from '../base/log.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';

export interface SchemaCollectorDeps {
  readonly schemas: Lister<SchemaObject>;
  readonly memories: () => Iterable<DeviceMemory>;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly graceMs: number;
}

const EVERY_MS = 60_000;

/**
 * Deletes schemas that the operator stored itself and that no device has used for a grace period. What people registered stays. The
 * period begins anew with every term: nothing is lost by keeping one too long.
 */
export class SchemaCollector {
  readonly #deps: SchemaCollectorDeps;
  readonly #signal: AbortSignal;
  /** Name → monotonic milliseconds. Bounded by the schemas. */
  readonly #unusedSince = new Map<string, number>();
  #turnedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: SchemaCollectorDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Looks once a minute; to be called more often. */
  turn(): void {
    const { schemas, clock } = this.#deps;
    const now = clock.monotonic();
    if (!schemas.hasSynced || now - this.#turnedAt < EVERY_MS) return;
    this.#turnedAt = now;
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
    for (const { schemaHash } of this.#deps.memories()) {
      if (schemaHash !== undefined && schemaName(schemaHash) === name) return;
    }
    void this.#collect(name);
  }

  #findUnused(): Set<string> {
    const unused = new Set(this.#deps.schemas.keys());
    for (const { schemaHash } of this.#deps.memories()) {
      if (schemaHash !== undefined) unused.delete(schemaName(schemaHash));
    }
    return unused;
  }

  async #collect(name: string): Promise<void> {
    const { schemas, client, log } = this.#deps;
    const object = schemas.get(name);
    if (object?.metadata.labels?.[STORED_BY_LABEL] === undefined) return;
    const { uid, resourceVersion } = object.metadata;
    try {
      await client.delete(`${SCHEMAS_PATH}/${name}`, { preconditions: { uid, resourceVersion } }, {}, this.#signal);
      log.info({ schema: name }, 'deleted a schema that no device uses any more');
    } catch (error) {
      // Changed or gone in the meantime, or not allowed: looked at again in a minute.
      if (!this.#signal.aborted) log.debug({ err: error, schema: name }, 'could not delete an unused schema');
    }
  }
}
