import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { step } from './broker-copy.ts';
import type { BrokerCopy, CopyEvent, PageView } from './broker-copy.ts';
import { EVENTS, invalid, published, read, stranger } from './testing/copies.ts';

/** Every copy there can be, the unlikely ones too. */
const anyCopy: fc.Arbitrary<BrokerCopy> = fc.record({
  isRead: fc.boolean(),
  standing: fc.option(
    fc.record({
      payload: fc.constantFrom('ours', 'new'),
      isAcknowledged: fc.boolean(),
      isMissed: fc.boolean(),
    }),
    { nil: undefined },
  ),
  lost: fc.constantFrom(undefined, 'ours'),
  publishing: fc.constantFrom(undefined, 'ours', 'new'),
  isLacking: fc.boolean(),
  page: fc.constantFrom<PageView[]>('none', 'blank', 'shown', 'overtaken', 'doubtful'),
  needsProof: fc.boolean(),
  conclusion: fc.constantFrom(undefined, published, invalid, { kind: 'foreign' as const, owner: stranger }),
});
const anyEvent = fc.constantFrom(...Object.values(EVENTS));

/** Holds of one step from any copy. */
function always(holds: (before: BrokerCopy, event: CopyEvent, after: BrokerCopy) => boolean): void {
  fc.assert(
    fc.property(anyCopy, anyEvent, (before, event) => holds(before, event, step(before, event).copy)),
    { numRuns: 5000 },
  );
}

describe('whatever is known, and whatever happens', () => {
  it('what the broker held last is remembered until another document stands there, or its topic is cleared', () => {
    always(({ standing, lost }, { kind }, after) => {
      const known = after.standing ?? after.lost;
      return known !== undefined || kind === 'withdrawn' || (standing ?? lost) === undefined;
    });
  });

  it('a document is believed absent only by a page that lacks it for the second time, or once it was cleared', () => {
    always(
      ({ standing, page }, { kind }, after) =>
        standing === undefined ||
        after.standing !== undefined ||
        kind === 'withdrawn' ||
        (kind === 'pageEnded' && page === 'blank' && standing.isMissed),
    );
  });

  it('a document that the status tells of is believed absent only by a page that lacks it for the second time', () => {
    always(
      (before, event, after) =>
        event.kind !== 'pageEnded' ||
        !event.isTold ||
        before.isRead ||
        !after.isRead ||
        after.standing !== undefined ||
        before.page !== 'blank' ||
        before.isLacking ||
        before.standing !== undefined,
    );
  });

  it('a copy is read only by the end of a page that was begun for this owner and connection', () => {
    always(
      (before, { kind }, after) => before.isRead || !after.isRead || (kind === 'pageEnded' && before.page !== 'none'),
    );
  });

  it('what is to be proven is proven only by a page that shows it, with nothing sent since it began', () => {
    always(
      (before, { kind }, after) =>
        !before.needsProof || after.needsProof || (kind === 'pageEnded' && before.page === 'shown'),
    );
  });

  it('nothing is called published that does not stand, or is to be proven', () => {
    always(
      (before, _event, after) =>
        after.conclusion === before.conclusion ||
        after.conclusion?.kind !== 'published' ||
        (after.standing !== undefined && !after.needsProof),
    );
  });

  it('a page that was outdated while it was read says nothing', () => {
    fc.assert(
      fc.property(anyCopy, fc.array(fc.constantFrom('shown ours', 'shown theirs')), (before, names) => {
        const { copy } = step(before, { kind: 'outdated' });
        const events = [...names, 'pageEnded'].flatMap((name) => EVENTS[name] ?? []);
        expect(events.reduce((at, event) => step(at, event).copy, copy)).toEqual(copy);
      }),
    );
  });

  it('a doubt that arises while a document is sent is cleared up by another page', () => {
    const sending = step(read, { kind: 'publishBegan', payload: 'new' }).copy;
    const doubtful = step(sending, { kind: 'shown', payload: 'theirs' }).copy;
    for (const end of ['publishAcked', 'publishFailed'] as const) {
      const event: CopyEvent = end === 'publishAcked' ? { kind: end, isStoreProven: true } : { kind: end };
      expect(step(doubtful, event).effects).toEqual([{ kind: 'readPage' }]);
    }
  });
});
