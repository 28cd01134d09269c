import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isReason } from './reasons.ts';
import { SYNC_STATES, isOnItsWay, isOpen, isRefusal, isSyncState, worstOf } from './sync-states.ts';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

describe('the states of a desired message', () => {
  it('are those that the CRD allows', () => {
    const [, listed = ''] = /enum: \[(Pending, [^\]]+)\]/.exec(read('crds/devices.iot.mir.yaml')) ?? [];
    expect(listed.split(', ').toSorted()).toEqual(SYNC_STATES.toSorted());
  });

  it('are reasons too', () => {
    expect(SYNC_STATES.filter((state) => !isReason(state))).toEqual([]);
  });

  it('are each refused, open or in sync', () => {
    expect(SYNC_STATES.filter((state) => isRefusal(state) === isOpen(state))).toEqual(['InSync']);
    expect(SYNC_STATES.filter((state) => isOnItsWay(state) && !isOpen(state))).toEqual([]);
  });

  it('have an order, in which unknown words do not count', () => {
    expect(worstOf(['InSync', 'constructor', 'Pending', 'Rejected', undefined, 'Invalid'])).toBe('Rejected');
    expect(worstOf(['Disabled'])).toBeUndefined();
    expect([isSyncState('constructor'), isRefusal('constructor'), isOpen(undefined)]).toEqual([false, false, false]);
  });
});
