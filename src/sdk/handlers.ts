import type { MessageValue } from './store.ts';

/** What a handler made of a desired value. */
export type HandlerResult =
  | {
      readonly status: 'applied';
      /** What is in effect now, where that is not exactly the desired value. */
      readonly value?: MessageValue;
      /** Carried out once and for all (a firmware update): not given to the handler again at the next start. */
      readonly isDone?: boolean;
    }
  | { readonly status: 'rejected'; readonly reason: string };

export interface DesiredContext {
  readonly revision: number;
  /** Aborted when a newer value came, the message was dropped or the device closes; the result then counts for nothing. */
  readonly signal: AbortSignal;
}

/** Applies one desired value. Never runs twice at a time for one message; one that throws has rejected the value. */
export type DesiredHandler = (value: MessageValue, context: DesiredContext) => Promise<HandlerResult> | HandlerResult;

/** Runs handlers, one at a time for each message; of several values that wait, only the newest runs. */
export class HandlerRunner {
  readonly #handlers = new Map<string, DesiredHandler>();
  readonly #running = new Map<string, { readonly controller: AbortController; readonly settled: Promise<void> }>();

  set(message: string, handler: DesiredHandler): void {
    this.#handlers.set(message, handler);
  }

  /** Aborts what runs for `message`, waits for it, then runs the handler; `decide` gets the result unless it was overtaken. */
  run(message: string, value: MessageValue, revision: number, decide: (result: HandlerResult) => Promise<void>): void {
    const before = this.#running.get(message);
    before?.controller.abort();
    const controller = new AbortController();
    const work = async (): Promise<void> => {
      await before?.settled;
      if (controller.signal.aborted) return;
      const result = await this.#call(message, value, { revision, signal: controller.signal });
      if (!controller.signal.aborted) await decide(result);
    };
    const settled = work().finally(() => {
      if (this.#running.get(message)?.controller === controller) this.#running.delete(message);
    });
    this.#running.set(message, { controller, settled });
  }

  abort(message: string): void {
    this.#running.get(message)?.controller.abort();
  }

  abortAll(): void {
    for (const { controller } of this.#running.values()) controller.abort();
  }

  async #call(message: string, value: MessageValue, context: DesiredContext): Promise<HandlerResult> {
    const handler = this.#handlers.get(message);
    if (handler === undefined) return { status: 'rejected', reason: `this device has no handler for ${message}` };
    try {
      return await handler(value, context);
    } catch (error) {
      return {
        status: 'rejected',
        reason: `handler failed: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
  }
}
