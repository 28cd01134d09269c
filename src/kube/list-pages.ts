import type { KubeClient, KubeList, Query } from './client.ts';
import { TransportError } from './errors.ts';

const PAGE_SIZE = 500;

export interface PagesOptions {
  /** Selectors. */
  readonly query?: Query;
  /** Objects of the first page, where its lines are wanted soon. */
  readonly first?: number;
  readonly signal?: AbortSignal;
}

/** The pages of one LIST; all of them show the same moment. The server makes the next page while the consumer takes in the last one. */
export async function* listPages<T>(
  client: Pick<KubeClient, 'get'>,
  path: string,
  { query, first = PAGE_SIZE, signal }: PagesOptions = {},
): AsyncGenerator<KubeList<T>> {
  const ask = (limit: number, next?: string): Promise<KubeList<T>> =>
    client.get<KubeList<T>>(path, { ...query, limit, continue: next }, signal);
  let asked: Promise<KubeList<T>> | undefined = ask(first);
  while (asked !== undefined) {
    const page: KubeList<T> = await asked;
    refuseCutShort(page, path);
    const next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    asked = next === undefined ? undefined : ask(PAGE_SIZE, next);
    // Whatever breaks before it is looked at, its failure is nobody's surprise.
    asked?.catch(() => undefined);
    yield page;
  }
}

/** A LIST that ends although the server holds more of it, or that is none, must not be taken for all there is. */
function refuseCutShort({ items, metadata }: Partial<KubeList<unknown>>, path: string): void {
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== 'string') {
    throw new TransportError(`GET ${path}: the answer is no list`);
  }
  const isLast = metadata.continue === undefined || metadata.continue === '';
  if (isLast && (metadata.remainingItemCount ?? 0) > 0) {
    throw new TransportError(`GET ${path}: the list ends with ${metadata.remainingItemCount} objects left out`);
  }
}
