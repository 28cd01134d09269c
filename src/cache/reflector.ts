import { backoffMs } from '../base/backoff.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeClient, KubeList, WatchEvent } from '../kube/client.ts';
import { ApiError, TransportError, isExpired, isNotFound, retryAfterOf } from '../kube/errors.ts';
import type { Logger } from '../base/log.ts';
import { AnsweredMeanwhile } from './answered-meanwhile.ts';
import { listPages } from '../kube/list-pages.ts';
import type { Cached, EntryFacts } from './lister.ts';
import { isNewer, keyOf } from './store.ts';
import type { Store, StoreChange } from './store.ts';
import { Watchdog } from './watchdog.ts';

export interface Change<T> {
  readonly kind: 'added' | 'updated' | 'deleted';
  readonly key: string;
  /** The object now; of a deleted one, the last that is known of it. */
  readonly object: T;
  /** False when nothing but status and metadata can have changed. */
  readonly isGenerationMoved: boolean;
  readonly source: ChangeSource;
  /** True when a watch tells of another status, and of no other generation: somebody else wrote it. */
  readonly isStatusMoved?: boolean;
  /** Set when a watch or a write tells of an object that was held: unpacks it as it was then. */
  readonly formerly?: () => T;
}

/**
 * `held`: it was in the cache before its hearer came. `list`: a LIST showed it, or lacked it; it may come from another history, in which
 * what was written to the object before is undone. `write`: the answer to a write of our own brought it along.
 */
export type ChangeSource = 'held' | 'list' | 'watch' | 'write';

/** Told of changes, in order, after the store has them. */
export interface ReflectorHandler<T> {
  /** Called during the first LIST too: `store.hasSynced` tells. */
  onChange(change: Change<T>): void;
  /** The first LIST is complete. */
  onSynced(): void;
  /** A write of our own was answered, and nothing but status and metadata can have changed: no change is told of it. */
  onWritten?(key: string, object: T): void;
}

export interface ReflectorHooks {
  readonly onListed?: (objects: number) => void;
  readonly onWatchEnded?: (reason: 'timeout' | 'expired' | 'stale' | 'error') => void;
  /** Something was heard from the API server, or an attempt was made: the loop is not stuck. */
  readonly onProgress?: () => void;
  /** Objects that the last LIST did not show and that are kept, because they are too many at once; 0: none. */
  readonly onAbsent?: (objects: number) => void;
  /** How many objects the store holds after a change. */
  readonly onHeld?: (objects: number) => void;
}

export interface Collection {
  readonly path: string;
  /** Path of one object by its key in the store. */
  readonly objectPath: (key: string) => string;
}

export interface ReflectorOptions<T extends Cached> {
  readonly client: KubeClient;
  readonly collection: Collection;
  /** Whether `absent` of `known` objects may be taken for gone when a LIST does not show them and they answer to no name. */
  readonly mayForget: (absent: number, known: number) => boolean;
  readonly store: Store<T>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks?: ReflectorHooks;
  /** A number in [0, 1). */
  readonly random?: () => number;
}

const BACKOFF_MIN_MS = 200;
/** One request in five seconds burdens nobody, and who was away is heard soon after coming back. */
const BACKOFF_MAX_MS = 5000;
/** Bookmarks come about once a minute; a watch that says nothing for so long is half open. */
const STALE_AFTER_MS = 180_000;
/** A LIST that lacked too much is made again after so long, then after twice as long each time: a mistake is soon over, a person is not. */
const LOOK_AGAIN_MIN_MS = 5000;
const LOOK_AGAIN_MAX_MS = 300_000;
/** Objects asked for by name at once; the client has 16 connections for everything. */
const ASKED_AT_ONCE = 8;

/**
 * Keeps a store equal to a collection of the API server: LIST in pages, then watch from there; a watch that ends goes on where it
 * was; one whose history is gone (410, or a server restored from a backup) begins with a LIST again.
 *
 * A watch event is a fact. That a LIST lacks an object is a hint: it is asked for by name before it is taken for gone, and too many
 * at once are kept until a later LIST shows them, or a person confirms.
 */
export class Reflector<T extends Cached> {
  readonly #options: ReflectorOptions<T>;
  readonly #handler: ReflectorHandler<T>;
  readonly #random: () => number;
  /** Where the next watch begins; undefined: with a LIST. */
  #version: string | undefined;
  #failures = 0;
  /** A LIST is to be made although the watch could go on. */
  #isListDue = false;
  #interrupt = new AbortController();
  /** When (monotonic) the LIST that lacked too much is made again, and how long after it; undefined: it lacked little. */
  #lookAgain: { readonly at: number; readonly afterMs: number } | undefined;
  readonly #answered = new AnsweredMeanwhile();

  constructor(options: ReflectorOptions<T>, handler: ReflectorHandler<T>) {
    this.#options = options;
    this.#handler = handler;
    this.#random = options.random ?? Math.random;
  }

  /** Makes a LIST soon: somebody has seen that the store is not what the API server holds. */
  relist(): void {
    this.#isListDue = true;
    this.#interrupt.abort();
  }

  /** Takes the answer to a write of our own; undefined when nothing came of it. */
  wrote(object: T): StoreChange | undefined {
    const change = this.#options.store.observe(object);
    if (change !== undefined) this.#answered.note(keyOf(object));
    return change;
  }

  /** Resolves when `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#options.hooks?.onProgress?.();
      try {
        if (this.#isListDue) this.#version = undefined;
        if (this.#version !== undefined && !(await this.#isHistoryIntact(this.#version, signal)))
          this.#version = undefined;
        this.#version ??= await this.#listAnew(signal);
        await this.#watch(this.#version, signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, signal);
      }
    }
  }

  /**
   * False when the server's newest version lies before ours: its state was put back from a backup. A watch from our version would
   * then be answered with silence until the new history has grown past it, and miss everything up to there.
   */
  async #isHistoryIntact(version: string, signal: AbortSignal): Promise<boolean> {
    const { client, collection } = this.#options;
    const { metadata } = await client.get<KubeList<T>>(collection.path, { limit: 1 }, signal);
    return !isNewer(version, metadata.resourceVersion);
  }

  /** Answers with the version from which to watch. */
  async #listAnew(signal: AbortSignal): Promise<string> {
    this.#isListDue = false;
    this.#answered.begin();
    try {
      const version = await this.#list(signal);
      const { newestKept } = this.#answered;
      // The answer may have been on its way since before a restore: the next LIST goes back behind it.
      if (newestKept !== undefined && !(await this.#isHistoryIntact(newestKept, signal))) this.#isListDue = true;
      return version;
    } finally {
      this.#answered.end();
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, collection, store, hooks } = this.#options;
    const seen = new Set<string>();
    let version = '';
    for await (const { items, metadata } of listPages<T>(client, collection.path, { signal })) {
      version = metadata.resourceVersion;
      for (const object of items) {
        seen.add(keyOf(object));
        this.#take(object, 'list');
      }
      hooks?.onProgress?.();
    }
    await this.#judgeAbsent(seen, signal);
    this.#failures = 0;
    hooks?.onListed?.(seen.size);
    if (!store.hasSynced) {
      store.markSynced();
      this.#handler.onSynced();
    }
    return version;
  }

  /** What a LIST does not show is asked for by name; so many that a mistake is likelier are kept, and looked for again (decision 0033). */
  async #judgeAbsent(seen: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { store, mayForget, hooks } = this.#options;
    const absent = [...store.keys()].filter((key) => !seen.has(key));
    const isBelieved = mayForget(absent.length, store.size);
    hooks?.onAbsent?.(isBelieved ? 0 : absent.length);
    if (!isBelieved) return this.#keepAbsent(absent);
    this.#lookAgain = undefined;
    for (let at = 0; at < absent.length; at += ASKED_AT_ONCE) {
      await Promise.all(absent.slice(at, at + ASKED_AT_ONCE).map((key) => this.#askByName(key, signal)));
      hooks?.onProgress?.();
    }
  }

  #keepAbsent(absent: readonly string[]): void {
    const { collection, store, clock, log } = this.#options;
    const afterMs = Math.min(LOOK_AGAIN_MAX_MS, 2 * (this.#lookAgain?.afterMs ?? LOOK_AGAIN_MIN_MS / 2));
    this.#lookAgain = { at: clock.monotonic() + afterMs, afterMs };
    log.error(
      {
        path: collection.path,
        absent: absent.length,
        known: store.size,
        examples: absent.slice(0, 5),
        lookAgainMs: afterMs,
      },
      'a LIST lacks many objects that are known: they are kept and looked for again; if they are gone, restart with --sweep-confirm',
    );
  }

  async #askByName(key: string, signal: AbortSignal): Promise<void> {
    const { client, collection, log } = this.#options;
    const path = collection.objectPath(key);
    try {
      this.#take(await client.get<T>(path, undefined, signal), 'list');
      log.warn({ path }, 'a LIST lacks an object that is there');
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#remove(key, 'list');
    }
  }

  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { client, collection, clock, hooks } = this.#options;
    this.#interrupt = new AbortController();
    if (this.#isListDue) return;
    const watchdog = new Watchdog(clock, STALE_AFTER_MS);
    const stop = AbortSignal.any([signal, watchdog.signal, this.#interrupt.signal]);
    const cancelLook = this.#lookAgain && clock.after(this.#lookAgain.at - clock.monotonic(), () => this.relist());
    // Spread, so that a fleet of watchers does not come back as one.
    const timeoutSeconds = Math.round(300 * (1 + this.#random()));
    const query = { resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds };
    try {
      for await (const event of client.watch<T>(collection.path, query, stop)) {
        watchdog.feed();
        hooks?.onProgress?.();
        this.#apply(event);
        this.#failures = 0;
      }
      hooks?.onWatchEnded?.(watchdog.signal.aborted ? 'stale' : 'timeout');
    } finally {
      watchdog.stop();
      cancelLook?.();
    }
    // A server that ends every watch at once must not be asked in a tight loop.
    if (!signal.aborted) await delay(clock, BACKOFF_MIN_MS * this.#random(), signal);
  }

  #apply(event: WatchEvent<T>): void {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#take(event.object, 'watch');
        break;
      case 'DELETED':
        this.#remove(keyOf(event.object), 'watch', event.object);
        break;
      case 'BOOKMARK':
        break;
      case 'ERROR':
        throw new ApiError(event.object.code ?? 500, event.object);
    }
    this.#version = event.object.metadata.resourceVersion;
  }

  #take(object: T, source: 'list' | 'watch'): void {
    const { store } = this.#options;
    const key = keyOf(object);
    const before = store.facts(key);
    if (source === 'list' && this.#answered.keeps(key, before, object.metadata)) return;
    // Deleted and made again while nobody looked: two changes, because the two may have nothing in common but the name.
    if (before !== undefined && before.uid !== object.metadata.uid) this.#remove(key, source);
    const formerly = source === 'watch' ? store.keep(key) : undefined;
    const kind = source === 'list' ? store.replace(object) : store.upsert(object);
    if (kind === undefined) return;
    // What a LIST brings may come from another history, in which the same generation means something else.
    const isGenerationMoved =
      source === 'list' || kind === 'added' || store.facts(key)?.generation !== before?.generation;
    const isStatusMoved =
      formerly !== undefined && isStatusAlone(before, object) && statusOf(formerly()) !== statusOf(object);
    this.#tell({ kind, key, object, isGenerationMoved, isStatusMoved, source, ...(formerly && { formerly }) });
  }

  #remove(key: string, source: 'list' | 'watch', last?: T): void {
    const { store } = this.#options;
    const object = last ?? store.get(key);
    if (object === undefined || store.remove(key) === undefined) return;
    this.#tell({ kind: 'deleted', key, object, isGenerationMoved: true, source });
  }

  #tell(change: Change<T>): void {
    const { store, hooks } = this.#options;
    hooks?.onHeld?.(store.size);
    this.#handler.onChange(change);
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { log, clock, collection, hooks } = this.#options;
    if (isExpired(error)) {
      hooks?.onWatchEnded?.('expired');
      this.#version = undefined;
      // A history that is gone is no fault of the server; only one that is gone again and again is slowed down.
      if (this.#failures++ === 0) return;
    } else {
      hooks?.onWatchEnded?.('error');
      // A server that was away may come back from a backup, with a history that is another one: only a LIST tells (decision 0002).
      if (error instanceof TransportError && error.isUnanswered) this.#version = undefined;
    }
    // The longer of the two, so that `Retry-After: 0` is no tight loop.
    const waitMs = Math.max(retryAfterOf(error), this.#backoffMs());
    log[this.#failures > 3 ? 'warn' : 'debug'](
      { path: collection.path, err: error, waitMs: Math.round(waitMs) },
      'list or watch failed, trying again',
    );
    await delay(clock, waitMs, signal);
  }

  #backoffMs(): number {
    const most = backoffMs(this.#failures, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
    this.#failures += 1;
    return most * (0.5 + this.#random() / 2);
  }
}

/** News of an object whose generation stands: what is left is status and metadata. Not our own write, whose answer was faster. */
function isStatusAlone(before: EntryFacts | undefined, { metadata }: Cached): boolean {
  if (before === undefined || before.uid !== metadata.uid) return false;
  const generation = 'generation' in metadata ? Number(metadata.generation) : 0;
  return generation === before.generation && isNewer(metadata.resourceVersion, before.resourceVersion);
}

function statusOf(object: Cached): string {
  return 'status' in object ? JSON.stringify(object.status) : '';
}
