export interface Done<T, R> {
  readonly item: T;
  readonly result: R | undefined;
  /** What it failed with; undefined: it did not. */
  readonly error: unknown;
}

/** Works on a few items at a time, and tells their ends in the order of the items. */
export async function* inOrder<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<Done<T, R>> {
  const underWay: Promise<Done<T, R>>[] = [];
  for (const item of items) {
    underWay.push(
      work(item).then(
        (result) => ({ item, result, error: undefined }),
        (error: unknown) => ({ item, result: undefined, error }),
      ),
    );
    const first = underWay.length >= concurrency ? underWay.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const one of underWay) yield await one;
}
