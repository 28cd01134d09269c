/** WATCH: reads the history from where the client stands. A slow reader holds nothing but its place; when history passes it, 410. */
import { invalid, tooOldResourceVersion, unclassified } from '../errors.ts';
import type { Change, Collection, Stored } from '../storage/collection.ts';
import { parseStored } from '../storage/store.ts';
import type { Call } from './call.ts';
import { invalidRevision, parseRevision } from './list.ts';
import { selectionOf } from './selection.ts';
import type { Selection } from './selection.ts';

export type WatchItem =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Pick<Stored, 'json'> }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly endsInitialEvents: boolean }
  | { readonly type: 'ERROR'; readonly status: object };

export interface WatchOptions {
  readonly bookmarkIntervalMs: number;
  readonly signal: AbortSignal;
}

/** Checks the request at once (throws 400, 422), then yields until the time is over, the store goes away or `signal` aborts. */
export function watch(call: Call, { bookmarkIntervalMs, signal }: WatchOptions): AsyncGenerator<WatchItem> {
  const { api, type, query } = call;
  const selection = selectionOf(call);
  const collection = api.store.collection(type.id);
  checkInitialEvents(query);
  const from = parseRevision(query.get('resourceVersion'));
  if (from === undefined) throw unclassified(invalidRevision(query.get('resourceVersion')));
  return run({
    collection,
    selection,
    from,
    current: () => api.store.revision,
    sendsInitial: query.get('sendInitialEvents') === 'true' || (from === 0 && !query.has('sendInitialEvents')),
    marksInitialEnd: query.get('sendInitialEvents') === 'true' && isTrue(query.get('allowWatchBookmarks')),
    bookmarkIntervalMs: isTrue(query.get('allowWatchBookmarks')) ? bookmarkIntervalMs : undefined,
    timeoutMs: timeoutOf(query.get('timeoutSeconds')),
    signal,
  });
}

interface Plan {
  readonly collection: Collection;
  readonly selection: Selection;
  readonly from: number;
  readonly current: () => number;
  readonly sendsInitial: boolean;
  readonly marksInitialEnd: boolean;
  readonly bookmarkIntervalMs: number | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function* run(plan: Plan): AsyncGenerator<WatchItem> {
  const { collection, selection } = plan;
  const alarm = new Alarm(plan);
  const items = plan.sendsInitial ? [...collection.range(selection.prefix, '')] : [];
  let position = plan.sendsInitial || plan.from === 0 ? plan.current() : plan.from;
  try {
    for (const stored of items) if (selection.matches(stored)) yield { type: 'ADDED', object: stored };
    if (plan.marksInitialEnd) yield { type: 'BOOKMARK', revision: position, endsInitialEvents: true };
    while (!alarm.isOver) {
      const until = plan.current();
      const changes = collection.changesSince(position);
      if (changes === undefined) {
        yield { type: 'ERROR', status: tooOldResourceVersion(position, collection.oldestRevision).status };
        return;
      }
      for (const change of changes) {
        const item = seenThrough(selection, change);
        if (item !== undefined) yield item;
      }
      position = Math.max(position, until);
      if (alarm.takeBookmark()) yield { type: 'BOOKMARK', revision: position, endsInitialEvents: false };
      if (plan.current() <= position) await alarm.wait();
    }
    if (!plan.signal.aborted && !alarm.hasEnded && plan.bookmarkIntervalMs !== undefined) {
      yield { type: 'BOOKMARK', revision: position, endsInitialEvents: false };
    }
  } finally {
    alarm.close();
  }
}

/** Wakes the loop: on a change, for a bookmark, at the end. */
class Alarm {
  readonly #cancels: (() => void)[] = [];
  #isDue = false;
  #wake: (() => void) | undefined;
  #wantsBookmark = false;
  #isOver = false;
  /** The store was replaced or closed. */
  hasEnded = false;

  constructor({ collection, bookmarkIntervalMs, timeoutMs, signal }: Plan) {
    const ring = (): void => {
      this.#isDue = true;
      this.#wake?.();
    };
    const finish = (): void => {
      this.#isOver = true;
      ring();
    };
    const end = (): void => {
      this.hasEnded = true;
      finish();
    };
    this.#cancels.push(collection.subscribe({ next: ring, end }));
    const timeout = setTimeout(finish, timeoutMs);
    this.#cancels.push(() => clearTimeout(timeout));
    signal.addEventListener('abort', finish, { once: true });
    this.#cancels.push(() => signal.removeEventListener('abort', finish));
    if (signal.aborted) finish();
    if (bookmarkIntervalMs === undefined) return;
    const interval = setInterval(() => {
      this.#wantsBookmark = true;
      ring();
    }, bookmarkIntervalMs);
    this.#cancels.push(() => clearInterval(interval));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  takeBookmark(): boolean {
    const wanted = this.#wantsBookmark;
    this.#wantsBookmark = false;
    return wanted;
  }

  async wait(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#isDue = false;
  }

  close(): void {
    for (const cancel of this.#cancels) cancel();
  }
}

/** A change as a selection sees it: what starts to match is added, what ceases to is deleted. */
function seenThrough(selection: Selection, change: Change): WatchItem | undefined {
  const { type, stored, previous, revision } = change;
  if (selection.isEverything) return stored.key.startsWith(selection.prefix) ? { type, object: stored } : undefined;
  const did = previous !== undefined && selection.matches(previous);
  const does = type !== 'DELETED' && selection.matches(stored);
  if (did && does) return { type: 'MODIFIED', object: stored };
  if (does) return { type: 'ADDED', object: stored };
  if (!did) return undefined;
  if (type === 'DELETED') return { type, object: stored };
  return { type: 'DELETED', object: { json: withRevision(previous, revision) } };
}

/** What no longer matches is shown as it last did, under the revision at which it ceased to. */
function withRevision(stored: Stored, revision: number): string {
  const { apiVersion, kind, metadata, ...rest } = parseStored(stored);
  return JSON.stringify({ apiVersion, kind, metadata: { ...metadata, resourceVersion: String(revision) }, ...rest });
}

function checkInitialEvents(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const sends = query.has('sendInitialEvents');
  const fault = (message: string) =>
    invalid('ListOptions', 'meta.k8s.io', '', [
      { type: 'FieldValueForbidden', field: 'resourceVersionMatch', message },
    ]);
  if (sends && match !== 'NotOlderThan') {
    throw fault('Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (!sends && match !== '') {
    throw fault('Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
}

function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1';
}

/** Without one asked for, between half an hour and an hour, so that watches do not all end together. */
function timeoutOf(text: string | null): number {
  const seconds = Number(text ?? 0);
  return seconds > 0 ? Math.min(seconds * 1000, 2 ** 31 - 1) : (1 + Math.random()) * 1_800_000;
}
