/** Serves what CustomResourceDefinitions define, from the moment one is stored until the last of its objects is gone. */
import type { Api } from '../handlers/call.ts';
import type { KubeObject } from '../kube-object.ts';
import { DEFINITION_FINALIZER, definitionOf, definitionType } from '../registry/builtin/custom-resource-definition.ts';
import { customTypes } from '../registry/custom-types.ts';
import { parseStored } from '../storage/store.ts';
import { drain } from './drain.ts';

/** Runs until `signal` aborts. What is stored already is served when this returns. */
export function serveDefinitions(api: Api, signal: AbortSignal): void {
  const definitions = api.store.collection(definitionType.id);
  const removing = new Set<string>();
  const serve = (object: KubeObject): void => {
    const { name = '', deletionTimestamp } = object.metadata;
    const types = customTypes(definitionOf(object));
    api.registry.setCustom(name, types);
    if (deletionTimestamp === undefined || removing.has(name)) return;
    removing.add(name);
    // Versions share their storage: one type reaches every object.
    drain({ api, types: types.slice(0, 1), namespace: undefined, signal }, () => {
      removing.delete(name);
      removeFinalizer(api, object);
    });
  };
  const begin = (): void => {
    removing.clear();
    for (const name of api.registry.customNames()) api.registry.removeCustom(name);
    for (const stored of definitions.range('', '')) serve(parseStored(stored));
    const cancel = definitions.subscribe({
      next({ type, stored }) {
        if (type === 'DELETED') api.registry.removeCustom(stored.key);
        else serve(parseStored(stored));
      },
      end: () => signal.aborted || begin(),
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  begin();
}

function removeFinalizer({ store }: Api, { metadata }: KubeObject): void {
  const object = store.get(definitionType.id, metadata.name ?? '');
  if (object === undefined || object.metadata.uid !== metadata.uid) return;
  const before = object.metadata.finalizers ?? [];
  const finalizers = before.filter((finalizer) => finalizer !== DEFINITION_FINALIZER);
  const rest = { ...object, metadata: { ...object.metadata, finalizers } };
  if (finalizers.length === 0) store.remove(definitionType.id, rest);
  else if (finalizers.length < before.length) store.put(definitionType.id, rest);
}
