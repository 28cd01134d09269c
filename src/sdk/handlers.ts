import type { MessageValue } from './store.ts';

/** What a handler may say beyond that it applied the value as it is. */
export interface Applied<Reported = MessageValue> {
  /** What is in effect now, where that is not exactly the desired value. */
  readonly value?: Reported;
  /** Carried out once and for all (a firmware update): not given to the handler again at the next start. */
  readonly done?: boolean;
}

export interface DesiredContext {
  readonly revision: number;
  /** Aborted when a newer value came, the message was withdrawn or the device closes; what the handler says then counts for nothing. */
  readonly signal: AbortSignal;
}

/**
 * Applies one desired value; returning means applied. Never runs twice at a time for one message: a newer value waits until the
 * older one's handler has ended. Throws `Rejected` to say no; any other error is told, reported, and the handler tried again.
 */
export type DesiredHandler<Value = MessageValue, Reported = Value> = (
  value: Value,
  context: DesiredContext,
) => Applied<Reported> | void | Promise<Applied<Reported> | void>;

/** Takes back what a message had set; is tried again until it does not throw. */
export type WithdrawnHandler = (context: Pick<DesiredContext, 'signal'>) => unknown;

/** Thrown by a handler: the device will not do this, and why. The reason is shown in the twin. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
}
