import { describe, expect, it } from '@jest/globals';
import { step } from './broker-copy.ts';
import type { BrokerCopy, CopyEffect } from './broker-copy.ts';
import { EVENTS, STATES } from './testing/copies.ts';

/** What every event makes of every state: what it becomes, and what follows. A pair that is not named changes nothing and has no effect. */
const TABLE = `
unread = unread
  reconnected: = → readPage
  outdated: = → readPage
  pageBegan: unread, blank
  overheard ours: = → readPage
  overheard new: = → readPage
  pageRefused: unread, BrokerRefused → updateStatus
  publishBegan: unread, sends new
  withdrawn: = → readPage
  held TooLarge: unread, TooLarge → updateStatus
  claimed by others: unread, foreign → updateStatus
reading = unread, blank
  reconnected: unread → readPage
  ownerChanged: unread
  outdated: unread → readPage
  shown ours: unread, ours, shown
  shown new: unread, new, shown
  shown theirs: unread, theirs, shown
  overheard ours: = → readPage
  overheard new: = → readPage
  pageEnded: read, blank → reconcile
  pageEnded, told: unread, blank, lacking → readPage
  pageEnded, unowned: read, blank → reconcile
  pageRefused: unread, blank, BrokerRefused → updateStatus
  publishBegan: unread, sends new, overtaken
  withdrawn: unread → readPage
  held TooLarge: unread, blank, TooLarge → updateStatus
  claimed by others: unread, blank, foreign → updateStatus
lacking = unread, blank, lacking
  reconnected: unread → readPage
  ownerChanged: unread
  outdated: unread → readPage
  shown ours: unread, ours, shown, lacking
  shown new: unread, new, shown, lacking
  shown theirs: unread, theirs, shown, lacking
  overheard ours: = → readPage
  overheard new: = → readPage
  pageEnded: read, blank → reconcile
  pageEnded, told: read, blank → reconcile
  pageEnded, unowned: read, blank → reconcile
  pageRefused: unread, blank, lacking, BrokerRefused → updateStatus
  publishBegan: unread, sends new, overtaken, lacking
  withdrawn: unread → readPage
  held TooLarge: unread, blank, lacking, TooLarge → updateStatus
  claimed by others: unread, blank, lacking, foreign → updateStatus
known = unread, ours
  reconnected: = → readPage
  outdated: = → readPage
  pageBegan: unread, ours, blank
  overheard new: = → readPage
  pageRefused: unread, ours, BrokerRefused → updateStatus
  publishBegan: unread, ours, sends new
  withdrawn: unread → readPage
  matched: unread, ours, published → updateStatus in 50
  held TooLarge: unread, ours, TooLarge → updateStatus
  claimed by others: unread, ours, foreign → updateStatus
empty = read, blank
  reconnected: unread → readPage
  ownerChanged: unread
  outdated: unread → readPage
  shown ours: read, ours, shown → reconcile
  shown new: read, new, shown → reconcile
  shown theirs: read, theirs, shown → reconcile
  overheard ours: = → readPage
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, blank, BrokerRefused → updateStatus
  publishBegan: read, sends new, overtaken
  withdrawn: unread → readPage
  held TooLarge: read, blank, TooLarge → updateStatus
  claimed by others: read, blank, foreign → updateStatus
lost = read, lost ours, blank
  reconnected: unread, lost ours → readPage
  ownerChanged: unread, lost ours
  outdated: unread, lost ours → readPage
  shown ours: read, ours, shown → reconcile
  shown new: read, new, shown → reconcile
  shown theirs: read, theirs, shown → reconcile
  overheard ours: = → readPage
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, lost ours, blank, BrokerRefused → updateStatus
  publishBegan: read, lost ours, sends new, overtaken
  withdrawn: unread → readPage
  held TooLarge: read, lost ours, blank, TooLarge → updateStatus
  claimed by others: read, lost ours, blank, foreign → updateStatus
sending the first = read, sends new, overtaken
  reconnected: unread, sends new → readPage
  ownerChanged: unread, sends new
  outdated: unread, sends new → readPage
  shown ours: read, sends new, doubtful
  shown theirs: read, sends new, doubtful
  overheard ours: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, sends new, overtaken, BrokerRefused → updateStatus
  publishAcked: read, new+acked, overtaken
  publishAcked, unproven: read, new+acked, overtaken, owes proof
  publishFailed: read, overtaken
  withdrawn: unread, sends new → readPage
  held TooLarge: read, sends new, overtaken, TooLarge → updateStatus
  claimed by others: read, sends new, overtaken, foreign → updateStatus
published = read, ours+acked, overtaken, published
  reconnected: unread, ours, published → readPage
  ownerChanged: unread, ours+acked
  outdated: unread, ours+acked, published → readPage
  desiredChanged: read, ours+acked, overtaken
  pageBegan: read, ours+acked, blank, published
  shown new: read, ours+acked, doubtful, published
  shown theirs: read, ours+acked, doubtful, published
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours+acked, overtaken, BrokerRefused → updateStatus
  publishBegan: read, ours+acked, sends new, overtaken, published
  withdrawn: unread → readPage
  matched: read, ours+acked, overtaken, published → updateStatus in 50
  held TooLarge: read, ours+acked, overtaken, TooLarge → updateStatus
  claimed by others: read, ours+acked, overtaken, foreign → updateStatus
seen = read, ours, shown, published
  reconnected: unread, ours, published → readPage
  ownerChanged: unread, ours
  outdated: unread, ours, published → readPage
  desiredChanged: read, ours, shown
  pageBegan: read, ours, blank, published
  shown new: read, new, shown → reconcile
  shown theirs: read, theirs, shown → reconcile
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours, shown, BrokerRefused → updateStatus
  publishBegan: read, ours, sends new, overtaken, published
  withdrawn: unread → readPage
  matched: read, ours, shown, published → updateStatus in 50
  held TooLarge: read, ours, shown, TooLarge → updateStatus
  claimed by others: read, ours, shown, foreign → updateStatus
read again = read, ours+acked, blank, published
  reconnected: unread, ours, published → readPage
  ownerChanged: unread, ours+acked
  outdated: unread, ours+acked, published → readPage
  desiredChanged: read, ours+acked, blank
  shown ours: read, ours+acked, shown, published
  shown new: read, new, shown → reconcile
  shown theirs: read, theirs, shown → reconcile
  overheard new: = → readPage
  pageEnded: read, ours+acked+missed, blank, published → readPage
  pageEnded, told: read, ours+acked+missed, blank, published → readPage
  pageEnded, unowned: read, ours+acked+missed, blank, published → readPage
  pageRefused: read, ours+acked, blank, BrokerRefused → updateStatus
  publishBegan: read, ours+acked, sends new, overtaken, published
  withdrawn: unread → readPage
  matched: read, ours+acked, blank, published → updateStatus in 50
  held TooLarge: read, ours+acked, blank, TooLarge → updateStatus
  claimed by others: read, ours+acked, blank, foreign → updateStatus
missed = read, ours+acked+missed, blank, published
  reconnected: unread, ours, published → readPage
  ownerChanged: unread, ours+acked+missed
  outdated: unread, ours+acked+missed, published → readPage
  desiredChanged: read, ours+acked+missed, blank
  shown ours: read, ours+acked+missed, shown, published
  shown new: read, new, shown → reconcile
  shown theirs: read, theirs, shown → reconcile
  overheard new: = → readPage
  pageEnded: read, lost ours, blank, owes proof, NotRetained → updateStatus → reconcile in 30000
  pageEnded, told: read, lost ours, blank, owes proof, NotRetained → updateStatus → reconcile in 30000
  pageEnded, unowned: read, lost ours, blank → reconcile
  pageRefused: read, ours+acked+missed, blank, BrokerRefused → updateStatus
  publishBegan: read, ours+acked+missed, sends new, overtaken, published
  withdrawn: unread → readPage
  matched: read, ours+acked+missed, blank, published → updateStatus in 50
  held TooLarge: read, ours+acked+missed, blank, TooLarge → updateStatus
  claimed by others: read, ours+acked+missed, blank, foreign → updateStatus
sending another = read, ours+acked, sends new, overtaken
  reconnected: unread, ours, sends new → readPage
  ownerChanged: unread, ours+acked, sends new
  outdated: unread, ours+acked, sends new → readPage
  shown ours: read, ours+acked, sends new, doubtful
  shown theirs: read, ours+acked, sends new, doubtful
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours+acked, sends new, overtaken, BrokerRefused → updateStatus
  publishAcked: read, new+acked, overtaken
  publishAcked, unproven: read, new+acked, overtaken, owes proof
  publishFailed: read, ours+acked, overtaken
  withdrawn: unread, sends new → readPage
  matched: read, ours+acked, sends new, overtaken, published → updateStatus in 50
  held TooLarge: read, ours+acked, sends new, overtaken, TooLarge → updateStatus
  claimed by others: read, ours+acked, sends new, overtaken, foreign → updateStatus
sending in doubt = read, ours+acked, sends new, doubtful
  reconnected: unread, ours, sends new → readPage
  ownerChanged: unread, ours+acked, sends new
  outdated: unread, ours+acked, sends new → readPage
  pageBegan: read, ours+acked, sends new, overtaken
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours+acked, sends new, doubtful, BrokerRefused → updateStatus
  publishAcked: read, new+acked, doubtful → readPage
  publishAcked, unproven: read, new+acked, doubtful, owes proof → readPage
  publishFailed: read, ours+acked, doubtful → readPage
  withdrawn: unread, sends new → readPage
  matched: read, ours+acked, sends new, doubtful, published → updateStatus in 50
  held TooLarge: read, ours+acked, sends new, doubtful, TooLarge → updateStatus
  claimed by others: read, ours+acked, sends new, doubtful, foreign → updateStatus
doubtful = read, ours+acked, doubtful
  reconnected: unread, ours → readPage
  ownerChanged: unread, ours+acked
  outdated: unread, ours+acked → readPage
  pageBegan: read, ours+acked, blank
  overheard new: = → readPage
  pageEnded: = → readPage → reconcile
  pageEnded, told: = → readPage → reconcile
  pageEnded, unowned: = → readPage → reconcile
  pageRefused: read, ours+acked, doubtful, BrokerRefused → updateStatus
  publishBegan: read, ours+acked, sends new, doubtful
  publishFailed: = → readPage
  withdrawn: unread → readPage
  matched: read, ours+acked, doubtful, published → updateStatus in 50
  held TooLarge: read, ours+acked, doubtful, TooLarge → updateStatus
  claimed by others: read, ours+acked, doubtful, foreign → updateStatus
unproven = read, ours+acked, overtaken, owes proof
  reconnected: unread, ours, owes proof → readPage
  ownerChanged: unread, ours+acked, owes proof
  outdated: unread, ours+acked, owes proof → readPage
  pageBegan: read, ours+acked, blank, owes proof
  shown new: read, ours+acked, doubtful, owes proof
  shown theirs: read, ours+acked, doubtful, owes proof
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours+acked, overtaken, owes proof, BrokerRefused → updateStatus
  publishBegan: read, ours+acked, sends new, overtaken, owes proof
  withdrawn: unread, owes proof → readPage
  matched: = → readPage
  held TooLarge: read, ours+acked, overtaken, owes proof, TooLarge → updateStatus
  claimed by others: read, ours+acked, overtaken, owes proof, foreign → updateStatus
held = read, ours+acked, shown, owes proof, Invalid
  reconnected: unread, ours, owes proof, Invalid → readPage
  ownerChanged: unread, ours+acked, owes proof
  outdated: unread, ours+acked, owes proof, Invalid → readPage
  pageBegan: read, ours+acked, blank, owes proof, Invalid
  shown new: read, new, shown, owes proof, Invalid → reconcile
  shown theirs: read, theirs, shown, owes proof, Invalid → reconcile
  overheard new: = → readPage
  pageEnded: read, ours+acked, shown, Invalid → reconcile
  pageEnded, told: read, ours+acked, shown, Invalid → reconcile
  pageEnded, unowned: read, ours+acked, shown, Invalid → reconcile
  pageRefused: read, ours+acked, shown, owes proof, BrokerRefused → updateStatus
  publishBegan: read, ours+acked, sends new, overtaken, owes proof, Invalid
  withdrawn: unread, owes proof, Invalid → readPage
  matched: = → readPage
  held TooLarge: read, ours+acked, shown, owes proof, TooLarge → updateStatus
  claimed by others: read, ours+acked, shown, owes proof, foreign → updateStatus
foreign = read, ours, shown, foreign
  reconnected: unread, ours, foreign → readPage
  ownerChanged: unread, ours
  outdated: unread, ours, foreign → readPage
  pageBegan: read, ours, blank, foreign
  shown new: read, new, shown, foreign → reconcile
  shown theirs: read, theirs, shown, foreign → reconcile
  overheard new: = → readPage
  pageEnded: = → reconcile
  pageEnded, told: = → reconcile
  pageEnded, unowned: = → reconcile
  pageRefused: read, ours, shown, BrokerRefused → updateStatus
  publishBegan: read, ours, sends new, overtaken, foreign
  withdrawn: unread, foreign → readPage
  matched: read, ours, shown, published → updateStatus in 50
  held TooLarge: read, ours, shown, TooLarge → updateStatus
  claimed: read, ours, shown → updateStatus
  claimed by others: read, ours, shown, foreign → updateStatus
`;

function inWords({ isRead, standing, lost, publishing, page, isLacking, needsProof, conclusion }: BrokerCopy): string {
  const words = [
    isRead ? 'read' : 'unread',
    standing && `${standing.payload}${standing.isAcknowledged ? '+acked' : ''}${standing.isMissed ? '+missed' : ''}`,
    lost && `lost ${lost}`,
    publishing && `sends ${publishing}`,
    page !== 'none' && page,
    isLacking && 'lacking',
    needsProof && 'owes proof',
    conclusion?.kind === 'held' ? conclusion.problem.reason : conclusion?.kind,
  ];
  return words.filter((word) => word !== undefined && word !== '' && word !== false).join(', ');
}

function effectInWords(effect: CopyEffect): string {
  const afterMs = effect.kind === 'readPage' ? 0 : effect.afterMs;
  return afterMs === 0 ? effect.kind : `${effect.kind} in ${afterMs}`;
}

function row(name: string, state: BrokerCopy): string[] {
  const rows = Object.entries(EVENTS).flatMap(([event, what]) => {
    const { copy, effects } = step(state, what);
    if (effects.length === 0 && JSON.stringify(copy) === JSON.stringify(state)) return [];
    const became = inWords(copy) === inWords(state) && copy.conclusion === state.conclusion ? '=' : inWords(copy);
    return [[`  ${event}: ${became}`, ...effects.map(effectInWords)].join(' → ')];
  });
  return [`${name} = ${inWords(state)}`, ...rows];
}

const everything = Object.entries(STATES).flatMap(([name, state]) => row(name, state));

describe('the copy of a document', () => {
  it('becomes what the table says, in every state and at every event', () => {
    expect(everything).toEqual(TABLE.trim().split('\n'));
  });
});
