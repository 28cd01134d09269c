/** What happened to a device between two looks at it, in words. */
import { isDeepStrictEqual } from 'node:util';
import type { FleetDevice } from '../fleet/fleet.ts';
import { fieldDiff } from './field-diff.ts';
import { show } from './changes.ts';

export interface Happening {
  readonly kind: 'presence' | 'desired' | 'reported' | 'sync' | 'object';
  readonly text: string;
}

export function transitions(before: FleetDevice | undefined, after: FleetDevice): Happening[] {
  if (before === undefined) return [{ kind: 'object', text: 'created' }];
  return [
    ...desiredChanges(before, after),
    ...presenceChanges(before, after),
    ...syncChanges(before, after),
    ...reportedChanges(before, after),
  ];
}

function desiredChanges(before: FleetDevice, after: FleetDevice): Happening[] {
  if (before.metadata.generation === after.metadata.generation) return [];
  const changes = fieldDiff({ ...before.properties?.desired }, { ...after.properties?.desired });
  const wanted = changes.map(({ path, before: old, after: now }): Happening => ({
    kind: 'desired',
    text: `desired ${path}: ${show(old)} → ${show(now)}`,
  }));
  const [was, is] = [before.spec.disabled === true, after.spec.disabled === true];
  return was === is ? wanted : [...wanted, { kind: 'desired', text: is ? 'disabled' : 'enabled' }];
}

function presenceChanges({ status: before }: FleetDevice, { status: after }: FleetDevice): Happening[] {
  if ((before?.online ?? false) === (after?.online ?? false)) return [];
  return [{ kind: 'presence', text: after?.online === true ? 'online' : 'offline' }];
}

function syncChanges({ status: before }: FleetDevice, { status: after }: FleetDevice): Happening[] {
  return Object.entries(after?.sync ?? {}).flatMap(([name, record]): Happening[] => {
    const former = before?.sync?.[name];
    if (former?.state === record.state && former.revision === record.revision) return [];
    const why = record.message === undefined ? '' : `: ${record.message}`;
    return [{ kind: 'sync', text: `${name} ${record.state}${why}` }];
  });
}

function reportedChanges({ status: before }: FleetDevice, { status: after }: FleetDevice): Happening[] {
  if (isDeepStrictEqual(before?.reported, after?.reported)) return [];
  return fieldDiff({ ...before?.reported }, { ...after?.reported }).map(({ path, before: old, after: now }) => ({
    kind: 'reported',
    text: `reported ${path}: ${show(old)} → ${show(now)}`,
  }));
}
