import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../api/json-value.ts';
import { StatusError } from '../api/status-error.ts';
import { takeJsonPatch } from './take-json-patch.ts';

describe('a JSON patch that would forge the author', () => {
  const forged = { 'iot.mir/author': 'mallory', 'iot.mir/author-of': '2' };
  const stamp = { 'iot.mir/author': 'alice', 'iot.mir/author-of': '1' };
  const stored = { metadata: { name: 'a', annotations: { note: 'x', ...stamp } } };
  it.each<[operation: JsonObject, taken: readonly JsonObject[]]>([
    [
      { op: 'add', path: '/metadata/annotations', value: { a: 'b', ...forged } },
      [{ op: 'add', path: '/metadata/annotations', value: { a: 'b', ...stamp } }],
    ],
    [
      { op: 'replace', path: '/meta/annotations', value: { a: 'b', ...forged } },
      [{ op: 'replace', path: '/metadata/annotations', value: { a: 'b', ...stamp } }],
    ],
    [
      { op: 'replace', path: '/meta', value: { annotations: { a: 'b', ...forged } } },
      [{ op: 'add', path: '/metadata/annotations', value: { a: 'b', ...stamp } }],
    ],
    [
      { op: 'replace', path: '/metadata', value: { name: 'a', annotations: forged } },
      [{ op: 'replace', path: '/metadata', value: { name: 'a', annotations: stamp } }],
    ],
    ...['/metadata/annotations', '/meta/annotations'].map((path): [JsonObject, JsonObject[]] => [
      { op: 'replace', path, value: null },
      [{ op: 'replace', path: '/metadata/annotations', value: stamp }],
    ]),
    [{ op: 'remove', path: '/metadata/annotations' }, [{ op: 'replace', path: '/metadata/annotations', value: stamp }]],
    [
      {
        op: 'replace',
        path: '',
        value: { apiVersion: 'mir/v1alpha', kind: 'device', metadata: { name: 'a', annotations: forged } },
      },
      [
        {
          op: 'replace',
          path: '',
          value: { apiVersion: 'iot.mir/v1alpha', kind: 'device', metadata: { name: 'a', annotations: stamp } },
        },
      ],
    ],
    [{ op: 'remove', path: '/metadata/annotations/iot.mir~1author' }, []],
  ])('does not: %j', (operation, taken) => {
    expect(takeJsonPatch([operation], stored).operations).toEqual(taken);
  });

  it.each([
    { op: 'copy', from: '/metadata/labels', path: '/metadata/annotations' },
    { op: 'move', from: '/properties/desired/x', path: '/meta/annotations' },
    { op: 'copy', from: '/properties/desired/x', path: '/metadata' },
    { op: 'copy', from: '/properties/desired/x', path: '' },
    { op: 'move', from: '/metadata/annotations/iot.mir~1author', path: '/metadata/labels/x' },
    { op: 'move', from: '/metadata/annotations', path: '/metadata/labels' },
    // To the API server the same as with a slash before it.
    { op: 'add', path: 'x/metadata/annotations/iot.mir~1author', value: 'mallory' },
    { op: 'copy', from: 'x/metadata/labels/y', path: '/metadata/labels/x' },
  ])('is refused: %j', (operation) => {
    expect(() => takeJsonPatch([operation], stored)).toThrow(StatusError);
  });
});

describe('a JSON patch without end', () => {
  it.each([
    [10_001, '/metadata/labels/a'],
    [101, '/meta/annotations'],
  ])('is refused: %i operations on %s', (length, path) => {
    const patch = Array.from({ length }, () => ({ op: 'add', path, value: {} }));
    expect(() => takeJsonPatch(patch, undefined)).toThrow(StatusError);
  });
});

describe('operations of a JSON patch', () => {
  const stored = { metadata: { annotations: { 'kubectl.kubernetes.io/x': '1', note: 'a' } }, status: { reported: {} } };
  it.each<[operation: JsonObject, taken: readonly JsonObject[]]>([
    [
      { op: 'replace', path: '/meta/labels/a~1b', value: 'c' },
      [{ op: 'replace', path: '/metadata/labels/a~1b', value: 'c' }],
    ],
    [
      { op: 'remove', path: '/meta/annotations' },
      [{ op: 'replace', path: '/metadata/annotations', value: { 'kubectl.kubernetes.io/x': '1' } }],
    ],
    [
      { op: 'replace', path: '/meta', value: { labels: { a: 'b' } } },
      [{ op: 'add', path: '/metadata/labels', value: { a: 'b' } }],
    ],
    [{ op: 'test', path: '/properties/reported/m', value: 1 }, [{ op: 'test', path: '/status/reported/m', value: 1 }]],
    [
      { op: 'copy', path: '/properties/desired/m', from: '/properties/reported/m' },
      [{ op: 'copy', path: '/properties/desired/m', from: '/status/reported/m' }],
    ],
    [
      { op: 'test', path: '/apiVersion', value: 'mir/v1alpha' },
      [{ op: 'test', path: '/apiVersion', value: 'iot.mir/v1alpha' }],
    ],
    [
      { op: 'replace', path: '/metadata/managedFields', value: [{ apiVersion: 'mir/v1alpha', manager: 'm' }] },
      [{ op: 'replace', path: '/metadata/managedFields', value: [{ apiVersion: 'iot.mir/v1alpha', manager: 'm' }] }],
    ],
    [{ op: 'nonsense', path: 7 }, [{ op: 'nonsense', path: 7 }]],
  ])('%j', (operation, taken) => {
    expect(takeJsonPatch([operation], stored).operations).toEqual(taken);
  });
});
