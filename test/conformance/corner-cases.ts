/** Requests that clients make by mistake or seldom. */
import type { Case } from './cases.ts';
import type { Step } from './exchange.ts';

const DEVICES = '/apis/iot.mir/v1alpha/namespaces/{ns}/devices';

const device = (metadata: Readonly<Record<string, unknown>> = {}, rest: object = {}): Record<string, unknown> => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: { name: 'a', ...metadata },
  spec: { deviceId: '{ns}-a' },
  ...rest,
});
const post = (body: unknown, query = ''): Step => ({ method: 'POST', path: `${DEVICES}${query}`, body });
const list = (query = ''): Step => ({ method: 'GET', path: `${DEVICES}${query}` });
const put = (body: unknown, query = ''): Step => ({ method: 'PUT', path: `${DEVICES}/a${query}`, body });
const patch = (type: string, body: unknown, query = ''): Step => ({
  method: 'PATCH',
  path: `${DEVICES}/a${query}`,
  type,
  body,
});
const remove = (body?: unknown): Step => ({
  method: 'DELETE',
  path: `${DEVICES}/a`,
  ...(body === undefined ? {} : { body }),
});
const made: Step = { ...post(device()), isPreparation: true, remember: true };

const METADATA: readonly Case[] = [
  {
    name: "fields that are the system's",
    steps: [
      post(
        device({
          uid: 'x',
          generation: 7,
          creationTimestamp: '2020-01-01T00:00:00Z',
          deletionTimestamp: '2020-01-01T00:00:00Z',
          deletionGracePeriodSeconds: 5,
          selfLink: '/x',
        }),
      ),
    ],
  },
  {
    name: 'labels that are none',
    steps: [
      post(device({ labels: { 'a b': 'x' } })),
      post(device({ labels: { a: 'x y' } })),
      post(device({ labels: { a: 'x'.repeat(64) } })),
      post(device({ labels: { ['x'.repeat(64)]: '' } })),
      post(device({ labels: { 'A/b': 'x' } })),
      post(device({ labels: { '/b': 'x' } })),
      post(device({ labels: { 'a/': 'x' } })),
    ],
  },
  {
    name: 'labels of a wrong type',
    steps: [post(device({ labels: { a: 5 } })), post(device({ labels: [] })), post(device({ labels: null }))],
  },
  {
    name: 'annotations that are none',
    steps: [post(device({ annotations: { 'a b': 'x' } })), post(device({ annotations: { a: 'x'.repeat(263_000) } }))],
  },
  {
    name: 'names that are none',
    steps: ['', '.', 'a..b', '-a', 'a/b', 'x'.repeat(254)].map((name) => post(device({ name }))),
  },
  {
    name: 'generated names',
    steps: [
      post(device({ name: undefined, generateName: 'made-' })),
      post(device({ name: undefined, generateName: 'Made-' })),
      post(device({ name: 'a', generateName: 'Made-' })),
    ],
  },
  {
    name: 'finalizers that are none',
    steps: [
      post(device({ finalizers: ['x'] })),
      post(device({ finalizers: [''] })),
      post(device({ finalizers: 'x/y' })),
      patch('merge', { metadata: { labels: { a: 'b' } } }),
      patch('merge', { metadata: { finalizers: ['x', 'y'] } }),
    ],
  },
  {
    name: 'owner references',
    steps: [
      post(device({ ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'x' }] })),
      post(device({ name: 'b', ownerReferences: [{ kind: 'ConfigMap' }] })),
    ],
  },
  { name: 'a namespace in a patch', steps: [made, patch('merge', { metadata: { namespace: 'other' } })] },
  { name: 'a name in a patch', steps: [made, patch('merge', { metadata: { name: 'b' } })] },
  { name: 'a uid in a patch', steps: [made, patch('merge', { metadata: { uid: 'x' } })] },
  { name: 'a kind in a patch', steps: [made, patch('merge', { kind: 'x' })] },
  { name: 'a version in a patch', steps: [made, patch('merge', { apiVersion: 'iot.mir/v2' })] },
  {
    name: 'a generation in a patch',
    steps: [made, patch('merge', { metadata: { generation: 9, creationTimestamp: null } })],
  },
  {
    name: 'unknown fields of metadata',
    steps: [post(device({ colour: 'red' })), post(device({ name: 'b', colour: 'red' }), '?fieldValidation=Strict')],
  },
  { name: 'a foreign uid in a replacement', steps: [made, put(device({ uid: 'x', resourceVersion: '{rv}' }))] },
  {
    name: 'a resourceVersion that is none in a replacement',
    steps: [made, put(device({ resourceVersion: 'x' })), put(device({ resourceVersion: '{future}' }))],
  },
];

const PATCHES: readonly Case[] = [
  {
    name: 'merge patches that are none',
    steps: [made, patch('merge', '[]'), patch('merge', '{'), patch('merge', ''), patch('merge', '5')],
  },
  {
    name: 'json patches that are none',
    steps: [
      made,
      patch('json', '{}'),
      patch('json', '{'),
      patch('json', [{ op: 'x', path: '/spec' }]),
      patch('json', [{ op: 'add', path: 'spec', value: 1 }]),
      patch('json', [{ op: 'replace', path: '/spec/none', value: 1 }]),
      patch('json', []),
    ],
  },
  {
    name: 'patches with unknown fields',
    steps: [
      made,
      patch('merge', { spec: { colour: 'red' } }),
      patch('merge', { spec: { colour: 'red' } }, '?fieldValidation=Strict'),
      patch('json', [{ op: 'add', path: '/spec/colour', value: 'red' }], '?fieldValidation=Strict'),
    ],
  },
  {
    name: 'a field twice in a patch',
    steps: [made, patch('merge', '{"spec":{"disabled":true,"disabled":false}}', '?fieldValidation=Strict')],
  },
  { name: 'a patch of an empty object', steps: [made, patch('merge', {})] },
  {
    name: 'removal of what is required',
    steps: [made, patch('merge', { spec: null }), patch('json', [{ op: 'remove', path: '/spec/deviceId' }])],
  },
];

const OPTIONS: readonly Case[] = [
  { name: 'limits that are none', steps: [list('?limit=x'), list('?limit=-1'), list('?limit=0')] },
  {
    name: 'field selectors',
    steps: [
      made,
      ...[
        'a',
        'metadata.name!=a',
        'metadata.name=a,metadata.namespace={ns}',
        'metadata.name==a',
        'metadata.name=',
        'x=y',
      ].map((text) => list(`?fieldSelector=${encodeURIComponent(text).replaceAll('%7Bns%7D', '{ns}')}`)),
    ],
  },
  {
    name: 'label selectors that are none',
    steps: [
      'a in ()',
      'a in (b',
      '(a)',
      'a=b=c',
      'a b',
      '=a',
      'a>x',
      'a,',
      ',a',
      '!',
      '!a=b',
      'a in (b),',
      'a/b/c=d',
    ].map((text) => list(`?labelSelector=${encodeURIComponent(text)}`)),
  },
  {
    name: 'forms of answers',
    steps: [
      { ...list(), accept: 'text/html' },
      { ...list(), accept: 'application/json;as=Table;v=v9;g=meta.k8s.io' },
      { ...list(), accept: 'text/html, application/json;q=0.5' },
      { ...list(), accept: '*/*' },
    ],
  },
  {
    name: 'bodies without a type',
    steps: [
      { ...post(JSON.stringify(device())), type: '' },
      { ...post('a: b'), type: 'text/plain' },
    ],
  },
  {
    name: 'bodies that are no objects',
    steps: [
      post('[]'),
      post('5'),
      post(''),
      post('{}'),
      post('{"kind":"device"}'),
      post({ apiVersion: 'iot.mir/v1alpha', kind: 'device' }),
    ],
  },
  {
    name: 'yaml',
    steps: [
      {
        ...post('apiVersion: iot.mir/v1alpha\nkind: device\nmetadata: {name: a}\nspec: {deviceId: "{ns}-a"}\n'),
        type: 'application/yaml',
      },
    ],
  },
  {
    name: 'delete options that are none',
    steps: [
      made,
      remove('[]'),
      remove('{'),
      remove({ kind: 'x', apiVersion: 'v1' }),
      remove({ propagationPolicy: 'x' }),
      remove({ gracePeriodSeconds: -1 }),
      remove({ orphanDependents: true, propagationPolicy: 'Orphan' }),
    ],
  },
  {
    name: 'streaming lists that are none',
    steps: [
      list('?watch=true&sendInitialEvents=true&timeoutSeconds=1'),
      list('?sendInitialEvents=true'),
      list('?watch=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1'),
    ],
  },
];

/** By what is wrong or rare. */
export const CORNERS: Readonly<Record<string, readonly Case[]>> = {
  'corners of metadata': METADATA,
  'corners of patches': PATCHES,
  'corners of options': OPTIONS,
};
