/** Server-side apply and managedFields: who owns what, on devices and on a resource with every kind of list and map (gadgets.yaml). */
import { SHARING, STATUS } from './apply-owner-cases.ts';
import { RECORD } from './apply-record-cases.ts';
import { SHAPES } from './apply-shape-cases.ts';
import type { Case } from './cases.ts';
import {
  DEVICES,
  device,
  applied,
  apply,
  merge,
  post,
  get,
  prepared,
  remembered,
  SPEC,
  rate,
  LIMITS,
  desired,
  whole,
} from './apply-steps.ts';

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

/** By what they show. */
export const APPLY: Readonly<Record<string, readonly Case[]>> = {
  'server-side apply': APPLYING,
  'conflicts of an apply': CONFLICTS,
  'shared ownership': SHARING,
  'ownership of the status': STATUS,
  'the record of ownership': RECORD,
  'the shapes of what is applied': SHAPES,
};
