/** What the namespace controller does: a deleted namespace loses its content, then its finalizer. */
import type { Api } from '../handlers/call.ts';
import { timestamp } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import { NAMESPACE_FINALIZER, namespaceType, specFinalizers } from '../registry/builtin/namespace.ts';
import { parseStored } from '../storage/store.ts';
import { drain } from './drain.ts';

const INITIAL = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** Runs until `signal` aborts; also carries on with what was being deleted before a restart. */
export function tendNamespaces(api: Api, signal: AbortSignal): void {
  const namespaces = api.store.collection(namespaceType.id);
  const finishing = new Set<string>();
  const tend = (namespace: KubeObject): void => {
    const { name = '', deletionTimestamp } = namespace.metadata;
    const isDue = deletionTimestamp !== undefined && specFinalizers(namespace).includes(NAMESPACE_FINALIZER);
    if (!isDue || finishing.has(name)) return;
    finishing.add(name);
    const types = api.registry.all().filter(({ isNamespaced }) => isNamespaced);
    drain({ api, types, namespace: name, signal }, () => {
      finishing.delete(name);
      removeFinalizer(api, namespace);
    });
  };
  const begin = (): void => {
    finishing.clear();
    for (const name of INITIAL) if (namespaces.get(name) === undefined) createInitial(api, name);
    for (const stored of namespaces.range('', '')) tend(parseStored(stored));
    const cancel = namespaces.subscribe({
      next({ type, stored }) {
        if (type !== 'DELETED') tend(parseStored(stored));
      },
      end: () => signal.aborted || begin(),
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  begin();
}

function createInitial({ store, now }: Api, name: string): void {
  const namespace: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, uid: crypto.randomUUID(), creationTimestamp: timestamp(now()) },
  };
  namespaceType.hooks.prepareCreate?.(namespace, now());
  store.put(namespaceType.id, namespace);
}

function removeFinalizer({ store }: Api, { metadata }: KubeObject): void {
  const namespace = store.get(namespaceType.id, metadata.name ?? '');
  if (namespace === undefined || namespace.metadata.uid !== metadata.uid) return;
  const finalizers = specFinalizers(namespace).filter((finalizer) => finalizer !== NAMESPACE_FINALIZER);
  const rest = { ...namespace, spec: { finalizers } };
  const isHeld = finalizers.length > 0 || (namespace.metadata.finalizers ?? []).length > 0;
  if (isHeld) store.put(namespaceType.id, rest);
  else store.remove(namespaceType.id, rest);
}
