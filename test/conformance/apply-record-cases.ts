/** Server-side apply: what managedFields record, and how a client may change that. */
import type { Case } from './cases.ts';
import {
  DEVICES,
  device,
  apply,
  merge,
  owned,
  post,
  get,
  prepared,
  remembered,
  SPEC,
  rate,
  desired,
  whole,
} from './apply-steps.ts';

export const RECORD: readonly Case[] = [
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
      owned({
        manager: 'old',
        operation: 'Apply',
        time: '2020-01-01T00:00:00Z',
        fieldsV1: { 'f:spec': { '.': {}, 'f:disabled': {} }, 'x:y': {}, 'f:properties': { '.': {} } },
      }),
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
        owned({
          manager: 'old',
          operation: 'Update',
          apiVersion: 'iot.mir/v0',
          fieldsV1: { 'f:spec': { 'f:deviceId': {} } },
        }),
      ),
      get,
    ],
  },
  {
    name: 'of ghosts: fields that are not there',
    steps: [
      prepared(
        owned({
          manager: 'ghost',
          operation: 'Apply',
          fieldsV1: {
            'f:properties': { 'f:desired': { 'f:sensor.v1.SampleRate': { 'f:intervalSeconds': {} } } },
          },
        }),
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
        owned({
          manager: 'old',
          operation: 'Update',
          subresource: 'status',
          fieldsV1: {
            'f:status': {
              'f:online': {},
              'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {} } },
            },
          },
        }),
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
