/** What a reconcile came to; the runner turns it into a requeue, a log line and a metric. */
export type Outcome =
  /** `answerMs`: how long the API server took to answer the write that this was about; absent when nothing was written. */
  | { readonly kind: 'done'; readonly answerMs?: number }
  /** Come back after `afterMs`, with the priority that the queue knows; not a failure. */
  | { readonly kind: 'requeue'; readonly afterMs: number; readonly priority?: number; readonly answerMs?: number };

export const DONE: Outcome = { kind: 'done' };
