import type { FieldError, Json, Table } from '../../crd/index.ts';
import { isObject, textAt, timestamp, valueAt } from '../../kube-object.ts';
import type { KubeObject } from '../../kube-object.ts';
import { customTypes } from '../custom-types.ts';
import type { Definition } from '../custom-types.ts';
import { anything, builtInType, flag, list, object, text } from './built-in-type.ts';

/** Keeps a deleted definition until its objects are gone (lifecycle/definitions.ts). */
export const DEFINITION_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionType = builtInType({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  isNamespaced: false,
  hasGeneration: true,
  description: 'CustomResourceDefinition represents a resource that should be exposed on the API server.',
  properties: {
    spec: object('How the resource should be served.', {
      group: text('API group of the resource.'),
      names: object('The resource and kind names.', {
        plural: text('Name in URLs.'),
        singular: text('Name of one, for people.'),
        kind: text('Kind of the objects.'),
        listKind: text('Kind of lists of them.'),
        shortNames: list('Short names for people.', { type: 'string' }),
        categories: list('Groups of resources that this one is shown in.', { type: 'string' }),
      }),
      scope: text('Cluster or Namespaced.'),
      versions: list(
        'The versions of the resource.',
        anything('One version: name, served, storage, schema, subresources, columns.'),
      ),
      conversion: anything('How objects are converted between versions; only None is implemented.'),
      preserveUnknownFields: flag('Must be false.'),
    }),
    status: anything('How the resource is served.'),
  },
  table: createdAtTable(),
  hooks: {
    prepareCreate(definition, now) {
      definition.metadata.finalizers = [...new Set([...(definition.metadata.finalizers ?? []), DEFINITION_FINALIZER])];
      completeNames(definition);
      definition['status'] = acceptedStatus(definition, now);
    },
    prepareUpdate(definition) {
      completeNames(definition);
    },
    validate: checkDefinition,
    beginDeletion(definition, now) {
      setCondition(definition, {
        type: 'Terminating',
        status: 'True',
        lastTransitionTime: timestamp(now),
        reason: 'InstanceDeletionInProgress',
        message: 'CustomResource deletion is in progress',
      });
    },
  },
});

/** The spec as the schema machinery reads it. Parsing has happened in the schema above and in `checkDefinition`. */
export function definitionOf(object: KubeObject): Definition {
  return object as unknown as Definition;
}

function completeNames(definition: KubeObject): void {
  const spec = definition['spec'];
  const names = isObject(spec) ? spec['names'] : undefined;
  if (!isObject(spec) || !isObject(names)) return;
  const kind = textAt(names, 'kind');
  names['singular'] ??= kind.toLowerCase();
  names['listKind'] ??= `${kind}List`;
  spec['conversion'] ??= { strategy: 'None' };
}

function acceptedStatus(definition: KubeObject, now: number): Json {
  const condition = (type: string, reason: string, message: string): Json => ({
    type,
    status: 'True',
    lastTransitionTime: timestamp(now),
    reason,
    message,
  });
  const versions = valueAt(definition, 'spec.versions');
  const storage = Array.isArray(versions)
    ? versions.find((one) => isObject(one) && one['storage'] === true)
    : undefined;
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: structuredClone(valueAt(definition, 'spec.names') ?? {}),
    storedVersions: isObject(storage) ? [storage['name'] ?? ''] : [],
  };
}

function setCondition(definition: KubeObject, condition: { [field: string]: Json }): void {
  const status = isObject(definition['status']) ? definition['status'] : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
  const others = conditions.filter((one) => !isObject(one) || one['type'] !== condition['type']);
  definition['status'] = { ...status, conditions: [...others, condition] };
}

function checkDefinition(definition: KubeObject, old?: KubeObject): FieldError[] {
  const required = ['spec.group', 'spec.scope', 'spec.names.plural', 'spec.names.kind', 'spec.versions'];
  const missing = required.filter((path) => valueAt(definition, path) === undefined);
  if (missing.length > 0) {
    return missing.map((field) => ({ type: 'FieldValueRequired', field, message: 'Required value' }));
  }
  const frozen = ['spec.group', 'spec.scope', 'spec.names.plural', 'spec.names.kind'];
  const changed = old === undefined ? [] : frozen.filter((path) => valueAt(definition, path) !== valueAt(old, path));
  if (changed.length > 0) return changed.map((field) => immutable(field, valueAt(definition, field)));
  try {
    customTypes(definitionOf(definition));
    return [];
  } catch (error) {
    if (error instanceof Error && 'errors' in error && Array.isArray(error.errors)) return error.errors as FieldError[];
    throw error;
  }
}

function immutable(field: string, value: Json | undefined): FieldError {
  return { type: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: field is immutable` };
}

function createdAtTable(): Table {
  const column = (name: string, type: string, format: string) => ({
    name,
    type,
    format,
    description: name,
    priority: 0,
  });
  return {
    columnDefinitions: [column('Name', 'string', 'name'), column('Created At', 'date', '')],
    row: (object) => [valueAt(object, 'metadata.name') ?? '', valueAt(object, 'metadata.creationTimestamp') ?? ''],
  };
}
