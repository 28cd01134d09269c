/** Server-side apply: fields with several owners, and those of the status. */
import type { Case } from './cases.ts';
import {
  DEVICES,
  gadgetPath,
  device,
  gadget,
  applied,
  apply,
  applyGadget,
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

export const SHARING: readonly Case[] = [
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

export const STATUS: readonly Case[] = [
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
