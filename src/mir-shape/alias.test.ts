import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../api/json-value.ts';
import { needsStored, resolveIdentity } from './alias.ts';
import type { IdentityWrite } from './alias.ts';

const labels = (...pairs: string[]): JsonObject => ({
  labels: Object.fromEntries(pairs.map((pair) => pair.split('='))),
});
const UID = { uid: 'u', name: 'a', namespace: 'b' };

function resolve(write: Partial<IdentityWrite>) {
  return resolveIdentity({ meta: undefined, metadata: undefined, stored: undefined, extent: 'whole', ...write });
}

describe('meta and metadata', () => {
  it.each<[claim: string, write: Partial<IdentityWrite>, metadata: JsonObject]>([
    ['meta alone', { meta: { name: 'a', ...labels('x=1') } }, { name: 'a', ...labels('x=1') }],
    ['metadata alone', { metadata: { name: 'a', ...labels('x=1') } }, { name: 'a', ...labels('x=1') }],
    [
      'a name in both',
      { meta: { name: 'a' }, metadata: { name: 'a', uid: 'u' } },
      { name: 'a', uid: 'u', labels: {}, annotations: {} },
    ],
    ['different keys of a new object', { meta: labels('x=1'), metadata: labels('y=2') }, labels('x=1', 'y=2')],
    [
      'a change of metadata, echoed by meta',
      { meta: labels('x=1'), metadata: labels('x=2'), stored: labels('x=1') },
      labels('x=2'),
    ],
    [
      'a change of meta, echoed by metadata',
      { meta: labels('x=2'), metadata: labels('x=1'), stored: labels('x=1') },
      labels('x=2'),
    ],
    [
      'the last label removed in metadata of what was read',
      { meta: labels('x=1'), metadata: UID, stored: labels('x=1') },
      { ...UID, labels: {}, annotations: {} },
    ],
    [
      'a label removed in meta of what was read',
      { meta: { name: 'a' }, metadata: { ...UID, ...labels('x=1') }, stored: labels('x=1') },
      { ...UID, labels: {}, annotations: {} },
    ],
    [
      'labels in meta alone, of what a person wrote',
      { meta: labels('x=1'), metadata: { name: 'a' }, stored: labels('x=1') },
      { name: 'a', ...labels('x=1') },
    ],
    [
      'annotations of tools, which meta does not show',
      {
        meta: { annotations: { note: 'new' } },
        metadata: { annotations: { note: 'old', 'kubectl.kubernetes.io/x': '1' } },
        stored: { annotations: { note: 'old', 'kubectl.kubernetes.io/x': '1' } },
      },
      { annotations: { 'kubectl.kubernetes.io/x': '1', note: 'new' } },
    ],
    ['one key removed by a patch', { extent: 'patch', meta: { labels: { x: null } } }, { labels: { x: null } }],
    ['all labels removed by a patch', { extent: 'patch', meta: { labels: null } }, { labels: null }],
    ['a patch that says nothing of labels', { extent: 'patch', meta: { name: 'a' } }, { name: 'a' }],
    [
      'a patch whose document says the label under metadata from now on',
      {
        extent: 'patch',
        meta: { labels: { x: null } },
        metadata: {
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"metadata":{"labels":{"x":"1"}}}' },
        },
      },
      {
        labels: { x: '1' },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"metadata":{"labels":{"x":"1"}}}' },
      },
    ],
  ])('agree on %s', (_, write, metadata) => {
    expect(resolve(write)).toEqual({ metadata, faults: [], unknownFields: [] });
  });

  it.each<[claim: string, write: Partial<IdentityWrite>, field: string]>([
    ['two names of a new object', { meta: { name: 'a' }, metadata: { name: 'b' } }, 'meta.name'],
    ['two changes', { meta: labels('x=2'), metadata: labels('x=3'), stored: labels('x=1') }, 'meta.labels[x]'],
    [
      'a change and a removal',
      { meta: labels('x=2', 'y=1'), metadata: labels('y=1'), stored: labels('x=1', 'y=1') },
      'meta.labels[x]',
    ],
  ])('disagree on %s', (_, write, field) => {
    expect(resolve(write).faults).toEqual([expect.objectContaining({ field, reason: 'FieldValueInvalid' })]);
  });

  it('want the stored object only where they disagree', () => {
    expect(needsStored(labels('x=1'), labels('x=1', 'y=2'))).toBe(false);
    expect(needsStored(labels('x=1'), labels('x=2'))).toBe(true);
  });

  it('name fields that meta does not have', () => {
    expect(resolve({ meta: { name: 'a', label: {} } }).unknownFields).toEqual(['meta.label']);
  });
});
