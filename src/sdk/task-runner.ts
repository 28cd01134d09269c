/** Runs tasks one at a time for each message; of several that wait, only the newest runs. */
export class TaskRunner {
  readonly #running = new Map<string, { readonly controller: AbortController; readonly settled: Promise<void> }>();

  /** Aborts what runs for `message`, waits for it, then runs `task`, which must not reject. */
  run(message: string, task: (signal: AbortSignal) => Promise<void>): void {
    const before = this.#running.get(message);
    before?.controller.abort();
    const controller = new AbortController();
    const work = async (): Promise<void> => {
      await before?.settled;
      if (!controller.signal.aborted) await task(controller.signal);
    };
    const settled = work().finally(() => {
      if (this.#running.get(message)?.controller === controller) this.#running.delete(message);
    });
    this.#running.set(message, { controller, settled });
  }

  abortAll(): void {
    for (const { controller } of this.#running.values()) controller.abort();
  }
}
