import { UNREAD } from '../broker-copy.ts';
import type { BrokerCopy, CopyEvent } from '../broker-copy.ts';

export const stranger = { cluster: 'c', namespace: 'n', name: 'm', uid: 'u' };
const shown = { payload: 'ours', isAcknowledged: false, isMissed: false };
const acked = { ...shown, isAcknowledged: true };
export const published = { kind: 'published', generation: 1 } as const;
export const invalid = { kind: 'held', problem: { reason: 'Invalid', message: '' } } as const;
export const read: BrokerCopy = { ...UNREAD, isRead: true, page: 'blank' };

/** Copies as histories reach them, by name. */
export const STATES: Readonly<Record<string, BrokerCopy>> = {
  unread: UNREAD,
  reading: { ...UNREAD, page: 'blank' },
  lacking: { ...UNREAD, page: 'blank', isLacking: true },
  known: { ...UNREAD, standing: shown },
  empty: read,
  lost: { ...read, lost: 'ours' },
  'sending the first': { ...read, page: 'overtaken', publishing: 'new' },
  published: { ...read, standing: acked, page: 'overtaken', conclusion: published },
  seen: { ...read, standing: shown, page: 'shown', conclusion: published },
  'read again': { ...read, standing: acked, page: 'blank', conclusion: published },
  missed: { ...read, standing: { ...acked, isMissed: true }, page: 'blank', conclusion: published },
  'sending another': { ...read, standing: acked, page: 'overtaken', publishing: 'new' },
  'sending in doubt': { ...read, standing: acked, page: 'doubtful', publishing: 'new' },
  doubtful: { ...read, standing: acked, page: 'doubtful' },
  unproven: { ...read, standing: acked, page: 'overtaken', needsProof: true },
  held: { ...read, standing: acked, page: 'shown', needsProof: true, conclusion: invalid },
  foreign: { ...read, standing: shown, page: 'shown', conclusion: { kind: 'foreign', owner: stranger } },
};

/** Every kind of event, in the variants that differ. */
export const EVENTS: Readonly<Record<string, CopyEvent>> = {
  reconnected: { kind: 'reconnected' },
  ownerChanged: { kind: 'ownerChanged' },
  outdated: { kind: 'outdated' },
  desiredChanged: { kind: 'desiredChanged' },
  pageBegan: { kind: 'pageBegan' },
  'shown ours': { kind: 'shown', payload: 'ours' },
  'shown new': { kind: 'shown', payload: 'new' },
  'shown theirs': { kind: 'shown', payload: 'theirs' },
  'overheard ours': { kind: 'overheard', payload: 'ours' },
  'overheard new': { kind: 'overheard', payload: 'new' },
  pageEnded: { kind: 'pageEnded', isOwned: true, isTold: false, shortcoming: undefined },
  'pageEnded, told': { kind: 'pageEnded', isOwned: true, isTold: true, shortcoming: undefined },
  'pageEnded, unowned': { kind: 'pageEnded', isOwned: false, isTold: false, shortcoming: undefined },
  pageRefused: { kind: 'pageRefused', message: '' },
  publishBegan: { kind: 'publishBegan', payload: 'new' },
  publishAcked: { kind: 'publishAcked', isStoreProven: true },
  'publishAcked, unproven': { kind: 'publishAcked', isStoreProven: false },
  publishFailed: { kind: 'publishFailed' },
  withdrawn: { kind: 'withdrawn' },
  matched: { kind: 'matched', generation: 2, tellAfterMs: 50 },
  'held TooLarge': { kind: 'held', problem: { reason: 'TooLarge', message: '' } },
  claimed: { kind: 'claimed', foreign: undefined },
  'claimed by others': { kind: 'claimed', foreign: stranger },
};
