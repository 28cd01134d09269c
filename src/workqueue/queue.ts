import type { Clock } from '../base/clock.ts';
import { DelayHeap } from './delay-heap.ts';
import { RetryBackoff } from './retry-backoff.ts';
import type { BackoffOptions } from './retry-backoff.ts';

/** Told of what happens on the queue; for metrics. Times in milliseconds. */
export interface QueueHooks {
  readonly onAdd?: () => void;
  readonly onTake?: (waitedMs: number) => void;
  readonly onDone?: (workedMs: number) => void;
  readonly onRetry?: () => void;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly backoff?: Partial<BackoffOptions>;
  readonly hooks?: QueueHooks;
  /** How many keys of a priority may be worked on at once; asked at every turn. Without it as many as there are workers. */
  readonly mostAtOnce?: (priority: number) => number;
}

/** setTimeout fires at once when asked for more than 2^31 - 1 ms; the queue looks again instead. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Taker {
  readonly signal: AbortSignal | undefined;
  readonly resolve: (key: string | undefined) => void;
}

interface Waiting {
  readonly priority: number;
  readonly since: number;
}

interface Working {
  readonly lane: Lane;
  readonly since: number;
}

/** The keys of one priority; a Set keeps the order of insertion. */
interface Lane {
  readonly priority: number;
  readonly keys: Set<string>;
  /** Stands at the first key; kept, because a new one would walk over the places of all that were taken before it. */
  head: Iterator<string> | undefined;
  /** Keys that `head` has passed because they were being worked on; they keep their place. Bounded by the workers. */
  readonly passed: Set<string>;
  /** Keys of this priority that are being worked on. */
  working: number;
  /** Keys that were taken from a higher lane and keep their place in this one while they are worked on. */
  kept: number;
  /** How far the lane has come, in turns over its share: the lane that is least far is next (stride scheduling). */
  pass: number;
}

/**
 * A queue of keys to work on, with the invariants of client-go's:
 *
 * - a key waits at most once, however often it is added;
 * - a key is worked on by one worker at a time: added while being worked on, it comes back once when that work is done;
 * - so the last `add` of a key is always followed by a whole turn of work on it.
 *
 * Where keys of several priorities wait, each priority gets twice the turns of the one below it: what is urgent goes first, and
 * nothing waits for ever. Keys of one priority go in the order in which they came; a waiting key that is added with a higher
 * priority is lifted, and keeps its place in the lower lane until work on it is done, for the case that it is sent back there: what is
 * lifted again and again would never get to the end of the line. Bounded by the number of distinct keys.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #hooks: QueueHooks;
  readonly #backoff: RetryBackoff;
  readonly #mostAtOnce: (priority: number) => number;
  /** Keys that need work: those in a lane, and those added while being worked on. */
  readonly #dirty = new Map<string, Waiting>();
  /** Keys being worked on. Disjoint from the lanes. */
  readonly #processing = new Map<string, Working>();
  /** Keys ready to be taken. Lanes of higher priority stand first. */
  readonly #lanes: Lane[] = [];
  /** Of keys that wait or are worked on with a higher priority: the lane in which they have an older place. */
  readonly #places = new Map<string, Lane>();
  /** The pass of the lane that was served last: a lane that was empty, or held back, begins there, and is owed nothing for its absence. */
  #pass = 0;
  readonly #takers: Taker[] = [];
  /** Signals whose abort sends their takers home. One listener a signal, not a taker: adding one costs as much as there are. */
  readonly #heeded = new WeakSet<AbortSignal>();
  readonly #delayed = new DelayHeap();
  readonly #delayedPriority = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;
  #timerDueAt = Number.POSITIVE_INFINITY;
  #isShutDown = false;

  constructor({ clock, backoff, hooks, mostAtOnce }: QueueOptions) {
    this.#clock = clock;
    this.#hooks = hooks ?? {};
    this.#backoff = new RetryBackoff(backoff);
    this.#mostAtOnce = mostAtOnce ?? (() => Number.POSITIVE_INFINITY);
  }

  /** Keys that wait to be taken. */
  get length(): number {
    return this.#lanes.reduce((sum, { keys }) => sum + keys.size, 0) - this.#places.size;
  }

  /** Keys that are being worked on. */
  get working(): number {
    return this.#processing.size;
  }

  /** Milliseconds of work in progress, of each key being worked on. */
  get unfinishedMs(): number[] {
    const now = this.#clock.monotonic();
    return [...this.#processing.values()].map(({ since }) => now - since);
  }

  add(key: string, priority = 0): void {
    if (this.#isShutDown) return;
    const present = this.#dirty.get(key);
    if (present !== undefined && present.priority >= priority) return;
    if (present === undefined) this.#hooks.onAdd?.();
    this.#dirty.set(key, { priority, since: present?.since ?? this.#clock.monotonic() });
    if (this.#processing.has(key)) return;
    if (present !== undefined) this.#keepPlace(key, this.#lane(present.priority));
    this.#line(key, priority);
    this.#serve();
  }

  /** Adds `key` after `delayMs`; of several times the earliest counts. A plain `add` before then does not cancel it. */
  addAfter(key: string, delayMs: number, priority = 0): void {
    if (this.#isShutDown) return;
    if (delayMs <= 0) {
      this.add(key, priority);
      return;
    }
    this.#delayed.add(key, this.#clock.monotonic() + delayMs);
    this.#delayedPriority.set(key, Math.max(priority, this.#delayedPriority.get(key) ?? priority));
    this.#armTimer();
  }

  /** Adds a key whose work failed, later each time, until `forget`, and never sooner than `leastMs`. */
  addRateLimited(key: string, leastMs = 0, priority = 0): void {
    this.#hooks.onRetry?.();
    this.addAfter(key, Math.max(leastMs, this.#backoff.nextMs(key)), priority);
  }

  /** The work on `key` went well: its next failure is its first. */
  forget(key: string): void {
    this.#backoff.forget(key);
  }

  /** With what priority the key that is being worked on was taken. */
  priorityOf(key: string): number | undefined {
    return this.#processing.get(key)?.lane.priority;
  }

  failures(key: string): number {
    return this.#backoff.failures(key);
  }

  /** The next key, when there is one; undefined once the queue is shut down or `signal` aborts. Every key taken must be `done`. */
  take(signal?: AbortSignal): Promise<string | undefined> {
    if (signal?.aborted === true || this.#isShutDown) return Promise.resolve(undefined);
    const key = this.#next();
    if (key !== undefined) return Promise.resolve(key);
    this.#heed(signal);
    return new Promise((resolve) => {
      this.#takers.push({ signal, resolve });
    });
  }

  done(key: string): void {
    const working = this.#processing.get(key);
    if (working === undefined) return;
    this.#processing.delete(key);
    working.lane.working -= 1;
    this.#hooks.onDone?.(this.#clock.monotonic() - working.since);
    this.#comeBack(key);
    this.#serve();
  }

  /** Nothing is added any more and every taker is sent home; keys being worked on may still be `done`. */
  shutDown(): void {
    this.#isShutDown = true;
    this.#cancelTimer?.();
    for (const { resolve } of this.#takers.splice(0)) resolve(undefined);
  }

  #heed(signal: AbortSignal | undefined): void {
    if (signal === undefined || this.#heeded.has(signal)) return;
    this.#heeded.add(signal);
    const sendHome = (): void => {
      const leaving = this.#takers.filter((taker) => taker.signal === signal);
      const staying = this.#takers.filter((taker) => taker.signal !== signal);
      this.#takers.splice(0, this.#takers.length, ...staying);
      for (const { resolve } of leaving) resolve(undefined);
    };
    signal.addEventListener('abort', sendHome, { once: true });
  }

  /** A key that was added while it was worked on stands in line again: in its old place where it has one. */
  #comeBack(key: string): void {
    const again = this.#dirty.get(key);
    const place = this.#places.get(key);
    if (place === undefined) {
      if (again !== undefined) this.#line(key, again.priority);
      return;
    }
    place.kept -= 1;
    if (again === undefined || again.priority < place.priority) remove(place, key);
    else if (place.keys.size === place.kept + 1) this.#owedNothing(place);
    if (again === undefined || again.priority <= place.priority) this.#places.delete(key);
    if (again !== undefined && again.priority !== place.priority) this.#line(key, again.priority);
  }

  #line(key: string, priority: number): void {
    const lane = this.#lane(priority);
    if (lane.keys.size === lane.kept) this.#owedNothing(lane);
    lane.keys.add(key);
  }

  /** A lane from which nothing could be taken for a while goes on where the others are. */
  #owedNothing(lane: Lane): void {
    lane.pass = Math.max(lane.pass, this.#pass);
  }

  /** A key leaves its lane for a higher one: the lowest lane in which it stands is the one whose turn it has waited for longest. */
  #keepPlace(key: string, lane: Lane): void {
    if (this.#places.has(key)) remove(lane, key);
    else this.#places.set(key, lane);
  }

  #serve(): void {
    while (this.#takers.length > 0) {
      const key = this.#next();
      if (key === undefined) return;
      this.#takers.shift()?.resolve(key);
    }
  }

  #next(): string | undefined {
    let next: Lane | undefined;
    for (const lane of this.#lanes) {
      const isHeldBack = lane.working >= this.#mostAtOnce(lane.priority);
      if (isHeldBack) this.#owedNothing(lane);
      const isReady = lane.keys.size > lane.kept && !isHeldBack;
      if (isReady && (next === undefined || lane.pass < next.pass)) next = lane;
    }
    if (next === undefined) return undefined;
    this.#pass = next.pass;
    next.pass += 1 / 2 ** next.priority;
    const key = this.#first(next);
    if (key === undefined) return undefined;
    this.#leaveLine(key, next);
    this.#begin(key, next);
    return key;
  }

  /** The first key of the lane that is not being worked on: those that were passed over for that come first. */
  #first(lane: Lane): string | undefined {
    for (const key of lane.passed) if (!this.#processing.has(key)) return key;
    while (lane.keys.size > lane.kept) {
      lane.head ??= lane.keys.values();
      const { value, done } = lane.head.next();
      if (done !== true && !this.#processing.has(value)) return value;
      if (done !== true) lane.passed.add(value);
      // An iterator that has come to the end stays there, whatever is added.
      else lane.head = undefined;
    }
    return undefined;
  }

  #leaveLine(key: string, lane: Lane): void {
    remove(lane, key);
    const place = this.#places.get(key);
    if (place === undefined) return;
    if (place !== lane) place.kept += 1;
    else {
      this.#places.delete(key);
      remove(this.#lane(this.#dirty.get(key)?.priority ?? lane.priority), key);
    }
  }

  #begin(key: string, lane: Lane): void {
    const now = this.#clock.monotonic();
    this.#hooks.onTake?.(now - (this.#dirty.get(key)?.since ?? now));
    this.#dirty.delete(key);
    lane.working += 1;
    this.#processing.set(key, { lane, since: now });
  }

  #lane(priority: number): Lane {
    const found = this.#lanes.find((lane) => lane.priority === priority);
    if (found !== undefined) return found;
    const lane = {
      priority,
      keys: new Set<string>(),
      head: undefined,
      passed: new Set<string>(),
      working: 0,
      kept: 0,
      pass: this.#pass,
    };
    this.#lanes.push(lane);
    this.#lanes.sort((a, b) => b.priority - a.priority);
    return lane;
  }

  #armTimer(): void {
    const dueAt = this.#delayed.nextDueAt;
    if (dueAt === undefined || dueAt >= this.#timerDueAt) return;
    this.#cancelTimer?.();
    this.#timerDueAt = dueAt;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, dueAt - this.#clock.monotonic()));
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#releaseDue());
  }

  #releaseDue(): void {
    this.#timerDueAt = Number.POSITIVE_INFINITY;
    for (const key of this.#delayed.takeDue(this.#clock.monotonic())) {
      const priority = this.#delayedPriority.get(key);
      this.#delayedPriority.delete(key);
      this.add(key, priority);
    }
    this.#armTimer();
  }
}

function remove(lane: Lane, key: string): void {
  lane.keys.delete(key);
  lane.passed.delete(key);
}
