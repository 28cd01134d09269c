import { isObject } from '../../kube-object.ts';
import type { KubeObject } from '../../kube-object.ts';
import { AGE, builtInType, list, object, text, time } from './built-in-type.ts';

/** Held by this finalizer of its spec until its content is gone (lifecycle/namespaces.ts). */
export const NAMESPACE_FINALIZER = 'kubernetes';

export const namespaceType = builtInType({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  isNamespaced: false,
  nameRule: 'label',
  description: 'Namespace provides a scope for names.',
  properties: {
    spec: object('Behavior of the namespace.', {
      finalizers: list('What must be done before the namespace can be removed.', { type: 'string' }),
    }),
    status: object('Current state of the namespace.', {
      phase: text('Active, or Terminating while it is being deleted.'),
      conditions: list(
        'What keeps the namespace from being removed.',
        object('One condition.', {
          type: text('Name of the condition.'),
          status: text('True, False or Unknown.'),
          lastTransitionTime: time('When status last changed.'),
          reason: text('Why, in one word.'),
          message: text('Why, for people.'),
        }),
      ),
    }),
  },
  columns: [
    { name: 'Status', type: 'string', description: 'The status of the namespace', jsonPath: '.status.phase' },
    AGE,
  ],
  selectable: { 'status.phase': 'status.phase', name: 'metadata.name' },
  hooks: {
    prepareCreate(namespace) {
      namespace['spec'] = { finalizers: [NAMESPACE_FINALIZER] };
      namespace['status'] = { phase: 'Active' };
      labelWithName(namespace);
    },
    prepareUpdate(namespace, old) {
      // Finalizers of the spec are changed through the finalize subresource only.
      namespace['spec'] = structuredClone(old['spec'] ?? {});
      labelWithName(namespace);
    },
    beginDeletion(namespace) {
      namespace['status'] = { ...statusOf(namespace), phase: 'Terminating' };
    },
    isHeld: (namespace) => specFinalizers(namespace).length > 0,
  },
});

export function specFinalizers(namespace: KubeObject): string[] {
  const spec = namespace['spec'];
  const finalizers = isObject(spec) ? spec['finalizers'] : undefined;
  return Array.isArray(finalizers) ? finalizers.filter((one) => typeof one === 'string') : [];
}

function statusOf(namespace: KubeObject) {
  const status = namespace['status'];
  return isObject(status) ? status : {};
}

function labelWithName({ metadata }: KubeObject): void {
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
}
