import { describe, expect, it } from '@jest/globals';
import type { JsonObject, SyncRecord } from '../api/device.ts';
import type { SyncState } from '../api/sync-states.ts';
import { device } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import { fieldDiff } from './render/field-diff.ts';
import type { FleetDevice } from './fleet/fleet.ts';
import { outcomeOf } from './bulk/outcome.ts';
import { ownersOf } from './bulk/owners.ts';
import { sideBySide } from './render/side-by-side.ts';
import { syncView } from './render/sync-view.ts';
import { transitions } from './render/transitions.ts';

const record = (state: SyncState, since = '2024-01-01T00:00:00Z', message?: string): SyncRecord => ({
  state,
  revision: 1,
  digest: 'x',
  since,
  ...(message !== undefined && { message }),
});

function twin(sync: Readonly<Record<string, SyncRecord>>, parts: DeviceParts = {}): FleetDevice {
  const desired = Object.fromEntries(Object.keys(sync).map((name) => [name, {}]));
  return device({ desired, ...parts, status: { observedGeneration: 1, sync, ...parts.status } });
}

const stalled = (reason: 'DuplicateDeviceId') => ({
  conditions: [
    { type: 'Stalled', status: 'True', reason, message: 'see b/c', lastTransitionTime: '2024-02-02T00:00:00Z' },
  ] as const,
});

describe('the sync state of a twin', () => {
  it.each<[claim: string, twin: FleetDevice, expected: object]>([
    ['that is in sync', twin({ a: record('InSync'), b: record('InSync') }), { state: 'InSync', inSync: 2, desired: 2 }],
    [
      'is the worst of its messages, and waits since the oldest',
      twin({
        a: record('Pending', '2024-03-01T00:00:00Z'),
        b: record('Rejected', '2024-01-05T00:00:00Z'),
        c: record('InSync'),
      }),
      { state: 'Rejected', inSync: 1, desired: 3, waitingSince: '2024-01-05T00:00:00Z' },
    ],
    ['that nobody has looked at yet', twin({ a: record('InSync') }, { generation: 2 }), { state: 'Pending' }],
    ['that desires nothing', twin({}), { state: 'NoDesired', inSync: 0, desired: 0 }],
    [
      'that is disabled',
      twin({ a: record('Pending') }, { disabled: true }),
      { state: 'Disabled', waitingSince: undefined },
    ],
    [
      'that is stalled',
      twin({ a: record('Pending') }, { status: stalled('DuplicateDeviceId') }),
      { state: 'DuplicateDeviceId' },
    ],
    ['without a status', device({ desired: { a: {} } }), { state: 'Pending', inSync: 0, desired: 1 }],
  ])('%s', (_, one, expected) => {
    expect(syncView(one)).toMatchObject(expected);
  });
});

describe('what has become of a change', () => {
  it.each<[claim: string, twin: FleetDevice, expected: object]>([
    ['not looked at, offline', twin({ a: record('InSync') }, { generation: 2 }), { kind: 'offline' }],
    [
      'not looked at, online',
      twin({ a: record('InSync') }, { generation: 2, status: { online: true } }),
      { kind: 'pending' },
    ],
    ['in sync', twin({ a: record('InSync'), b: record('Rejected') }), { kind: 'done' }],
    ['acknowledged', twin({ a: record('Acknowledged') }), { kind: 'acknowledged' }],
    ['rejected', twin({ a: record('Rejected', undefined, 'too hot') }), { kind: 'failed', why: 'a Rejected: too hot' }],
    [
      'stalled',
      twin({ a: record('Pending') }, { status: stalled('DuplicateDeviceId') }),
      { kind: 'failed', why: 'DuplicateDeviceId: see b/c' },
    ],
    ['taken out', twin({ b: record('Pending') }), { kind: 'done' }],
  ])('%s', (_, one, expected) => {
    expect(outcomeOf(one, ['a'], one.metadata.generation, 'Synced')).toEqual(expected);
  });

  it('a device that has received it is enough where that is the goal', () => {
    expect(outcomeOf(twin({ a: record('Acknowledged') }), ['a'], 1, 'Acknowledged')).toEqual({ kind: 'done' });
  });
});

describe('field by field', () => {
  it('tells what is new, what goes and what changes; a name with dots stands in brackets', () => {
    const before = { spec: { a: 1, gone: true }, 'x.v1.M': { list: [1], same: { b: 1 } } };
    const after = { spec: { a: 2 }, 'x.v1.M': { list: [1, 2], same: { b: 1 } }, fresh: { c: 1 } };
    expect(fieldDiff(before, after)).toEqual([
      { path: 'spec.a', before: 1, after: 2 },
      { path: 'spec.gone', before: true, after: undefined },
      { path: '[x.v1.M].list', before: [1], after: [1, 2] },
      { path: 'fresh.c', before: undefined, after: 1 },
    ]);
    expect(fieldDiff({ a: {} }, {})).toEqual([{ path: 'a', before: {}, after: undefined }]);
    expect(fieldDiff({ a: 1 }, { a: 1 })).toEqual([]);
  });

  it.each<[desired: JsonObject | undefined, reported: JsonObject | undefined, expected: [string, boolean][]]>([
    [
      { a: 1, b: { c: 2 } },
      { a: 1, b: { c: 3, d: 4 } },
      [
        ['a', false],
        ['b.c', true],
        ['b.d', false],
      ],
    ],
    [{ a: 1 }, undefined, [['a', true]]],
    [undefined, { a: { b: 1 } }, [['a.b', false]]],
    [{ a: [1, 2] }, { a: [2, 1] }, [['a', true]]],
    [{ a: 3.2 }, { a: Math.fround(3.2) }, [['a', false]]],
  ])('desired %j beside reported %j', (desired, reported, expected) => {
    expect(sideBySide(desired, reported).map(({ path, differs }) => [path, differs])).toEqual(expected);
  });
});

describe('who else owns a field', () => {
  const owned = (manager: string, operation: 'Apply' | 'Update', fieldsV1: object): FleetDevice => ({
    ...device(),
    metadata: { ...device().metadata, managedFields: [{ manager, operation, fieldsV1 }] },
  });
  const fields = { 'f:properties': { 'f:desired': { 'f:x.v1.M': { 'f:a': {} } } } };
  const path = ['properties', 'desired', 'x.v1.M'];

  it.each<[claim: string, device: FleetDevice, path: string[], expected: string[]]>([
    [
      'a manager that applies it',
      owned('kustomize-controller', 'Apply', fields),
      [...path, 'a'],
      ['kustomize-controller'],
    ],
    ['one that applies something in it', owned('argocd-controller', 'Apply', fields), path, ['argocd-controller']],
    ['one that has it as a whole', owned('flux', 'Apply', fields), [...path, 'a', 'deep'], ['flux']],
    [
      'a GitOps controller that applies on its own side',
      owned('argocd-controller', 'Update', fields),
      path,
      ['argocd-controller'],
    ],
    ['nobody, another field', owned('flux', 'Apply', fields), [...path, 'b'], []],
    ['nobody, an update applies nothing again', owned('kubectl-edit', 'Update', fields), [...path, 'a'], []],
    ['nobody but this tool', owned('mir-cli', 'Apply', fields), [...path, 'a'], []],
  ])('%s', (_, one, at, expected) => {
    expect(ownersOf(one, at)).toEqual(expected);
  });
});

it('what happened between two looks is told in words', () => {
  const before = twin({ 'x.v1.M': record('Pending') }, { status: { reported: { 'x.v1.M': { a: 1 } } } });
  const after = twin({ 'x.v1.M': record('InSync') }, { status: { online: true, reported: { 'x.v1.M': { a: 2 } } } });
  expect(transitions(before, after).map(({ text }) => text)).toEqual([
    'online',
    'x.v1.M InSync',
    'reported [x.v1.M].a: 1 → 2',
  ]);
  const changed = twin(
    { 'x.v1.M': record('InSync') },
    { generation: 2, disabled: true, desired: { 'x.v1.M': { b: 1 } } },
  );
  expect(transitions(before, changed).map(({ text }) => text)).toContain('desired [x.v1.M].b: - → 1');
  expect(transitions(undefined, after)).toEqual([{ kind: 'object', text: 'created' }]);
});
