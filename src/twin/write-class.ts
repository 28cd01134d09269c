/**
 * What a status write is about, which decides how long it may wait: a decision that a person waits for; going online or offline;
 * reported values; a change that waits for its device; a heartbeat alone.
 */
export type WriteClass = 'sync' | 'online' | 'reported' | 'pending' | 'heartbeat';

/** Priorities of the status queue: each has twice the turns of the next one while both wait (decision 0041). */
export const WRITE_PRIORITY: Readonly<Record<WriteClass, number>> = {
  sync: 4,
  online: 3,
  reported: 2,
  pending: 1,
  heartbeat: 0,
};
