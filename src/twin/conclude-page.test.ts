import { describe, expect, it } from '@jest/globals';
import { concludePage } from '../downstream/reconcile.ts';
import { PROVEN } from '../mqtt/probe.ts';
import { DeviceMemory } from './device-memory.ts';
import type { Wake } from './wake.ts';

/** A device whose document the broker acknowledged, and whom the ends of pages wake. */
function setUp(owner: string | undefined) {
  const memory = new DeviceMemory('sensor-01', undefined, 0);
  memory.owner = owner;
  memory.copy.payload = '{}';
  memory.copy.isAcknowledged = true;
  const woken: string[] = [];
  const endPage = (isSeen = false): void => {
    memory.copy.isSeenInPage = isSeen;
    const wake: Wake = {
      desired: (_id, afterMs) => woken.push(`desired after ${afterMs ?? 0}`),
      status: () => woken.push('status'),
      page: () => woken.push('page'),
      clear: (_memory, message) => woken.push(`clear ${message}`),
    };
    concludePage(memory, wake, PROVEN);
  };
  return { copy: memory.copy, woken, endPage };
}

describe('a page without a document that should stand', () => {
  it('is read once more before anything is believed', () => {
    const { copy, woken, endPage } = setUp('default/sensor');
    endPage();
    expect(woken).toEqual(['page']);
    expect(copy).toMatchObject({ isRead: false, payload: '{}', problem: undefined });
  });

  it('says nothing when the next one has it', () => {
    const { copy, woken, endPage } = setUp('default/sensor');
    endPage();
    endPage(true);
    expect(woken).toEqual(['page', 'desired after 0']);
    expect(copy).toMatchObject({ isRead: true, payload: '{}', problem: undefined, isMissed: false });
  });

  it('means NotRetained when the next one lacks it too', () => {
    const { copy, woken, endPage } = setUp('default/sensor');
    endPage();
    endPage();
    expect(woken).toEqual(['page', 'status', 'desired after 30000']);
    expect(copy).toMatchObject({ payload: undefined, problem: { reason: 'NotRetained' } });
  });

  it('does not hold up the withdrawal of a deleted object', () => {
    const { woken, endPage } = setUp(undefined);
    endPage();
    endPage();
    expect(woken).toEqual(['page', 'desired after 0']);
  });
});
