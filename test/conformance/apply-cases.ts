/** Server-side apply and managedFields: who owns what, on devices and on a resource with every kind of list and map (gadgets.yaml). */
import type { Case } from './cases.ts';
import type { Step } from './exchange.ts';

const DEVICES = '/apis/iot.mir/v1alpha/namespaces/{ns}/devices';
const gadgetPath = (version: string): string => `/apis/test.mir/${version}/namespaces/{ns}/gadgets`;

type Parts = Readonly<Record<string, unknown>>;

const device = (parts: Parts = {}): Parts => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  ...parts,
  metadata: { name: 'a', ...(parts['metadata'] as object | undefined) },
});
const gadget = (spec: unknown, more: Parts = {}): Parts => ({
  apiVersion: 'test.mir/v1',
  kind: 'Gadget',
  ...(spec === undefined ? {} : { spec }),
  ...more,
  metadata: { name: 'a', ...(more['metadata'] as object | undefined) },
});

/** Sent by `manager`; `more` is the rest of the query. */
const applied = (path: string, manager: string, body: unknown, more = ''): Step => ({
  method: 'PATCH',
  path: `${path}?fieldManager=${manager}${more}`,
  type: 'apply',
  body,
});
const apply = (manager: string, body: unknown, more = ''): Step => applied(`${DEVICES}/a`, manager, body, more);
const applyGadget = (manager: string, spec: unknown, more = ''): Step =>
  applied(`${gadgetPath('v1')}/a`, manager, gadget(spec), more);
const merge = (path: string, manager: string, body: unknown): Step => ({
  method: 'PATCH',
  path: `${path}?fieldManager=${manager}`,
  type: 'merge',
  body,
});
const mergeGadget = (manager: string, spec: unknown): Step => merge(`${gadgetPath('v1')}/a`, manager, { spec });
const post = (manager: string, body: unknown): Step => ({
  method: 'POST',
  path: `${DEVICES}?fieldManager=${manager}`,
  body,
});
const get: Step = { method: 'GET', path: `${DEVICES}/a` };
const getGadget: Step = { method: 'GET', path: `${gadgetPath('v1')}/a` };
const prepared = (step: Step): Step => ({ ...step, isPreparation: true });
const remembered = (step: Step): Step => ({ ...step, isPreparation: true, remember: true });

const SPEC = { deviceId: '{ns}-a' };
const rate = (intervalSeconds: number): Parts => ({ 'sensor.v1.SampleRate': { intervalSeconds } });
const LIMITS = { 'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 } };
const desired = (messages: Parts): Parts => ({ properties: { desired: messages } });
const whole = device({ spec: SPEC, ...desired(rate(60)) });

const APPLYING: readonly Case[] = [
  { name: 'create', steps: [apply('one', whole), get] },
  {
    name: 'create and change',
    steps: [apply('one', whole), apply('one', device({ spec: SPEC, ...desired(rate(30)) }))],
  },
  { name: 'the same twice', steps: [remembered(apply('one', whole)), apply('one', whole), get] },
  {
    name: 'labels and annotations',
    steps: [
      apply('one', device({ spec: SPEC, metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } })),
      apply('one', device({ spec: SPEC, metadata: { labels: { x: 'y' } } })),
    ],
  },
  {
    name: 'a message given up',
    steps: [
      prepared(apply('one', device({ spec: SPEC, ...desired({ ...rate(60), ...LIMITS }) }))),
      apply('one', whole),
    ],
  },
  {
    name: 'a field of a message given up',
    steps: [
      prepared(apply('one', device({ spec: SPEC, ...desired(LIMITS) }))),
      apply('one', device({ spec: SPEC, ...desired({ 'sensor.v1.AlertThreshold': { maxTemp: 25 } }) })),
    ],
  },
  {
    name: 'everything given up',
    steps: [prepared(apply('one', whole)), apply('one', device({ spec: SPEC })), apply('one', device())],
  },
  { name: 'without a manager', steps: [{ ...apply('', whole) }, { ...apply('', whole), path: `${DEVICES}/a` }] },
  {
    name: 'managers that are none',
    steps: [apply('x'.repeat(129), whole), apply('a%0Ab', whole), apply('%C2%A0', whole), post('a%01b', whole)],
  },
  {
    name: 'force without apply',
    steps: [prepared(post('one', whole)), { ...merge(`${DEVICES}/a`, 'one', {}), path: `${DEVICES}/a?force=true` }],
  },
  {
    name: 'a dry run',
    steps: [
      apply('one', whole, '&dryRun=All'),
      get,
      apply('one', whole),
      apply('one', device({ spec: SPEC }), '&dryRun=All'),
      get,
    ],
  },
  {
    name: 'another version',
    steps: [apply('one', { ...whole, apiVersion: 'iot.mir/v9' }), apply('one', { ...whole, apiVersion: 'v1' })],
  },
  { name: 'another kind', steps: [apply('one', { ...whole, kind: 'Device' })] },
  { name: 'no type', steps: [apply('one', { metadata: { name: 'a' }, spec: SPEC })] },
  { name: 'no name', steps: [apply('one', { ...whole, metadata: {} })] },
  { name: 'no metadata', steps: [apply('one', { apiVersion: 'iot.mir/v1alpha', kind: 'device', spec: SPEC })] },
  { name: 'another name', steps: [apply('one', device({ spec: SPEC, metadata: { name: 'b' } }))] },
  { name: 'another namespace', steps: [apply('one', device({ spec: SPEC, metadata: { namespace: 'other' } }))] },
  {
    name: 'a namespace that is not there',
    steps: [applied('/apis/iot.mir/v1alpha/namespaces/none/devices/a', 'one', whole)],
  },
  {
    name: 'managedFields inside',
    steps: [
      apply('one', device({ spec: SPEC, metadata: { managedFields: [] } })),
      apply('one', device({ spec: SPEC, metadata: { managedFields: [{}] } })),
      apply('one', device({ spec: SPEC, metadata: { managedFields: null } })),
    ],
  },
  {
    name: 'a version of an object that is not there',
    steps: [apply('one', device({ spec: SPEC, metadata: { resourceVersion: '5' } }))],
  },
  {
    name: 'a uid of an object that is not there',
    steps: [apply('one', device({ spec: SPEC, metadata: { uid: 'x' } }))],
  },
  {
    name: 'a version that is and one that is not the last',
    steps: [
      remembered(post('one', whole)),
      apply('two', device({ spec: { disabled: true }, metadata: { resourceVersion: '{rv}' } })),
      apply('two', device({ spec: { disabled: false }, metadata: { resourceVersion: '{rv}' } })),
    ],
  },
  {
    name: 'a foreign uid',
    steps: [prepared(post('one', whole)), apply('two', device({ spec: { disabled: true }, metadata: { uid: 'x' } }))],
  },
  {
    name: 'an unknown field',
    steps: [
      apply('one', device({ spec: { ...SPEC, color: 'red' } })),
      apply('one', device({ spec: SPEC, extra: 1 })),
      apply('one', device({ spec: SPEC, metadata: { color: 'red' } })),
    ],
  },
  {
    name: 'fields of a wrong type',
    steps: [
      apply('one', device({ spec: { deviceId: 5 } })),
      apply('one', device({ spec: { ...SPEC, disabled: 'no' } })),
      apply('one', device({ spec: 'x' })),
      apply('one', device({ spec: [] })),
      apply('one', device({ spec: SPEC, metadata: { labels: { a: 5 } } })),
    ],
  },
  {
    name: 'what is invalid',
    steps: [
      apply('one', device({ spec: { deviceId: 'a b' } })),
      apply('one', device()),
      apply('one', device({ spec: SPEC, ...desired({ 'a-b': {} }) })),
    ],
  },
  {
    name: 'what cannot change',
    steps: [prepared(apply('one', whole)), apply('one', device({ spec: { deviceId: 'other' } }))],
  },
  {
    name: 'a status that is not there for the taking',
    steps: [apply('one', device({ spec: SPEC, status: { online: true } })), get],
  },
  { name: 'a body that is no object', steps: [apply('one', '[]'), apply('one', '"x"'), apply('one', 'null')] },
  {
    name: 'nulls',
    steps: [
      apply('one', device({ spec: { ...SPEC, disabled: null } })),
      prepared(post('one', device({ spec: { ...SPEC, disabled: true } }))),
      apply('two', device({ spec: { disabled: null } })),
      apply('one', device({ spec: SPEC, properties: null })),
      apply('one', device({ spec: SPEC, metadata: { labels: null } })),
    ],
  },
  {
    name: 'empty maps',
    steps: [
      apply('one', device({ spec: SPEC, properties: { desired: {} }, metadata: { labels: {}, annotations: {} } })),
      apply('one', device({ spec: SPEC, ...desired({ 'a.v1.M': {} }) })),
      apply('one', device({ spec: SPEC, properties: {} })),
    ],
  },
  {
    name: 'finalizers',
    steps: [
      apply(
        'one',
        device({
          spec: SPEC,
          metadata: {
            finalizers: ['test.mir/a'],
          },
        }),
      ),
      apply('two', device({ metadata: { finalizers: ['test.mir/b'] } })),
      apply('one', device({ spec: SPEC })),
      apply('two', device()),
    ],
  },
  {
    // Under dryRun, for owners that are not there are known to the garbage collector.
    name: 'owners',
    steps: [
      apply(
        'one',
        device({
          spec: SPEC,
          metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u' }] },
        }),
        '&dryRun=All',
      ),
    ],
  },
  {
    name: 'to a subresource of what is not there',
    steps: [applied(`${DEVICES}/a/status`, 'one', device({ status: { online: true } }))],
  },
  {
    name: 'field validation',
    steps: [
      apply('one', device({ spec: { ...SPEC, color: 'red' } }), '&fieldValidation=Ignore'),
      apply('one', whole, '&fieldValidation=Strict'),
      apply('one', whole, '&fieldValidation=Nonsense'),
    ],
  },
];

const CONFLICTS: readonly Case[] = [
  {
    name: 'with another applier',
    steps: [
      prepared(apply('one', whole)),
      apply('two', device({ ...desired(rate(30)) })),
      apply('two', device({ ...desired(rate(30)) }), '&force=true'),
      apply('one', whole),
    ],
  },
  {
    name: 'with an update',
    steps: [
      prepared(post('one', whole)),
      apply('two', device({ ...desired(rate(30)) })),
      apply('two', device({ ...desired(rate(30)) }), '&force=true'),
    ],
  },
  {
    name: 'several, with several',
    steps: [
      prepared(post('one', whole)),
      prepared(apply('two', device({ spec: { disabled: true }, ...desired(LIMITS) }))),
      prepared(merge(`${DEVICES}/a`, 'three', { metadata: { labels: { a: 'b' } } })),
      apply(
        'four',
        device({
          spec: { disabled: false },
          ...desired({ ...rate(1), 'sensor.v1.AlertThreshold': { maxTemp: 1, minTemp: 2 } }),
          metadata: { labels: { a: 'c' } },
        }),
      ),
    ],
  },
  {
    name: 'force that is false',
    steps: [
      prepared(apply('one', whole)),
      apply('two', device({ ...desired(rate(30)) }), '&force=false'),
      apply('two', device({ ...desired(rate(30)) }), '&force=0'),
      apply('two', device({ ...desired(rate(30)) }), '&force'),
    ],
  },
  {
    name: 'with a status',
    steps: [
      prepared(post('one', whole)),
      prepared(merge(`${DEVICES}/a/status`, 'operator', { status: { online: true } })),
      applied(`${DEVICES}/a/status`, 'two', device({ status: { online: false } })),
      applied(`${DEVICES}/a/status`, 'two', device({ status: { online: false } }), '&force=true'),
    ],
  },
  { name: 'none over equal values', steps: [prepared(post('one', whole)), apply('two', whole), get] },
  {
    name: 'none over what nobody owns',
    steps: [prepared(apply('one', device({ spec: SPEC }))), apply('two', device({ ...desired(rate(1)) }))],
  },
];

const SHARING: readonly Case[] = [
  {
    name: 'a value of two appliers, given up by one',
    steps: [
      prepared(apply('one', whole)),
      apply('two', whole),
      apply('one', device({ spec: SPEC })),
      apply('two', device({ spec: SPEC })),
    ],
  },
  {
    name: 'a value of two, changed by a third',
    steps: [
      prepared(apply('one', whole)),
      prepared(apply('two', whole)),
      merge(`${DEVICES}/a`, 'three', desired(rate(5))),
      apply('one', device({ spec: SPEC })),
    ],
  },
  {
    name: 'a value that an update wrote, given up by the applier',
    steps: [
      prepared(apply('one', whole)),
      merge(`${DEVICES}/a`, 'two', desired(rate(5))),
      apply('one', whole, '&force=true'),
      apply('one', device({ spec: SPEC })),
    ],
  },
  {
    name: 'a value that an update removed',
    steps: [prepared(apply('one', whole)), merge(`${DEVICES}/a`, 'two', { properties: null }), apply('one', whole)],
  },
  {
    name: 'two messages of two appliers',
    steps: [
      prepared(apply('one', whole)),
      apply('two', device({ ...desired(LIMITS) })),
      apply('one', device({ spec: SPEC })),
      apply('two', device()),
    ],
  },
  {
    name: 'an update that changes nothing',
    steps: [prepared(apply('one', whole)), merge(`${DEVICES}/a`, 'two', desired(rate(60)))],
  },
  {
    name: 'a replace that leaves things out',
    steps: [
      remembered(apply('one', device({ spec: SPEC, ...desired({ ...rate(60), ...LIMITS }) }))),
      {
        method: 'PUT',
        path: `${DEVICES}/a?fieldManager=two`,
        body: device({ spec: SPEC, ...desired(rate(1)), metadata: { resourceVersion: '{rv}' } }),
      },
    ],
  },
  {
    name: 'a JSON patch',
    steps: [
      prepared(apply('one', whole)),
      {
        method: 'PATCH',
        path: `${DEVICES}/a?fieldManager=two`,
        type: 'json',
        body: [{ op: 'add', path: '/spec/disabled', value: true }],
      },
    ],
  },
  {
    name: 'a manager that applies and updates',
    steps: [
      prepared(post('one', whole)),
      apply('one', whole),
      apply('one', device({ ...desired(rate(2)) })),
      apply('one', device({ ...desired(rate(2)) }), '&force=true'),
      apply('one', device()),
      get,
    ],
  },
  {
    name: 'no manager named',
    steps: [
      { method: 'POST', path: DEVICES, body: whole },
      { method: 'PATCH', path: `${DEVICES}/a`, type: 'merge', body: { spec: { disabled: true } } },
    ],
  },
];

const STATUS: readonly Case[] = [
  {
    name: 'an update of the status',
    steps: [
      prepared(post('one', whole)),
      merge(`${DEVICES}/a/status`, 'operator', { status: { online: true } }),
      merge(`${DEVICES}/a/status`, 'operator', { status: { online: false, observedGeneration: 1 } }),
    ],
  },
  {
    name: 'an update of the status that writes more',
    steps: [
      prepared(post('one', whole)),
      merge(`${DEVICES}/a/status`, 'operator', {
        spec: { disabled: true },
        properties: { desired: rate(1) },
        metadata: { labels: { a: 'b' } },
        status: { online: true },
      }),
      get,
    ],
  },
  {
    name: 'an apply of the status',
    steps: [
      prepared(apply('one', whole)),
      applied(`${DEVICES}/a/status`, 'operator', device({ status: { online: true, observedGeneration: 1 } })),
      applied(`${DEVICES}/a/status`, 'operator', device({ status: { online: true } })),
      applied(`${DEVICES}/a/status`, 'operator', device()),
    ],
  },
  {
    name: 'an apply of the status that writes more',
    steps: [
      prepared(apply('one', whole)),
      applied(
        `${DEVICES}/a/status`,
        'operator',
        device({
          spec: { disabled: true },
          ...desired(rate(1)),
          metadata: { labels: { a: 'b' } },
          status: { online: true },
        }),
      ),
    ],
  },
  {
    name: 'a status by the whole object',
    steps: [prepared(apply('one', whole)), merge(`${DEVICES}/a`, 'two', { status: { online: true } })],
  },
  {
    name: 'a replaced status',
    steps: [
      remembered(post('one', whole)),
      {
        method: 'PUT',
        path: `${DEVICES}/a/status?fieldManager=two`,
        body: device({ spec: SPEC, status: { online: true }, metadata: { resourceVersion: '{rv}' } }),
      },
    ],
  },
  {
    name: 'managedFields through the status',
    steps: [
      prepared(post('one', whole)),
      merge(`${DEVICES}/a/status`, 'operator', { metadata: { managedFields: [{}] }, status: { online: true } }),
    ],
  },
  {
    name: 'conditions of two',
    steps: [
      prepared(applyGadget('one', { size: 1 })),
      applied(
        `${gadgetPath('v1')}/a/status`,
        'c1',
        gadget(undefined, { status: { phase: 'x', conditions: [{ type: 'Ready', status: 'True' }] } }),
      ),
      applied(
        `${gadgetPath('v1')}/a/status`,
        'c2',
        gadget(undefined, { status: { conditions: [{ type: 'Synced', status: 'True', reason: 'r' }] } }),
      ),
      applied(
        `${gadgetPath('v1')}/a/status`,
        'c2',
        gadget(undefined, { status: { conditions: [{ type: 'Ready', status: 'False' }] } }),
      ),
      applied(`${gadgetPath('v1')}/a/status`, 'c1', gadget(undefined, { status: { phase: 'x' } })),
      merge(`${gadgetPath('v1')}/a/status`, 'c3', {
        status: {
          conditions: [
            { type: 'Synced', status: 'False', reason: 'r' },
            { type: 'New', status: 'True' },
          ],
          counts: { a: 1 },
        },
      }),
    ],
  },
];

const RECORD: readonly Case[] = [
  {
    name: 'reset by an empty entry',
    steps: [
      prepared(apply('one', whole)),
      merge(`${DEVICES}/a`, 'two', { metadata: { managedFields: [{}] } }),
      merge(`${DEVICES}/a`, 'two', { spec: { disabled: true } }),
      apply('three', device({ spec: { disabled: false } })),
      apply('three', device({ spec: { disabled: true } })),
    ],
  },
  {
    name: 'reset by an empty list',
    steps: [
      remembered(apply('one', whole)),
      {
        method: 'PUT',
        path: `${DEVICES}/a?fieldManager=two`,
        body: device({ spec: SPEC, metadata: { resourceVersion: '{rv}', managedFields: [] } }),
      },
    ],
  },
  {
    name: 'reset by a JSON patch',
    steps: [
      prepared(apply('one', whole)),
      {
        method: 'PATCH',
        path: `${DEVICES}/a?fieldManager=two`,
        type: 'json',
        body: [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }],
      },
      get,
    ],
  },
  { name: 'reset on the way in', steps: [post('one', device({ spec: SPEC, metadata: { managedFields: [{}] } }))] },
  {
    name: 'brought along',
    steps: [
      post(
        'one',
        device({
          spec: SPEC,
          metadata: {
            managedFields: [
              {
                manager: 'old',
                operation: 'Apply',
                apiVersion: 'iot.mir/v1alpha',
                fieldsType: 'FieldsV1',
                time: '2020-01-01T00:00:00Z',
                fieldsV1: { 'f:spec': { '.': {}, 'f:disabled': {} }, 'x:y': {}, 'f:properties': { '.': {} } },
              },
            ],
          },
        }),
      ),
      get,
    ],
  },
  {
    name: 'that is none',
    steps: [
      prepared(apply('one', whole)),
      ...[
        [{ manager: 'x', operation: 'Other', apiVersion: 'v1', fieldsType: 'FieldsV1' }],
        [{ manager: 'x', operation: 'Update', fieldsType: 'FieldsV1' }],
        [{ manager: 'x', operation: 'Update', apiVersion: 'v1' }],
        [{ manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'Other' }],
      ].map((managedFields) => merge(`${DEVICES}/a`, 'two', { metadata: { managedFields } })),
    ],
  },
  {
    name: 'set to null',
    steps: [prepared(apply('one', whole)), merge(`${DEVICES}/a`, 'two', { metadata: { managedFields: null } })],
  },
  {
    name: 'of a wrong type',
    steps: [
      prepared(apply('one', whole)),
      merge(`${DEVICES}/a`, 'two', { metadata: { managedFields: 'x' } }),
      merge(`${DEVICES}/a`, 'two', { metadata: { managedFields: ['x'] } }),
    ],
  },
  {
    name: 'of a version that is not served',
    steps: [
      prepared(
        post(
          'one',
          device({
            spec: SPEC,
            metadata: {
              managedFields: [
                {
                  manager: 'old',
                  operation: 'Update',
                  apiVersion: 'iot.mir/v0',
                  fieldsType: 'FieldsV1',
                  fieldsV1: { 'f:spec': { 'f:deviceId': {} } },
                },
              ],
            },
          }),
        ),
      ),
      get,
    ],
  },
  {
    name: 'of ghosts: fields that are not there',
    steps: [
      prepared(
        post(
          'one',
          device({
            spec: SPEC,
            metadata: {
              managedFields: [
                {
                  manager: 'ghost',
                  operation: 'Apply',
                  apiVersion: 'iot.mir/v1alpha',
                  fieldsType: 'FieldsV1',
                  fieldsV1: {
                    'f:properties': { 'f:desired': { 'f:sensor.v1.SampleRate': { 'f:intervalSeconds': {} } } },
                  },
                },
              ],
            },
          }),
        ),
      ),
      apply('two', device({ ...desired(rate(60)) })),
      apply('two', device({ ...desired(rate(60)) }), '&force=true'),
      apply('ghost', device()),
    ],
  },
  {
    name: 'of what an atomic field holds',
    steps: [
      prepared(
        post(
          'one',
          device({
            spec: SPEC,
            metadata: {
              managedFields: [
                {
                  manager: 'old',
                  operation: 'Update',
                  subresource: 'status',
                  apiVersion: 'iot.mir/v1alpha',
                  fieldsType: 'FieldsV1',
                  fieldsV1: {
                    'f:status': {
                      'f:online': {},
                      'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {} } },
                    },
                  },
                },
              ],
            },
          }),
        ),
      ),
      get,
      merge(`${DEVICES}/a`, 'one', { spec: { disabled: true } }),
    ],
  },
  {
    name: 'in tables and metadata',
    steps: [
      prepared(apply('one', whole)),
      { ...get, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      { ...get, accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
    ],
  },
];

const parts = (...items: readonly Parts[]): Parts => ({ parts: items });
const part = (name: string, more: Parts = {}): Parts => ({ name, ...more });

const SHAPES: readonly Case[] = [
  {
    name: 'scalars of every kind',
    steps: [
      applyGadget('one', { size: 1, note: 'x', when: '2026-01-01T00:00:00Z', choice: 5 }),
      applyGadget('two', { choice: 'x' }),
      applyGadget('two', { choice: 'x' }, '&force=true'),
      applyGadget('one', { level: 2 }),
    ],
  },
  {
    name: 'an atomic list',
    steps: [
      applyGadget('one', { items: ['a', 'b'] }),
      applyGadget('two', { items: ['a'] }),
      applyGadget('two', { items: ['b', 'a'] }, '&force=true'),
      applyGadget('two', { size: 1 }),
    ],
  },
  {
    name: 'an atomic map',
    steps: [
      applyGadget('one', { point: { x: 1, y: 2 } }),
      applyGadget('two', { point: { x: 1 } }),
      applyGadget('one', { point: { x: 3 } }),
      applyGadget('one', {}),
    ],
  },
  {
    name: 'a set',
    steps: [
      applyGadget('one', { tags: ['a', 'b'] }),
      applyGadget('two', { tags: ['c', 'b'] }),
      applyGadget('one', { tags: ['b'] }),
      applyGadget('two', {}),
      applyGadget('one', { tags: [] }),
    ],
  },
  {
    name: 'a set of numbers',
    steps: [
      applyGadget('one', { numbers: [10, 9, 1.5] }),
      applyGadget('two', { numbers: [9, 2] }),
      applyGadget('one', { numbers: [1.5] }),
    ],
  },
  {
    name: 'a set that repeats itself',
    steps: [
      applyGadget('one', { tags: ['a', 'a'] }),
      applyGadget('one', { tags: [null] }),
      applyGadget('one', { tags: [['a']] }),
      applyGadget('one', { tags: [{}] }),
    ],
  },
  {
    name: 'items by key',
    steps: [
      applyGadget('one', parts(part('a', { size: 1 }), part('b'))),
      applyGadget('two', parts(part('c', { size: 3 }), part('a', { color: 'red' }))),
      applyGadget('two', parts(part('a', { size: 2 }))),
      applyGadget('one', parts(part('b', { size: 5 }))),
      applyGadget('two', parts(part('c', { size: 3 }))),
      applyGadget('two', {}),
      getGadget,
    ],
  },
  {
    name: 'what is inside of items',
    steps: [
      applyGadget('one', parts(part('a', { box: { a: 1 } }))),
      applyGadget('two', parts(part('a', { box: { b: 2 } }))),
      applyGadget('one', parts(part('a'))),
      applyGadget('two', parts(part('a', { box: {} }))),
    ],
  },
  {
    name: 'items without their key',
    steps: [
      applyGadget('one', parts({ size: 1 })),
      applyGadget('one', { parts: [null] }),
      applyGadget('one', { parts: ['x'] }),
      applyGadget('one', parts(part('a'), part('a'))),
    ],
  },
  {
    name: 'keys with defaults',
    steps: [
      applyGadget('one', {
        ports: [
          { port: 80, name: 'x' },
          { port: 80, protocol: 'UDP' },
        ],
      }),
      applyGadget('two', { ports: [{ port: 80, protocol: 'TCP', name: 'y' }] }),
      applyGadget('one', { ports: [{ port: 80, protocol: 'UDP' }] }),
    ],
  },
  {
    name: 'maps of texts',
    steps: [
      applyGadget('one', { options: { a: '1', b: '2' } }),
      applyGadget('two', { options: { b: '3', c: '4' } }),
      applyGadget('two', { options: { c: '4' } }),
      applyGadget('one', { options: { a: '1' } }),
      applyGadget('one', { options: {} }),
      applyGadget('two', { options: {} }),
    ],
  },
  {
    name: 'maps of objects',
    steps: [
      applyGadget('one', { groups: { x: { a: '1' }, y: {} } }),
      applyGadget('two', { groups: { x: { b: '2' } } }),
      applyGadget('one', { groups: {} }),
      applyGadget('two', {}),
    ],
  },
  {
    name: 'free content',
    steps: [
      applyGadget('one', { free: { a: { b: 1, c: [1, 2] }, d: 'x' } }),
      applyGadget('two', { free: { a: { e: 2 }, d: 'x' } }),
      applyGadget('two', { free: { a: { c: [3] } } }),
      applyGadget('one', { free: { a: { b: 1 } } }),
      applyGadget('one', { free: { a: 5 } }),
      applyGadget('one', { free: { a: 5 } }, '&force=true'),
      applyGadget('one', {}),
      applyGadget('two', {}),
    ],
  },
  {
    name: 'free content emptied and null',
    steps: [
      applyGadget('one', { free: { a: { b: 1 }, n: null, l: [], m: {} } }),
      applyGadget('one', { free: { a: {}, n: null } }),
      applyGadget('one', { free: { a: { b: { c: 1 } } } }),
      applyGadget('one', { free: { x: 1 } }),
    ],
  },
  {
    name: 'declared parents',
    steps: [
      applyGadget('one', { deep: { inner: { a: '1' } } }),
      applyGadget('two', { deep: { inner: { b: '2' } } }),
      applyGadget('one', { deep: { inner: {} } }),
      applyGadget('two', { deep: {} }),
      applyGadget('two', {}),
    ],
  },
  { name: 'defaults', steps: [applyGadget('one', {}), applyGadget('one', { level: 5 }), applyGadget('one', {})] },
  {
    name: 'a nullable',
    steps: [applyGadget('one', { note: null }), applyGadget('two', { note: 'x' }), applyGadget('one', {})],
  },
  {
    name: 'another version of the API',
    steps: [
      applyGadget('one', { size: 1, tags: ['a'] }),
      applied(`${gadgetPath('v1beta1')}/a`, 'two', { ...gadget({ size: 2 }), apiVersion: 'test.mir/v1beta1' }),
      applied(`${gadgetPath('v1beta1')}/a`, 'one', { ...gadget({ size: 3 }), apiVersion: 'test.mir/v1beta1' }),
      merge(`${gadgetPath('v1beta1')}/a`, 'two', { spec: { size: 4 } }),
      applyGadget('one', { size: 4 }),
    ],
  },
  {
    name: 'another part of the object',
    steps: [
      applied(`${gadgetPath('v1')}/a`, 'one', gadget(undefined, { extra: { a: 'x' } })),
      applied(
        `${gadgetPath('v1')}/a/status`,
        'two',
        gadget({ size: 1 }, { extra: { a: 'y' }, status: { phase: 'x' } }),
      ),
      applied(`${gadgetPath('v1')}/a/status`, 'two', gadget(undefined, { status: { phase: 'x' } })),
      getGadget,
    ],
  },
  {
    name: 'order of items',
    steps: [
      prepared(applyGadget('one', parts(part('a'), part('b'), part('c'), part('d')))),
      applyGadget('two', parts(part('d'), part('x'), part('b'))),
      applyGadget('three', parts(part('y'), part('c'), part('z'))),
      applyGadget('two', parts(part('b'), part('d'), part('w'))),
    ],
  },
  {
    name: 'order of a set',
    steps: [
      prepared(applyGadget('one', { tags: ['a', 'b', 'c'] })),
      applyGadget('two', { tags: ['c', 'x', 'a'] }),
      applyGadget('three', { tags: ['n', 'b', 'm'] }),
      applyGadget('one', { tags: ['c', 'b'] }),
    ],
  },
  {
    name: 'updates of items',
    steps: [
      prepared(applyGadget('one', parts(part('a', { size: 1 }), part('b', { size: 2 })))),
      mergeGadget('two', parts(part('a', { size: 1 }), part('b', { size: 5 }), part('c'))),
      mergeGadget('two', parts(part('c'))),
      mergeGadget('two', { parts: null }),
    ],
  },
  {
    name: 'updates of sets, maps and free content',
    steps: [
      prepared(applyGadget('one', { tags: ['a'], options: { a: '1' }, free: { a: { b: 1 } }, point: { x: 1 } })),
      mergeGadget('two', { tags: ['b', 'a'], options: { b: '2' }, free: { a: { c: 1 }, d: [1] }, point: { y: 1 } }),
      mergeGadget('two', { tags: null, options: { a: null }, free: { a: null } }),
      mergeGadget('three', { free: { d: { e: 1 } } }),
    ],
  },
];

/** By what they show. */
export const APPLY: Readonly<Record<string, readonly Case[]>> = {
  'server-side apply': APPLYING,
  'conflicts of an apply': CONFLICTS,
  'shared ownership': SHARING,
  'ownership of the status': STATUS,
  'the record of ownership': RECORD,
  'the shapes of what is applied': SHAPES,
};
