import { historiesPath, historyPath } from '../../src/api/history.ts';
import type { DeviceHistory } from '../../src/api/history.ts';
import { readApiJson } from '../../src/api/exact-json.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeList, Query } from '../../src/kube/client.ts';
import { historyFaults } from './device-crd.ts';

/** The histories of a fake API server. */
export class FakeHistories {
  /** The CRD is installed. */
  isServed = true;
  /** Requests, in order: `GET default/sensor`. */
  readonly requests: string[] = [];
  /** What the next writes come to: refused, or carried out and not answered. */
  readonly writeScript: (ApiError | 'answer-lost')[] = [];
  /** Runs once, while the next history is read. */
  onNextGet: (() => void) | undefined;
  readonly #stored = new Map<string, DeviceHistory>();
  #version = 1;

  read(key: string): DeviceHistory | undefined {
    return this.#stored.get(historyPath(key));
  }

  /** The garbage collector has been there, or a person. */
  remove(key: string): void {
    this.#stored.delete(historyPath(key));
  }

  /** A person edits it, as far as the CRD lets him. */
  edit(key: string, change: (history: DeviceHistory) => unknown): void {
    const path = historyPath(key);
    const before = this.#stored.get(path);
    if (before === undefined) throw new Error(`there is no history of ${key}`);
    this.#version += 1;
    const after = readApiJson(JSON.stringify(change(before))) as DeviceHistory;
    const faults = historyFaults(after);
    if (faults.length > 0) throw new Error(faults.join('; '));
    const metadata = { ...after.metadata, resourceVersion: String(this.#version) };
    this.#stored.set(path, { ...after, metadata });
  }

  get(path: string): DeviceHistory {
    this.#note('GET', path);
    const meanwhile = this.onNextGet;
    this.onNextGet = undefined;
    meanwhile?.();
    const found = this.#stored.get(path);
    if (found === undefined) throw new ApiError(404, { code: 404, reason: 'NotFound', message: `${path} not found` });
    return found;
  }

  listMetadata(query: Query | undefined): KubeList<Pick<DeviceHistory, 'metadata'>> {
    this.#note('LIST', historiesPath());
    const [from, limit] = [Number(query?.['continue'] ?? 0), Number(query?.['limit'])];
    const all = [...this.#stored.values()].map(({ metadata }) => ({ metadata }));
    const rest = from + limit < all.length ? { continue: String(from + limit) } : {};
    return { metadata: { resourceVersion: String(this.#version), ...rest }, items: all.slice(from, from + limit) };
  }

  create(history: DeviceHistory): DeviceHistory {
    const path = historyPath(`${history.metadata.namespace}/${history.metadata.name}`);
    this.#note('POST', path);
    if (this.#stored.has(path))
      throw new ApiError(409, { code: 409, reason: 'AlreadyExists', message: 'already exists' });
    return this.#put(path, { ...history, metadata: { ...history.metadata, uid: `uid-of-${path}` } });
  }

  replace(path: string, history: DeviceHistory): DeviceHistory {
    this.#note('PUT', path);
    const before = this.#stored.get(path);
    if (before === undefined) throw new ApiError(404, { code: 404, reason: 'NotFound', message: `${path} not found` });
    if (before.metadata.resourceVersion !== history.metadata.resourceVersion)
      throw new ApiError(409, { code: 409, reason: 'Conflict', message: 'the object has been modified' });
    return this.#put(path, history);
  }

  #put(path: string, history: DeviceHistory): DeviceHistory {
    const [result] = this.writeScript.splice(0, 1);
    if (result instanceof ApiError) throw result;
    const faults = historyFaults(history);
    if (faults.length > 0) throw new ApiError(422, { code: 422, reason: 'Invalid', message: faults.join('; ') });
    this.#version += 1;
    const metadata = { ...history.metadata, resourceVersion: String(this.#version) };
    const stored = readApiJson(JSON.stringify({ ...history, metadata })) as DeviceHistory;
    this.#stored.set(path, stored);
    if (result === 'answer-lost') throw new ApiError(500, { code: 500, message: 'the answer got lost' });
    return stored;
  }

  #note(method: string, path: string): void {
    if (!this.isServed) throw new ApiError(404, { message: '404 page not found' });
    this.requests.push(`${method} ${path.replace(/^.*\/namespaces\/([^/]+)\/devicehistories/, '$1')}`);
  }
}

export function isHistory(path: string): boolean {
  return /\/devicehistories(\/|$)/.test(path);
}
