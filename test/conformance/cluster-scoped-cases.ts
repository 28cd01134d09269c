/** What cluster-scoped custom resources must answer: those of crds/schemas.iot.mir.yaml. */
import type { Step } from './exchange.ts';
import type { Case } from './cases.ts';

const GROUP = '/apis/iot.mir/v1alpha';
const SCHEMAS = `${GROUP}/schemas`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
/** Cases meet in one collection; each looks at its own objects. */
const OWN = 'labelSelector=case%3D{ns}';

/** A valid schema object; `digit` is the first of its hash. */
const schema = (digit: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'schema',
  spec: { descriptorSet: 'CgA=' },
  ...more,
  metadata: {
    name: `sha256-${digit}{hash}`,
    labels: { case: '{ns}', digit },
    ...(more['metadata'] as object | undefined),
  },
});

const path = (digit: string, rest = ''): string => `${SCHEMAS}/sha256-${digit}{hash}${rest}`;
const post = (body: unknown, query = ''): Step => ({ method: 'POST', path: `${SCHEMAS}${query}`, body });
const get = (digit: string, rest = ''): Step => ({ method: 'GET', path: path(digit, rest) });
const list = (query = ''): Step => ({ method: 'GET', path: `${SCHEMAS}?${OWN}${query}` });
const patch = (digit: string, type: string, body: unknown, rest = ''): Step => ({
  method: 'PATCH',
  path: path(digit, rest),
  type,
  body,
});
const remove = (digit: string, body?: unknown): Step => ({
  method: 'DELETE',
  path: path(digit),
  ...(body === undefined ? {} : { body }),
});
const prepared = (step: Step): Step => ({ ...step, isPreparation: true });
const remembered = (step: Step): Step => ({ ...step, isPreparation: true, remember: true });

const one = prepared(post(schema('a')));
/** + and / are what base64url lacks. */
const everyLetter = prepared(post(schema('a', { spec: { descriptorSet: 'Cg+/AA==' } })));
const LABELLED = [
  patch('a', 'merge', { metadata: { labels: { x: 'y' } } }),
  patch('a', 'merge', { metadata: { annotations: { x: 'y' } } }),
];
const three = ['a', 'b', 'c'].map((digit) => prepared(post(schema(digit))));
const VALID = {
  conditions: [
    { type: 'Valid', status: 'True', reason: 'Valid', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
};
const STATUS = {
  observedGeneration: 1,
  packageNames: ['a.v1', 'b.v1'],
  messageCount: 2,
  configuration: ['a.v1.A'],
  ...VALID,
};

const READING: readonly Case[] = [
  { name: 'create answers 201 with defaults', steps: [post(schema('a'))] },
  { name: 'get', steps: [one, get('a')] },
  { name: 'get of what is not there', steps: [get('f')] },
  { name: 'list by name', steps: [...three, list()] },
  { name: 'pages', steps: [...three, list('&limit=2'), list('&limit=2&continue={continue}')] },
  { name: 'field selector metadata.name', steps: [...three, list('&fieldSelector=metadata.name%3Dsha256-b{hash}')] },
  { name: 'field selector metadata.namespace', steps: [...three, list('&fieldSelector=metadata.namespace%3D{ns}')] },
  {
    name: 'table of one',
    steps: [one, prepared(patch('a', 'merge', { status: STATUS }, '/status')), { ...get('a'), accept: TABLE }],
  },
  { name: 'table of a list', steps: [...three, { ...list(), accept: TABLE }] },
  { name: 'metadata only', steps: [...three, { ...list(), accept: METADATA_ONLY }] },
  {
    name: 'get in a namespace',
    steps: [one, { method: 'GET', path: `${GROUP}/namespaces/{ns}/schemas/sha256-a{hash}` }],
  },
  { name: 'list in a namespace', steps: [{ method: 'GET', path: `${GROUP}/namespaces/{ns}/schemas` }] },
  { name: 'list of the future', steps: [remembered(post(schema('a'))), list('&resourceVersion={future}')] },
];

const WRITING: readonly Case[] = [
  { name: 'create twice', steps: [one, post(schema('a'))] },
  { name: 'create in a namespace', steps: [{ ...post(schema('a')), path: `${GROUP}/namespaces/{ns}/schemas` }] },
  { name: 'create with a namespace inside', steps: [post(schema('a', { metadata: { namespace: 'other' } }))] },
  { name: 'create under a name that the rule refuses', steps: [post(schema('a', { metadata: { name: 'sensor' } }))] },
  { name: 'create of what is no base64', steps: [post(schema('a', { spec: { descriptorSet: '****' } }))] },
  { name: 'create drops status', steps: [post(schema('a', { status: STATUS }))] },
  { name: 'create with dryRun', steps: [post(schema('a'), '?dryRun=All'), get('a')] },
  {
    name: 'replace',
    steps: [
      remembered(post(schema('a'))),
      {
        ...get('a'),
        method: 'PUT',
        body: schema('a', { metadata: { resourceVersion: '{rv}', labels: { case: '{ns}', x: 'y' } } }),
      },
    ],
  },
  {
    name: 'merge patch of labels keeps generation',
    steps: [one, patch('a', 'merge', { metadata: { labels: { x: 'y' } } })],
  },
  {
    name: 'json patch',
    steps: [one, patch('a', 'json', [{ op: 'add', path: '/metadata/annotations', value: { x: 'y' } }])],
  },
  { name: 'labels and annotations beside every letter of base64', steps: [everyLetter, ...LABELLED] },
  {
    name: 'descriptorSet is immutable with every letter of base64',
    steps: [everyLetter, patch('a', 'merge', { spec: { descriptorSet: 'CgB4' } })],
  },
  { name: 'descriptorSet is immutable', steps: [one, patch('a', 'merge', { spec: { descriptorSet: 'CgB4' } })] },
  { name: 'patch of what is not there', steps: [patch('f', 'merge', {})] },
];

const STATUSES: readonly Case[] = [
  {
    name: 'status patch writes status only',
    steps: [one, patch('a', 'merge', { status: STATUS, spec: {} }, '/status'), get('a')],
  },
  {
    name: 'status beside every letter of base64',
    steps: [everyLetter, patch('a', 'merge', { status: STATUS }, '/status')],
  },
  { name: 'status get', steps: [one, get('a', '/status')] },
  {
    name: 'status replace',
    steps: [one, { ...get('a', '/status'), method: 'PUT', body: schema('a', { status: STATUS }) }],
  },
  {
    name: 'status replace at a version',
    steps: [
      remembered(post(schema('a'))),
      {
        ...get('a', '/status'),
        method: 'PUT',
        body: schema('a', { metadata: { resourceVersion: '{rv}' }, status: STATUS }),
      },
    ],
  },
  {
    name: 'status of the wrong type',
    steps: [one, patch('a', 'merge', { status: { messageCount: 'two' } }, '/status')],
  },
  {
    name: 'status with an unknown kind of message',
    steps: [one, patch('a', 'merge', { status: { messages: [{ name: 'a.A', kind: 'x' }] } }, '/status')],
  },
];

const DELETING: readonly Case[] = [
  { name: 'delete', steps: [one, remove('a'), get('a')] },
  {
    name: 'delete at its uid',
    steps: [remembered(post(schema('a'))), remove('a', { preconditions: { uid: '{uid}' } }), get('a')],
  },
  {
    name: 'delete at an old resourceVersion',
    steps: [
      remembered(post(schema('a'))),
      prepared(patch('a', 'merge', { metadata: { labels: { x: 'y' } } })),
      remove('a', { preconditions: { resourceVersion: '{rv}' } }),
    ],
  },
  { name: 'delete of what is not there', steps: [remove('f')] },
  {
    name: 'finalizers hold an object until they go',
    steps: [
      prepared(post(schema('a', { metadata: { finalizers: ['test.mir/hold'] } }))),
      remove('a'),
      patch('a', 'merge', { metadata: { finalizers: null } }),
      get('a'),
    ],
  },
  { name: 'deletecollection by label', steps: [...three, { ...list('%2Cdigit%3Da'), method: 'DELETE' }, list()] },
];

const watched = (query: string, events: number, accept?: string): Step => ({
  ...list(`&watch=true&timeoutSeconds=5${query}`),
  events,
  ...(accept === undefined ? {} : { accept }),
});

const WATCHING: readonly Case[] = [
  {
    name: 'watch from a list',
    steps: [
      { ...list(), isPreparation: true, remember: true },
      one,
      prepared(patch('a', 'merge', { status: STATUS }, '/status')),
      prepared(remove('a')),
      watched('&resourceVersion={rv}', 3),
    ],
  },
  { name: 'watch as a table', steps: [...three, watched('', 3, TABLE)] },
  {
    name: 'watch of metadata',
    steps: [...three, watched('', 3, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io')],
  },
  { name: 'watch of one name', steps: [...three, watched('&fieldSelector=metadata.name%3Dsha256-b{hash}', 1)] },
];

/** By what a client does. */
export const CLUSTER_SCOPED: Readonly<Record<string, readonly Case[]>> = {
  'reading what is cluster-scoped': READING,
  'writing what is cluster-scoped': WRITING,
  'the status of what is cluster-scoped': STATUSES,
  'deleting what is cluster-scoped': DELETING,
  'watching what is cluster-scoped': WATCHING,
};
