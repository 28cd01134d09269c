import { devicesPath } from '../../src/api/device.ts';
import type { Device, DeviceStatus, JsonObject } from '../../src/api/device.ts';
import type { DeviceHistory } from '../../src/api/history.ts';
import type { ManagedFields } from '../../src/api/managed-fields.ts';
import { keyOf } from '../../src/cache/store.ts';
import { delay } from '../../src/base/clock.ts';
import type { Json } from '../../src/dev/kube-api/crd/index.ts';
import { applyMergePatch } from '../../src/api/merge-patch.ts';
import type { KubeClient, KubeList, PatchType, Query, WatchEvent } from '../../src/kube/client.ts';
import { ApiError, TransportError } from '../../src/kube/errors.ts';
import { statusFaults } from './device-crd.ts';
import type { FakeClock } from './fake-clock.ts';
import { FakeHistories, isHistory } from './fake-histories.ts';
import { FakeSchemas, isSchema } from './fake-schemas.ts';
import type { DeleteOptions } from './fake-schemas.ts';

export interface StatusWritten {
  readonly key: string;
  readonly patch: JsonObject;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** How a status write ends: an error of the API server, no answer (not carried out), or an answer that got lost (carried out). */
export type WriteResult = 'ok' | ApiError | 'unanswered' | 'answer-lost';

/**
 * The part of an API server that the operator's heart uses: list and watch of devices, merge patches of their status, and creation;
 * creation, status and deletion of schemas, and histories, which stand in stores of their own. Every other call throws.
 */
export class FakeKube {
  /** Milliseconds from a status write, which takes effect at once, to its answer. */
  writeDelayMs = 0;
  /** Milliseconds from a LIST, which sees the objects as they are, to its answer. */
  listDelayMs = 0;
  /** So many of the next LISTs are answered with no items, whatever there is. */
  emptyLists = 0;
  /** The next LIST shows no more than so many objects, as if they were all, or telling how many it leaves out. */
  shortList: { readonly objects: number; readonly isTold: boolean } | undefined;
  /** What the next status writes come to; one that no script names goes well. */
  readonly writeScript: WriteResult[] = [];
  /** What is kept of a status that is written, as of an admission webhook or an older CRD. */
  keep: (status: DeviceStatus) => DeviceStatus = (status) => status;
  /** Objects whose status is not taken, whatever a script says, and why. */
  refusalOf: (key: string) => ApiError | undefined = () => undefined;
  /** Status writes that were asked for, per object. */
  readonly attempts = new Map<string, number>();
  /** Status writes that were carried out. */
  readonly writes: StatusWritten[] = [];
  /** What the next GETs of one object are refused with. */
  readonly readScript: ApiError[] = [];
  /** Why status writes were refused by the CRD. */
  readonly misfits: string[] = [];
  readonly schemas: FakeSchemas;
  readonly histories: FakeHistories;
  readonly clock: FakeClock;
  readonly #objects = new Map<string, Device>();
  #version = 1;
  #isWatchPaused = false;
  #events: { readonly version: number; readonly event: WatchEvent<Device> }[] = [];
  readonly #watchers = new Set<() => void>();

  readonly client: KubeClient = {
    get: <T>(path: string, query?: Query) => Promise.resolve().then(() => this.#get(path, query) as Promise<T>),
    listMetadata: <T>(_path: string, query?: Query) =>
      Promise.resolve().then(() => this.histories.listMetadata(query) as KubeList<T>),
    patch: async <T>(path: string, _type: PatchType, body: unknown) =>
      (isSchema(path) ? this.schemas.patchStatus(path, body) : await this.#writeStatus(path, body)) as T,
    watch: <T>(_path: string, query: Query, signal: AbortSignal) =>
      this.#watch(Number(query['resourceVersion']), signal) as AsyncIterable<WatchEvent<T>>,
    create: <T>(path: string, body: unknown) => Promise.resolve().then(() => this.#createAny(path, body) as T),
    replace: <T>(path: string, body: unknown) =>
      Promise.resolve().then(() => this.histories.replace(path, body as DeviceHistory) as T),
    delete: <T>(path: string, options?: unknown) =>
      Promise.resolve().then(() => this.schemas.delete(path, options as DeleteOptions) as T),
    fenced: () => this.client,
    close: () => Promise.resolve(),
  };

  constructor(clock: FakeClock) {
    this.clock = clock;
    this.schemas = new FakeSchemas(clock);
    this.histories = new FakeHistories();
  }

  read(key: string): Device | undefined {
    return this.#objects.get(key);
  }

  /** Creates the object, or updates spec, properties and labels of the one that has its name; the server counts the generations. */
  apply(object: Device): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before === undefined) return this.#tell('ADDED', this.#put(object));
    const { spec, properties } = object;
    const isSame = JSON.stringify([before.spec, before.properties]) === JSON.stringify([spec, properties]);
    const generation = before.metadata.generation + (isSame ? 0 : 1);
    const { annotations, managedFields } = object.metadata as Authored;
    const authored = { ...(annotations && { annotations }), ...(managedFields && { managedFields }) };
    const metadata = { ...before.metadata, ...authored, generation };
    const after = { ...before, spec, properties: properties ?? {}, metadata };
    this.#tell('MODIFIED', this.#put(after));
  }

  /** Somebody else writes the status, as with `kubectl patch --subresource=status`. */
  scribble(key: string, patch: JsonObject): void {
    const object = this.#objects.get(key);
    if (object === undefined) throw new Error(`there is no ${key}`);
    this.#tell('MODIFIED', this.#put({ ...object, status: merge(object.status ?? {}, patch) }));
  }

  /** Somebody labels the object. */
  label(key: string, labels: Readonly<Record<string, string>>): void {
    const object = this.#objects.get(key);
    if (object === undefined) throw new Error(`there is no ${key}`);
    this.#tell('MODIFIED', this.#put({ ...object, metadata: { ...object.metadata, labels } }));
  }

  /** Somebody annotates the object. */
  annotate(key: string, annotations: Readonly<Record<string, string>>): void {
    const object = this.#objects.get(key);
    if (object === undefined) throw new Error(`there is no ${key}`);
    this.#tell('MODIFIED', this.#put({ ...object, metadata: { ...object.metadata, annotations } }));
  }

  delete(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#tell('DELETED', this.#put(object));
    this.#objects.delete(key);
  }

  /** Puts older objects back, as from a backup of etcd: what the watch would say is lost, so it begins with a LIST. */
  restore(objects: readonly Device[]): void {
    this.#objects.clear();
    for (const object of objects) this.#put(object);
    this.expireWatch();
  }

  /** History is gone: the watch begins with a LIST. */
  expireWatch(): void {
    this.#version += 1;
    this.#events = [{ version: this.#version, event: { type: 'ERROR', object: { code: 410, reason: 'Expired' } } }];
    this.#wakeWatchers();
  }

  pauseWatch(): void {
    this.#isWatchPaused = true;
  }

  resumeWatch(): void {
    this.#isWatchPaused = false;
    this.#wakeWatchers();
  }

  #get(path: string, query: Query | undefined): unknown {
    if (isHistory(path)) return this.histories.get(path);
    return path === devicesPath() ? this.#list(query) : this.#getDevice(path);
  }

  #createAny(path: string, body: unknown): unknown {
    if (isHistory(path)) return this.histories.create(body as DeviceHistory);
    return isSchema(path) ? this.schemas.create(body) : this.#create(path, body);
  }

  async #list(query: Query | undefined): Promise<KubeList<Device>> {
    const isProbe = query?.['limit'] === 1;
    const isEmpty = isProbe || this.emptyLists > 0;
    if (!isProbe && this.emptyLists > 0) this.emptyLists -= 1;
    const all = isEmpty ? [] : [...this.#objects.values()];
    const short = isProbe ? undefined : this.shortList;
    if (!isProbe) this.shortList = undefined;
    const items = all.slice(0, short?.objects);
    const left = short?.isTold === true ? { remainingItemCount: all.length - items.length } : {};
    const list = { metadata: { resourceVersion: String(this.#version), ...left }, items };
    if (!isProbe && this.listDelayMs > 0) await delay(this.clock, this.listDelayMs);
    return list;
  }

  async #getDevice(path: string): Promise<Device> {
    const [, namespace, name] = DEVICE_PATH.exec(path) ?? refuse(`get ${path}`);
    const refusal = this.readScript.shift();
    if (refusal !== undefined) throw refusal;
    const found = this.#objects.get(`${namespace}/${name}`);
    if (found === undefined) throw new ApiError(404, { code: 404, reason: 'NotFound', message: `${name} not found` });
    return found;
  }

  #create(path: string, body: unknown): Device {
    const given = body as Device;
    const key = keyOf(given);
    if (!path.endsWith(`/${given.metadata.namespace}/devices`)) throw new Error(`${path} is not where ${key} belongs`);
    if (this.#objects.has(key)) {
      throw new ApiError(409, { code: 409, reason: 'AlreadyExists', message: `${key} already exists` });
    }
    const creationTimestamp = new Date(this.clock.now()).toISOString();
    const metadata = { ...given.metadata, uid: `uid-of-${given.metadata.name}`, generation: 1, creationTimestamp };
    const created = this.#put({ ...given, metadata });
    this.#tell('ADDED', created);
    return created;
  }

  async #writeStatus(path: string, body: unknown): Promise<Device> {
    const { key, uid, patch } = parseStatusWrite(path, body);
    this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
    const refusal = this.refusalOf(key);
    if (refusal !== undefined) throw refusal;
    const result = this.writeScript.shift() ?? 'ok';
    if (result === 'unanswered') throw new TransportError('scripted: no answer', { isUnanswered: true });
    if (typeof result !== 'string') throw result;
    const before = this.#objects.get(key);
    if (before === undefined) throw new ApiError(404, { code: 404, reason: 'NotFound', message: `${key} not found` });
    if (before.metadata.uid !== uid) throw uidConflict(uid, before.metadata.uid);
    const status = this.keep(merge(before.status ?? {}, patch));
    this.#check(before, { ...before, status });
    this.writes.push({ key, patch, at: this.clock.monotonic() });
    const after = this.#put({ ...before, status });
    this.#tell('MODIFIED', after);
    if (this.writeDelayMs > 0) await delay(this.clock, this.writeDelayMs);
    if (result === 'answer-lost') throw new TransportError('scripted: cut in the middle');
    return after;
  }

  /** As the API server: what does not fit the CRD is refused. Fields that it would drop are refused too, since nobody means them to be lost. */
  #check(before: Device, after: Device): void {
    const [fault] = statusFaults(before, after);
    if (fault === undefined) return;
    this.misfits.push(fault);
    throw new ApiError(422, { code: 422, reason: 'Invalid', message: `device ${keyOf(after)} is invalid: ${fault}` });
  }

  async *#watch(from: number, signal: AbortSignal): AsyncGenerator<WatchEvent<Device>> {
    let seen = from;
    while (!signal.aborted) {
      const last = seen;
      const next = this.#isWatchPaused ? undefined : this.#events.find(({ version }) => version > last);
      if (next === undefined) await this.#newEvent(signal);
      else {
        seen = next.version;
        yield next.event;
      }
    }
  }

  #tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Device): void {
    this.#events.push({ version: this.#version, event: { type, object } });
    if (!this.#isWatchPaused) this.#wakeWatchers();
  }

  #put(object: Device): Device {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#objects.set(keyOf(stored), stored);
    return stored;
  }

  #wakeWatchers(): void {
    for (const wake of this.#watchers) wake();
  }

  #newEvent(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

interface Authored {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFields[];
}

const DEVICE_PATH = new RegExp(`^${devicesPath('([^/]+)')}/([^/]+)$`);
const STATUS_PATH = new RegExp(`^${devicesPath('([^/]+)')}/([^/]+)/status$`);

function parseStatusWrite(path: string, body: unknown): { key: string; uid: string; patch: JsonObject } {
  const [, namespace, name] = STATUS_PATH.exec(path) ?? [];
  if (name === undefined) return refuse(`patch ${path}`);
  const { metadata, status } = body as { metadata: { uid: string }; status: JsonObject };
  return { key: `${namespace}/${name}`, uid: metadata.uid, patch: status };
}

/** Both are JSON, and what comes of them is a status again. */
function merge(status: DeviceStatus, patch: JsonObject): DeviceStatus {
  return applyMergePatch(status as Json, patch);
}

function uidConflict(asked: string, found: string): ApiError {
  const message = `Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`;
  return new ApiError(409, { code: 409, reason: 'Conflict', message });
}

function refuse(what: string): never {
  throw new Error(`the fake API server does not do this: ${what}`);
}
