import { SCHEMAS_PATH, schemaName } from '../../src/api/schema.ts';
import type { SchemaObject, SchemaStatus } from '../../src/api/schema.ts';
import { Store } from '../../src/cache/store.ts';
import type { Informed } from '../../src/cache/informer.ts';
import type { ReflectorHandler } from '../../src/cache/reflector.ts';
import type { StoreChange } from '../../src/cache/store.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Json } from '../../src/dev/kube-api/crd/index.ts';
import { applyMergePatch } from '../../src/api/merge-patch.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { hashSchema } from '../../src/schema/load-schema.ts';

export interface DeleteOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** The schema objects of a fake API server: every change is in the store, and told, at once. */
export class FakeSchemas implements Pick<Informed<SchemaObject>, 'lister' | 'subscribe'> {
  readonly store = new Store<SchemaObject>();
  readonly #handlers = new Set<ReflectorHandler<SchemaObject>>();
  readonly #clock: Clock;
  #version = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.store.markSynced();
  }

  get lister(): Store<SchemaObject> {
    return this.store;
  }

  /** As an informer does that has nothing yet. */
  async subscribe(handler: ReflectorHandler<SchemaObject>, signal: AbortSignal): Promise<void> {
    handler.onSynced();
    this.#handlers.add(handler);
    signal.addEventListener('abort', () => this.#handlers.delete(handler), { once: true });
  }

  #tell(kind: StoreChange, object: SchemaObject): void {
    const change = { kind, key: object.metadata.name, object, isGenerationMoved: true, source: 'watch' } as const;
    for (const handler of this.#handlers) handler.onChange(change);
  }

  /** A person registers a schema, under the right name unless told otherwise. */
  register(bytes: Buffer, name = schemaName(hashSchema(bytes))): void {
    this.create({ metadata: { name }, spec: { descriptorSet: bytes.toString('base64') } });
  }

  create(body: unknown): SchemaObject {
    const { metadata, spec } = body as Pick<SchemaObject, 'metadata' | 'spec'>;
    if (this.store.has(metadata.name)) {
      throw new ApiError(409, { code: 409, reason: 'AlreadyExists', message: `${metadata.name} already exists` });
    }
    const creationTimestamp = new Date(this.#clock.now()).toISOString();
    const facts = { uid: `uid-of-${metadata.name}`, generation: 1, creationTimestamp };
    return this.#put({ apiVersion: 'iot.mir/v1alpha', kind: 'schema', metadata: { ...metadata, ...facts }, spec });
  }

  patchStatus(path: string, body: unknown): SchemaObject {
    const before = this.#get(nameIn(path));
    const { status } = body as { readonly status: SchemaStatus };
    return this.#put({
      ...before,
      status: applyMergePatch((before.status ?? {}) as Json, status as Json) as SchemaStatus,
    });
  }

  delete(path: string, { preconditions = {} }: DeleteOptions = {}): SchemaObject {
    const gone = this.#get(nameIn(path));
    const { uid = gone.metadata.uid, resourceVersion = gone.metadata.resourceVersion } = preconditions;
    if (uid !== gone.metadata.uid || resourceVersion !== gone.metadata.resourceVersion) {
      throw new ApiError(409, { code: 409, reason: 'Conflict', message: `the preconditions of ${path} do not hold` });
    }
    this.store.remove(gone.metadata.name);
    this.#tell('deleted', gone);
    return gone;
  }

  #get(name: string): SchemaObject {
    const object = this.store.get(name);
    if (object === undefined) throw new ApiError(404, { code: 404, reason: 'NotFound', message: `${name} not found` });
    return object;
  }

  #put(
    object: Omit<SchemaObject, 'metadata'> & { readonly metadata: Omit<SchemaObject['metadata'], 'resourceVersion'> },
  ): SchemaObject {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#tell(this.store.upsert(stored) ?? 'updated', stored);
    return stored;
  }
}

export function isSchema(path: string): boolean {
  return path === SCHEMAS_PATH || path.startsWith(`${SCHEMAS_PATH}/`);
}

function nameIn(path: string): string {
  return path.slice(SCHEMAS_PATH.length + 1).replace(/\/status$/, '');
}
