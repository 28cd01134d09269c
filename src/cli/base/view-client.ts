import { API_VERSION } from '../../api/device.ts';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { KubeClient, KubeList, PatchType, Query, WatchEvent } from '../../kube/client.ts';
import { isForbidden, isUnserved } from '../../kube/errors.ts';
import type { TextReader } from '../../kube/http-client.ts';
import { MIR_API_VERSION } from '../../mir-shape/mir-shape.ts';

const STORED = `/apis/${API_VERSION}/`;
const VIEW = `/apis/${MIR_API_VERSION}/`;
const DEVICES = /^(?:namespaces\/([^/]+)\/)?devices(?:\/[^/]+)?$/;

/**
 * A client of `iot.mir/v1alpha` for whoever has rights on `mir` alone: devices that it may not reach there it asks for as `mir/v1alpha`,
 * and shows them as they are stored (decision 0090). What worked once for a verb in a namespace is asked first the next time.
 */
export class ViewClient implements KubeClient, TextReader {
  readonly #inner: KubeClient & TextReader;
  /** `verb namespace` for which the view is asked. */
  readonly #byView: Set<string>;

  constructor(inner: KubeClient & TextReader, byView = new Set<string>()) {
    this.#inner = inner;
    this.#byView = byView;
  }

  async get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    // A LIST is another right than a GET.
    const verb = path.endsWith('/devices') ? 'list' : 'get';
    return await this.#either(verb, path, (where) => this.#inner.get<JsonObject>(where, query, signal));
  }

  async create<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return await this.#either('create', path, (where, asked) =>
      this.#inner.create<JsonObject>(where, asked(body), query, signal),
    );
  }

  async replace<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return await this.#either('update', path, (where, asked) =>
      this.#inner.replace<JsonObject>(where, asked(body), query, signal),
    );
  }

  async patch<T>(path: string, type: PatchType, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return await this.#either('patch', path, (where, asked) =>
      this.#inner.patch<JsonObject>(where, type, asked(body), query, signal),
    );
  }

  async delete<T>(path: string, body?: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return await this.#either('delete', path, (where) => this.#inner.delete<JsonObject>(where, body, query, signal));
  }

  async *watch<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const begin = async (where: string): Promise<Begun<T>> => {
      const events = this.#inner.watch<T>(where, query, signal)[Symbol.asyncIterator]();
      return { events, first: await events.next() };
    };
    const { events, first } = await this.#ask('watch', path, begin);
    try {
      for (let next = first; next.done !== true; next = await events.next()) yield storedEvent(next.value);
    } finally {
      await events.return?.();
    }
  }

  listMetadata<T>(path: string, query?: Query, signal?: AbortSignal): Promise<KubeList<T>> {
    return this.#inner.listMetadata(path, query, signal);
  }

  text(path: string, signal?: AbortSignal): Promise<string> {
    return this.#inner.text(path, signal);
  }

  fenced(mayWrite: () => boolean): KubeClient {
    return this.#inner.fenced(mayWrite);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #either<T>(verb: string, path: string, request: Request): Promise<T> {
    return stored(await this.#ask(verb, path, request)) as T;
  }

  /** Where neither lets it in, what the CRD said is told. */
  async #ask<A>(verb: string, path: string, request: (path: string, asked: Shape) => Promise<A>): Promise<A> {
    const found = path.startsWith(STORED) ? DEVICES.exec(path.slice(STORED.length)) : null;
    if (found === null) return await request(path, asStored);
    const place = `${verb} ${found[1] ?? ''}`;
    const byView = (): Promise<A> => request(path.replace(STORED, VIEW), asMir);
    if (this.#byView.has(place)) return await byView();
    try {
      return await request(path, asStored);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      const answer = await byView().catch((other: unknown) => {
        throw isForbidden(other) || isUnserved(other) ? error : other;
      });
      this.#byView.add(place);
      return answer;
    }
  }
}

interface Begun<T> {
  readonly events: AsyncIterator<WatchEvent<T>>;
  readonly first: IteratorResult<WatchEvent<T>>;
}

type Shape = (body: unknown) => unknown;
type Request = (path: string, asked: Shape) => Promise<JsonObject>;

const asStored: Shape = (body) => body;

/** Patches that name no version are the same of both. */
const asMir: Shape = (body) =>
  (body as JsonObject)['apiVersion'] === API_VERSION ? { ...(body as JsonObject), apiVersion: MIR_API_VERSION } : body;

/** A device, or a list of them, as `iot.mir/v1alpha` has it; anything else as it is. */
function stored(answer: JsonObject): JsonObject {
  if (answer['apiVersion'] !== MIR_API_VERSION) return answer;
  if (Array.isArray(answer['items'])) {
    const items = answer['items'].map((item) => storedDevice(item as JsonObject));
    return { ...answer, apiVersion: API_VERSION, items };
  }
  return answer['kind'] === 'device' ? storedDevice(answer) : answer;
}

function storedDevice({ meta: _meta, properties, status, ...rest }: JsonObject): JsonObject {
  const { reported, ...others } = (properties ?? {}) as Readonly<Record<string, JsonValue>>;
  return {
    ...rest,
    apiVersion: API_VERSION,
    ...(properties !== undefined && { properties: others }),
    ...((status !== undefined || reported !== undefined) && {
      status: { ...(status as JsonObject | undefined), ...(reported !== undefined && { reported }) },
    }),
  };
}

function storedEvent<T>(event: WatchEvent<T>): WatchEvent<T> {
  if (event.type === 'BOOKMARK' || event.type === 'ERROR') return event;
  return { type: event.type, object: stored(event.object as JsonObject) as T };
}
