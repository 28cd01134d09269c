/**
 * The OpenAPI v3 document of one CRD version, as kubectl reads it: `explain` follows the schemas, `apply` looks for a PATCH with a
 * `fieldValidation` parameter and for the patch types it accepts.
 */
import { OBJECT_META, META_SCHEMAS, metaRef } from './meta.ts';
import type { Crd, CrdVersion, Schema } from './crd.ts';

type Json = Record<string, unknown>;

/** Names that a document is made of. */
interface Subject {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** For `/openapi/v3/apis/<group>/<version>`; throws when the CRD has no such version. */
export function openApiV3(crd: Crd, version: string): object {
  const { group, names, scope, versions } = crd.spec;
  const served = versions.find(({ name }) => name === version);
  if (served === undefined) throw new Error(`CustomResourceDefinition ${crd.metadata.name} has no version ${version}`);
  const { kind, plural, listKind = `${kind}List` } = names;
  const subject: Subject = { group, version, kind, listKind, plural, isNamespaced: scope === 'Namespaced' };
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' },
    paths: pathsOf(subject, served),
    components: {
      schemas: {
        ...META_SCHEMAS,
        [modelName(subject, kind)]: objectSchema(subject, served),
        [modelName(subject, listKind)]: listSchema(subject),
      },
    },
  };
}

/** `iot.mir/v1alpha device` is `mir.iot.v1alpha.device`. */
function modelName({ group, version }: Subject, kind: string): string {
  return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
}

const TYPE_META = {
  apiVersion: {
    type: 'string',
    description: 'Group and version of this representation of the object, as group/version.',
  },
  kind: { type: 'string', description: 'Kind of the object; it cannot be changed.' },
};

function gvk({ group, version }: Subject, kind: string): Json {
  return { group, version, kind };
}

function objectSchema(subject: Subject, { schema, selectableFields = [] }: CrdVersion): Json {
  const root = schema?.openAPIV3Schema ?? { type: 'object' };
  return {
    ...withEmbedded(root),
    properties: {
      ...propertiesOf(root),
      ...TYPE_META,
      metadata: { description: "Standard object's metadata.", allOf: [metaRef(OBJECT_META)] },
    },
    'x-kubernetes-group-version-kind': [gvk(subject, subject.kind)],
    ...(selectableFields.length === 0 ? {} : { 'x-kubernetes-selectable-fields': selectableFields.map(selectable) }),
  };
}

function selectable({ jsonPath }: { readonly jsonPath: string }): Json {
  return { fieldPath: jsonPath.replace(/^\./, '') };
}

function propertiesOf({ properties = {} }: Schema): Json {
  return Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, withEmbedded(one)]));
}

/** Embedded resources gain the fields that every resource has. */
function withEmbedded(schema: Schema): Json {
  const { additionalProperties, items } = schema;
  const isResource = schema['x-kubernetes-embedded-resource'] === true;
  const metadata = { description: "Standard object's metadata.", allOf: [metaRef(OBJECT_META)] };
  const properties = { ...propertiesOf(schema), ...(isResource ? { ...TYPE_META, metadata } : {}) };
  return {
    ...schema,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(items === undefined ? {} : { items: withEmbedded(items) }),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: withEmbedded(additionalProperties) } : {}),
    ...(isResource ? { required: [...new Set([...(schema.required ?? []), 'kind', 'apiVersion'])] } : {}),
  };
}

function listSchema(subject: Subject): Json {
  const { kind, listKind, plural } = subject;
  return {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...TYPE_META,
      items: { description: `List of ${plural}.`, type: 'array', items: ref(modelName(subject, kind)) },
      metadata: { description: 'Standard list metadata.', allOf: [metaRef('ListMeta')] },
    },
    'x-kubernetes-group-version-kind': [gvk(subject, listKind)],
  };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

interface Operation {
  readonly method: 'get' | 'put' | 'post' | 'delete' | 'patch';
  readonly action: string;
  readonly verb: string;
  readonly parameters: readonly string[];
  readonly answer: Json;
  readonly body?: Json;
}

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'];
const LIST_PARAMETERS = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const DELETE_PARAMETERS = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];

function pathsOf(subject: Subject, version: CrdVersion): Json {
  const { group, kind, listKind, plural, isNamespaced } = subject;
  const prefix = `/apis/${group}/${subject.version}`;
  const collection = isNamespaced ? `${prefix}/namespaces/{namespace}/${plural}` : `${prefix}/${plural}`;
  const object = ref(modelName(subject, kind));
  const list: Operation = {
    method: 'get',
    action: 'list',
    verb: 'list',
    parameters: LIST_PARAMETERS,
    answer: ref(modelName(subject, listKind)),
  };
  const single = singleOperations(object);
  const paths: Json = {
    [collection]: pathItem(subject, collection, [
      list,
      { method: 'post', action: 'post', verb: 'create', parameters: WRITE_PARAMETERS, answer: object, body: object },
      {
        method: 'delete',
        action: 'deletecollection',
        verb: 'deletecollection',
        parameters: [...LIST_PARAMETERS, ...DELETE_PARAMETERS],
        answer: metaRef('Status'),
      },
    ]),
    [`${collection}/{name}`]: pathItem(subject, `${collection}/{name}`, [
      ...single,
      {
        method: 'delete',
        action: 'delete',
        verb: 'delete',
        parameters: DELETE_PARAMETERS,
        answer: metaRef('Status'),
        body: metaRef('DeleteOptions'),
      },
    ]),
  };
  if (isNamespaced) paths[`${prefix}/${plural}`] = pathItem(subject, `${prefix}/${plural}`, [list]);
  if (version.subresources?.status !== undefined) {
    paths[`${collection}/{name}/status`] = pathItem(subject, `${collection}/{name}/status`, single);
  }
  return paths;
}

function singleOperations(object: Json): Operation[] {
  return [
    { method: 'get', action: 'get', verb: 'read', parameters: ['resourceVersion'], answer: object },
    { method: 'put', action: 'put', verb: 'replace', parameters: WRITE_PARAMETERS, answer: object, body: object },
    {
      method: 'patch',
      action: 'patch',
      verb: 'patch',
      parameters: [...WRITE_PARAMETERS, 'force'],
      answer: object,
      body: metaRef('Patch'),
    },
  ];
}

function pathItem(subject: Subject, path: string, operations: readonly Operation[]): Json {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return {
    parameters: [...inPath, queryParameter('pretty')],
    ...Object.fromEntries(operations.map((operation) => [operation.method, describe(subject, path, operation)])),
  };
}

const INTEGERS: ReadonlySet<string> = new Set(['limit', 'timeoutSeconds', 'gracePeriodSeconds']);
const BOOLEANS: ReadonlySet<string> = new Set([
  'allowWatchBookmarks',
  'watch',
  'sendInitialEvents',
  'orphanDependents',
  'force',
]);

function queryParameter(name: string): Json {
  const type = INTEGERS.has(name) ? 'integer' : BOOLEANS.has(name) ? 'boolean' : 'string';
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

const OBJECT_TYPES = ['application/json', 'application/yaml'];
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json'];

function describe(subject: Subject, path: string, { method, action, verb, parameters, answer, body }: Operation): Json {
  const ok = { description: 'OK', content: contentOf(OBJECT_TYPES, answer) };
  const requestTypes = method === 'patch' ? PATCH_TYPES : OBJECT_TYPES;
  const scope = path.includes('{namespace}') ? 'Namespaced' : '';
  const where = path.endsWith('/status') ? 'Status' : subject.isNamespaced && scope === '' ? 'ForAllNamespaces' : '';
  return {
    tags: [`${subject.group}_${subject.version}`],
    description: `${verb} ${subject.kind}`,
    operationId: `${verb}${scope}${subject.kind}${where}`,
    parameters: parameters.map(queryParameter),
    ...(body === undefined
      ? {}
      : { requestBody: { content: contentOf(requestTypes, body), required: method !== 'delete' } }),
    responses: {
      200: ok,
      ...(method === 'post' || method === 'put' ? { 201: { ...ok, description: 'Created' } } : {}),
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(subject, subject.kind),
  };
}

function contentOf(types: readonly string[], schema: Json): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}
