import type { Api, Call } from '../handlers/call.ts';
import { remove } from '../handlers/delete.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import { parseStored } from '../storage/store.ts';

export interface DrainPlan {
  readonly api: Api;
  readonly types: readonly ResourceType[];
  /** Undefined: in every namespace. */
  readonly namespace: string | undefined;
  readonly signal: AbortSignal;
}

/** Deletes every object of the types, later than now, and calls `done` when the last is gone, however long finalizers hold it. */
export function drain(plan: DrainPlan, done: () => void): void {
  const { api, types, signal } = plan;
  const cancels: (() => void)[] = [];
  const stop = (): void => {
    for (const cancel of cancels.splice(0)) cancel();
  };
  const finishIfEmpty = (): void => {
    if (types.some((type) => contentOf(plan, type).length > 0)) return;
    stop();
    signal.removeEventListener('abort', stop);
    done();
  };
  const begin = (): void => {
    if (signal.aborted) return;
    for (const type of types) for (const stored of contentOf(plan, type)) removeOne(api, type, stored.json);
    for (const type of types) {
      const next = ({ type: change }: { type: string }): void => {
        // Later than now: a change must have reached every watcher before another is made.
        if (change === 'DELETED') setImmediate(finishIfEmpty);
      };
      cancels.push(api.store.collection(type.id).subscribe({ next, end: stop }));
    }
    finishIfEmpty();
  };
  signal.addEventListener('abort', stop, { once: true });
  setImmediate(begin);
}

function contentOf({ api, namespace }: DrainPlan, type: ResourceType) {
  return [...api.store.collection(type.id).range(namespace === undefined ? '' : `${namespace}/`, '')];
}

function removeOne(api: Api, type: ResourceType, json: string): void {
  const object = parseStored({ json });
  const { namespace, name } = object.metadata;
  const call: Call = {
    api,
    type,
    namespace,
    name,
    subresource: undefined,
    query: new URLSearchParams(),
    body: { type: '', bytes: Buffer.alloc(0) },
    userAgent: '',
    warnings: [],
  };
  remove(call, object);
}
