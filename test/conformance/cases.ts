/**
 * What the embedded API must answer as the real one does. A case is a list of requests in a namespace of its own; add one by
 * writing the requests: the real API server says what is right.
 */
import { APPLY } from './apply-cases.ts';
import { CLUSTER_SCOPED } from './cluster-scoped-cases.ts';
import { CORNERS } from './corner-cases.ts';
import type { Step } from './exchange.ts';
import {
  GROUP,
  DEVICES,
  TABLE,
  METADATA_ONLY,
  device,
  post,
  get,
  list,
  patch,
  remove,
  prepared,
  remembered,
  RATE,
  three,
} from './device-steps.ts';

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

const READING: readonly Case[] = [
  { name: 'create answers 201 with defaults', steps: [post(device('a'))] },
  { name: 'get', steps: [prepared(post(device('a', { properties: { desired: RATE } }))), get('a')] },
  { name: 'get of what is not there', steps: [get('none')] },
  { name: 'list of nothing', steps: [list()] },
  { name: 'list by name', steps: [...three, list()] },
  { name: 'pages', steps: [...three, list('?limit=2'), list('?limit=2&continue={continue}')] },
  { name: 'a broken continue token', steps: [list('?limit=2&continue=nonsense')] },
  { name: 'label selectors', steps: [...three, list('?labelSelector=name%20in%20(a,b),kind=x,!none')] },
  { name: 'a broken label selector', steps: [list('?labelSelector=a%20in')] },
  { name: 'field selector metadata.name', steps: [...three, list('?fieldSelector=metadata.name%3Db')] },
  { name: 'field selector spec.deviceId', steps: [...three, list('?fieldSelector=spec.deviceId%3D{ns}-b')] },
  { name: 'an unknown field selector', steps: [list('?fieldSelector=spec.disabled%3Dtrue')] },
  { name: 'a resourceVersion that is no number', steps: [list('?resourceVersion=x&resourceVersionMatch=Exact')] },
  { name: 'a wrong resourceVersionMatch', steps: [list('?resourceVersion=1&resourceVersionMatch=Some')] },
  { name: 'resourceVersionMatch Exact of 0', steps: [list('?resourceVersion=0&resourceVersionMatch=Exact')] },
  {
    name: 'resourceVersionMatch of a later page',
    steps: [...three, prepared(list('?limit=1')), list('?limit=1&continue={continue}&resourceVersionMatch=Exact')],
  },
  { name: 'get at no version', steps: [prepared(post(device('a'))), get('a', '?resourceVersion=x')] },
  { name: 'resourceVersionMatch without resourceVersion', steps: [list('?resourceVersionMatch=Exact')] },
  { name: 'table of one', steps: [prepared(post(device('a'))), { ...get('a'), accept: TABLE }] },
  { name: 'table of a list', steps: [...three, { ...list(), accept: TABLE }] },
  { name: 'metadata only', steps: [...three, { ...list(), accept: METADATA_ONLY }] },
];

const WRITING: readonly Case[] = [
  { name: 'create twice', steps: [prepared(post(device('a'))), post(device('a'))] },
  {
    name: 'create in a namespace that is not there',
    steps: [{ ...post(device('a')), path: `${GROUP}/namespaces/none/devices` }],
  },
  { name: 'create with another namespace inside', steps: [post(device('a', { metadata: { namespace: 'other' } }))] },
  { name: 'create without a name', steps: [post({ ...device('a'), metadata: {} })] },
  { name: 'create with a resourceVersion', steps: [post(device('a', { metadata: { resourceVersion: '5' } }))] },
  { name: 'create of another kind', steps: [post({ ...device('a'), kind: 'Device' })] },
  { name: 'create of another version', steps: [post({ ...device('a'), apiVersion: 'iot.mir/v9' })] },
  { name: 'create with an invalid name', steps: [post(device('A_b'))] },
  { name: 'create with a broken body', steps: [{ ...post('{"a"') }] },
  { name: 'create drops status', steps: [post(device('a', { status: { online: true } }))] },
  { name: 'create with dryRun', steps: [post(device('a'), '?dryRun=All'), get('a')] },
  { name: 'create with a wrong dryRun', steps: [post(device('a'), '?dryRun=Some')] },
  {
    name: 'writes with a wrong dryRun',
    steps: [
      prepared(post(device('a'))),
      { ...get('a', '?dryRun=Some'), method: 'PUT', body: device('a') },
      patch('a', 'merge', {}, '?dryRun=Some&dryRun=All'),
      { ...remove('a'), path: `${DEVICES}/a?dryRun=Some` },
      remove('a', { dryRun: ['Some'] }),
    ],
  },
  {
    name: 'replace',
    steps: [
      prepared(post(device('a'))),
      { ...get('a'), method: 'PUT', body: device('a', { properties: { desired: RATE } }) },
    ],
  },
  {
    name: 'replace with a stale resourceVersion',
    steps: [
      remembered(post(device('a'))),
      prepared(patch('a', 'merge', { metadata: { labels: { x: 'y' } } })),
      { ...get('a'), method: 'PUT', body: device('a', { metadata: { resourceVersion: '{rv}' } }) },
    ],
  },
  {
    name: 'replace under another name',
    steps: [prepared(post(device('a'))), { ...get('a'), method: 'PUT', body: device('b') }],
  },
  { name: 'replace of what is not there', steps: [{ ...get('a'), method: 'PUT', body: device('a') }] },
  {
    name: 'merge patch moves generation',
    steps: [prepared(post(device('a'))), patch('a', 'merge', { properties: { desired: RATE } })],
  },
  {
    name: 'merge patch of metadata keeps generation',
    steps: [prepared(post(device('a'))), patch('a', 'merge', { metadata: { labels: { x: 'y' } } })],
  },
  {
    name: 'merge patch that changes nothing',
    steps: [prepared(post(device('a'))), patch('a', 'merge', { spec: { disabled: false } })],
  },
  {
    name: 'merge patch with null removes',
    steps: [
      prepared(post(device('a', { properties: { desired: RATE } }))),
      patch('a', 'merge', { properties: { desired: { 'sensor.v1.SampleRate': null } } }),
    ],
  },
  {
    name: 'merge patch with a stale resourceVersion',
    steps: [
      remembered(post(device('a'))),
      prepared(patch('a', 'merge', { metadata: { labels: { x: 'y' } } })),
      patch('a', 'merge', { metadata: { resourceVersion: '{rv}', labels: { z: 'y' } } }),
    ],
  },
  {
    name: 'json patch',
    steps: [prepared(post(device('a'))), patch('a', 'json', [{ op: 'add', path: '/spec/disabled', value: true }])],
  },
  {
    name: 'json patch whose test fails',
    steps: [prepared(post(device('a'))), patch('a', 'json', [{ op: 'test', path: '/spec/deviceId', value: 'no' }])],
  },
  {
    name: 'json patch of a missing path',
    steps: [prepared(post(device('a'))), patch('a', 'json', [{ op: 'remove', path: '/spec/none' }])],
  },
  {
    name: 'strategic merge patch',
    steps: [prepared(post(device('a'))), patch('a', 'strategic', { spec: { disabled: true } })],
  },
  {
    name: 'server-side apply',
    steps: [patch('a', 'apply', device('a'), '?fieldManager=test')],
  },
  { name: 'patch of what is not there', steps: [patch('a', 'merge', {})] },
  { name: 'patch with a wrong content type', steps: [prepared(post(device('a'))), patch('a', 'text/plain', {})] },
];

const VALIDATION: readonly Case[] = [
  { name: 'no spec', steps: [post({ ...device('a'), spec: undefined })] },
  { name: 'no deviceId', steps: [post(device('a', { spec: {} }))] },
  { name: 'a deviceId that does not match', steps: [post(device('a', { spec: { deviceId: 'a/b' } }))] },
  { name: 'a number for deviceId', steps: [post(device('a', { spec: { deviceId: 5 } }))] },
  { name: 'text for disabled', steps: [post(device('a', { spec: { deviceId: '{ns}', disabled: 'yes' } }))] },
  { name: 'null for spec', steps: [post({ ...device('a'), spec: null })] },
  { name: 'a message that is no object', steps: [post(device('a', { properties: { desired: { 'a.B': 5 } } }))] },
  { name: 'a message name that is none', steps: [post(device('a', { properties: { desired: { 'a b': {} } } }))] },
  {
    name: 'several faults',
    steps: [
      post(
        device('a', {
          spec: { deviceId: '', disabled: 3 },
          properties: { desired: [] },
          metadata: { labels: { a: '-' }, finalizers: ['a/b/c'] },
        }),
      ),
    ],
  },
  {
    name: 'deviceId is immutable',
    steps: [prepared(post(device('a'))), patch('a', 'merge', { spec: { deviceId: 'other' } })],
  },
  { name: 'unknown fields are pruned', steps: [post(device('a', { spec: { deviceId: '{ns}', colour: 'red' } }))] },
  ...['Ignore', 'Warn', 'Strict', 'Wrong'].map((mode): Case => ({
    name: `fieldValidation=${mode}`,
    steps: [post(device('a', { spec: { deviceId: '{ns}', colour: 'red' } }), `?fieldValidation=${mode}`)],
  })),
  ...['Ignore', 'Warn', 'Strict'].map((mode): Case => ({
    name: `fields twice, ${mode}`,
    steps: [
      post(
        '{"apiVersion":"iot.mir/v1alpha","kind":"device","metadata":{"name":"a"},"spec":{"deviceId":"{ns}-x","deviceId":"{ns}",' +
          '"colour":1,"colour":2},"properties":{"desired":{"a.B":{"list":[{"c":1},{"c":1,"c":2}]}}}}',
        `?fieldValidation=${mode}`,
      ),
    ],
  })),
  {
    name: 'fieldValidation=Wrong elsewhere',
    steps: [
      prepared(post(device('a'))),
      { ...get('a', '?fieldValidation=Wrong'), method: 'PUT', body: device('a') },
      patch('a', 'merge', {}, '?fieldValidation=Wrong'),
    ],
  },
];

const STATUS: readonly Case[] = [
  {
    name: 'status patch writes status only',
    steps: [
      prepared(post(device('a'))),
      patch('a/status', 'merge', {
        status: { online: true, observedGeneration: 1 },
        spec: { disabled: true },
        metadata: { labels: { x: 'y' } },
      }),
    ],
  },
  { name: 'status get', steps: [prepared(post(device('a'))), get('a/status')] },
  {
    name: 'status of the wrong type',
    steps: [prepared(post(device('a'))), patch('a/status', 'merge', { status: { online: 'yes' } })],
  },
  {
    name: 'main patch does not write status',
    steps: [prepared(post(device('a'))), patch('a', 'merge', { status: { online: true } })],
  },
  { name: 'status of what is not there', steps: [patch('a/status', 'merge', { status: {} })] },
  { name: 'another subresource', steps: [prepared(post(device('a'))), get('a/scale')] },
];

const DELETING: readonly Case[] = [
  { name: 'delete', steps: [prepared(post(device('a'))), remove('a'), get('a')] },
  { name: 'delete of what is not there', steps: [remove('a')] },
  {
    name: 'delete with a foreign uid',
    steps: [prepared(post(device('a'))), remove('a', { preconditions: { uid: 'other' } })],
  },
  { name: 'delete with dryRun', steps: [prepared(post(device('a'))), remove('a', { dryRun: ['All'] }), get('a')] },
  {
    name: 'finalizers hold an object until they go',
    steps: [
      prepared(post(device('a', { metadata: { finalizers: ['test.mir/hold'] } }))),
      remove('a'),
      get('a'),
      patch('a', 'merge', { metadata: { finalizers: ['test.mir/hold', 'test.mir/new'] } }),
      patch('a', 'merge', { metadata: { finalizers: null } }),
      get('a'),
    ],
  },
  {
    name: 'delete at its uid, of an old resourceVersion',
    steps: [
      remembered(post(device('a'))),
      prepared(patch('a', 'merge', { spec: { disabled: true } })),
      remove('a', { preconditions: { uid: '{uid}', resourceVersion: '{rv}' } }),
      remove('a', { preconditions: { uid: '{uid}' } }),
    ],
  },
  {
    name: 'deletecollection by label',
    steps: [...three, { ...list('?labelSelector=name%3Da'), method: 'DELETE' }, list()],
  },
];

const WATCHING: readonly Case[] = [
  {
    name: 'watch from a list',
    steps: [
      { ...list(), isPreparation: true, remember: true },
      prepared(post(device('a'))),
      prepared(patch('a', 'merge', { spec: { disabled: true } })),
      prepared(remove('a')),
      { ...list('?watch=true&resourceVersion={rv}&timeoutSeconds=5'), events: 3 },
    ],
  },
  {
    name: 'watch without a resourceVersion begins with what is there',
    steps: [...three, { ...list('?watch=true&timeoutSeconds=5'), events: 3 }],
  },
  {
    name: 'watch of a label: coming into and going out of the selection',
    steps: [
      { ...list(), isPreparation: true, remember: true },
      prepared(post(device('a'))),
      prepared(patch('a', 'merge', { metadata: { labels: { on: 'y' } } })),
      prepared(patch('a', 'merge', { metadata: { labels: { on: null } } })),
      { ...list('?watch=true&labelSelector=on%3Dy&resourceVersion={rv}&timeoutSeconds=5'), events: 2 },
    ],
  },
  {
    name: 'watch from a version long gone',
    steps: [{ ...list('?watch=true&resourceVersion=1&timeoutSeconds=2'), events: 1 }],
  },
  {
    name: 'watch from the future',
    steps: [
      remembered(post(device('a'))),
      { ...list('?watch=true&resourceVersion={future}&timeoutSeconds=1'), events: 1 },
    ],
  },
  { name: 'watch from nonsense', steps: [{ ...list('?watch=true&resourceVersion=x&timeoutSeconds=1'), events: 1 }] },
  {
    name: 'streaming list ends with a bookmark',
    steps: [
      ...three,
      {
        ...list(
          '?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=5',
        ),
        events: 4,
      },
    ],
  },
];

const DISCOVERY: readonly Case[] = [
  { name: 'our group', steps: [{ method: 'GET', path: '/apis/iot.mir' }] },
  { name: 'our resources', steps: [{ method: 'GET', path: GROUP }] },
  { name: 'a group that is not there', steps: [{ method: 'GET', path: '/apis/none.mir/v1' }] },
  { name: 'a resource that is not there', steps: [{ method: 'GET', path: `${GROUP}/namespaces/{ns}/gadgets` }] },
  {
    name: 'delete of everything everywhere',
    steps: [{ method: 'DELETE', path: `${GROUP}/devices?labelSelector=none` }],
  },
  { name: 'post where nothing is created', steps: [{ method: 'POST', path: `${GROUP}/devices`, body: device('a') }] },
];

/** By what a client does. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  reading: READING,
  writing: WRITING,
  validation: VALIDATION,
  'the status subresource': STATUS,
  deleting: DELETING,
  watching: WATCHING,
  discovery: DISCOVERY,
  ...CLUSTER_SCOPED,
  ...CORNERS,
  ...APPLY,
};
