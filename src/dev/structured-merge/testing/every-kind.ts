import type { Schema } from '../../kube-api/crd/types.ts';
import { objectType } from '../merge-type.ts';

const TEXT: Schema = { type: 'string' };
const SPEC: Schema = {
  type: 'object',
  properties: {
    a: TEXT,
    b: TEXT,
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: TEXT },
    set: { type: 'array', items: TEXT, 'x-kubernetes-list-type': 'set' },
    map: { type: 'object', additionalProperties: TEXT },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', properties: { name: TEXT, size: { type: 'integer' }, color: TEXT } },
    },
  },
};
/** An object whose `spec` has a field of every kind: scalars, an atomic map, a set, a map, and a list that is a map. */
export const TYPE = objectType({ type: 'object', properties: { spec: SPEC } });
