/** What several sources tell, as it comes. The first one that fails ends it; sources that nobody asks any more are told to end. */
export async function* inTurn<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const answers: Answer<T>[] = [];
  let heard = Promise.withResolvers<void>();
  const answer = (one: Answer<T>): void => {
    answers.push(one);
    heard.resolve();
  };
  const ask = (source: AsyncGenerator<T>): void =>
    void source.next().then(
      (next) => answer({ source, next }),
      (error: unknown) => answer({ source, error }),
    );
  sources.forEach(ask);
  try {
    for (let left = sources.length; left > 0;) {
      await heard.promise;
      heard = Promise.withResolvers<void>();
      for (const { source, next, error } of answers.splice(0)) {
        if (next === undefined) throw error;
        if (next.done === true) {
          left -= 1;
          continue;
        }
        yield next.value;
        ask(source);
      }
    }
  } finally {
    // Not awaited: a source that waits for its server ends when that answers, or when its signal aborts.
    for (const source of sources) source.return(undefined).catch(() => undefined);
  }
}

interface Answer<T> {
  readonly source: AsyncGenerator<T>;
  /** Undefined: it failed. */
  readonly next?: IteratorResult<T>;
  readonly error?: unknown;
}
