/** What a reconcile came to; the runner turns it into a requeue, a log line and a metric. */
export type Outcome =
  /** `answerMs`: how long the API server took to answer the write that this was about; absent when nothing was written. */
  | { readonly kind: 'done'; readonly answerMs?: number }
  /** Come back after `afterMs`, with the priority that the queue knows; not a failure. */
  | { readonly kind: 'requeue'; readonly afterMs: number; readonly priority?: number; readonly answerMs?: number };

export const DONE: Outcome = { kind: 'done' };

/** Something that may work next time: retried with back-off, or after `retryAfterMs` when the other side named a time. */
export class TransientError extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.name = 'TransientError';
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Something only a person can mend: logged once, not retried until the object changes. */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}
