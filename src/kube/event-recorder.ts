import { hash } from 'node:crypto';
import { backoffMs } from '../base/backoff.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { KubeClient } from './client.ts';
import { ApiError, TransportError, isConflict, isNotFound } from './errors.ts';
import { LeakyBucket } from '../base/leaky-bucket.ts';

/** The object an event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** `source.component` and field manager. */
  readonly component: string;
  /** `reportingInstance`: which process. */
  readonly instance: string;
  /** Events a second, all objects together, and ten seconds of them at once; 0: no events are wanted. */
  readonly perSecond: number;
  readonly onSent?: (reason: string) => void;
  readonly onDropped?: () => void;
}

interface Told {
  readonly path: string;
  readonly name: string;
  count: number;
  toldAt: number;
}

/** As client-go: an object may tell this much at once, and then one thing in five minutes. */
const OBJECT_BURST = 25;
const OBJECT_PER_SECOND = 1 / 300;
/** So much of what all objects share is kept for those that have said little: the more of its own allowance one has used, the less of this is open to it. */
const KEPT_FOR_QUIET = 0.25;
/** The same thing said again within this time is counted on the event that said it first. */
const SAME_WITHIN_MS = 600_000;
/** Objects and events remembered for the two rules above; the oldest are forgotten first. */
const MAX_REMEMBERED = 4096;
const MAX_WAITING = 1000;
const MAX_TRIES = 5;
const MAX_PATIENCE_MS = 30_000;
/** How long what waits may hold up the end of the process. */
const CLOSE_MS = 2000;

/**
 * Writes Kubernetes events for `kubectl describe`. Never blocks and never throws: an event that is one too many, or cannot be
 * written, is dropped and counted. Must be closed.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #global: LeakyBucket;
  readonly #perObject = new Map<string, LeakyBucket>();
  readonly #told = new Map<string, Told>();
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #closing = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#global = new LeakyBucket(Math.max(1, options.perSecond * 10), options.perSecond);
  }

  record(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#options.perSecond === 0) return;
    if (!this.#mayTell(object.uid)) {
      this.#options.onDropped?.();
      return;
    }
    // A half of a surrogate pair may be left at the end.
    const text = message.slice(0, 1024).toWellFormed();
    this.#waiting.push(() => this.#tell(object, type, reason, text));
    this.#sending ??= this.#send();
  }

  /** Takes no more events, and sends what waits for two seconds at most. */
  async close(): Promise<void> {
    this.#closing.abort();
    const stop = new AbortController();
    await Promise.race([this.#sending, delay(this.#options.clock, CLOSE_MS, stop.signal)]);
    stop.abort();
    for (const _event of this.#waiting.splice(0)) this.#options.onDropped?.();
  }

  /**
   * Takes from both allowances, or from none: what is refused by one must cost nothing of the other. Many objects that talk without pause
   * leave the last quarter of the common one to each other by turns, and all of it to one that was quiet so far.
   */
  #mayTell(uid: string): boolean {
    const now = this.#options.clock.monotonic();
    const own = this.#perObject.get(uid) ?? new LeakyBucket(OBJECT_BURST, OBJECT_PER_SECOND);
    remember(this.#perObject, uid, own);
    if (this.#closing.signal.aborted || this.#waiting.length >= MAX_WAITING || !own.has(now)) return false;
    const isKeptForOthers = this.#global.share(now) < KEPT_FOR_QUIET * (1 - own.share(now));
    return !isKeptForOthers && this.#global.take(now) && own.take(now);
  }

  /** One at a time: events must never crowd out status writes. */
  async #send(): Promise<void> {
    for (let tell = this.#waiting.shift(); tell !== undefined; tell = this.#waiting.shift()) {
      try {
        await tell();
      } catch (error) {
        this.#options.onDropped?.();
        this.#options.log.debug({ err: error }, 'could not write an event');
      }
    }
    this.#sending = undefined;
  }

  async #tell(object: ObjectReference, type: string, reason: string, message: string): Promise<void> {
    // Hashed, because thousands of messages are megabytes.
    const key = hash('sha256', JSON.stringify([object.uid, type, reason, message]), 'base64');
    const told = this.#told.get(key);
    const isRecent = told !== undefined && this.#options.clock.monotonic() - told.toldAt <= SAME_WITHIN_MS;
    const isRepeated = isRecent && (await this.#repeat(told));
    remember(this.#told, key, isRepeated ? told : await this.#create(object, type, reason, message));
    this.#options.onSent?.(reason);
  }

  /** False when the event that said it first is gone. */
  async #repeat(told: Told): Promise<boolean> {
    const { client, clock, component } = this.#options;
    const body = { count: told.count + 1, lastTimestamp: seconds(clock.now()) };
    const path = `${told.path}/${told.name}`;
    try {
      await this.#patiently(() =>
        client.patch(path, 'application/merge-patch+json', body, { fieldManager: component }),
      );
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
    told.count += 1;
    told.toldAt = clock.monotonic();
    return true;
  }

  async #create(object: ObjectReference, type: string, reason: string, message: string): Promise<Told> {
    const { client, clock, component, instance } = this.#options;
    const path = `/api/v1/namespaces/${object.namespace}/events`;
    // Names end at 253 characters, and no part of one ends in a dash or a dot.
    const about = object.name.slice(0, 220).replace(/[-.]+$/, '');
    const name = `${about}.${Math.floor(Math.random() * 2 ** 48).toString(16)}${clock.now().toString(16)}`;
    const at = seconds(clock.now());
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: object.namespace },
      involvedObject: object,
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    };
    try {
      await this.#patiently(() => client.create(path, event, { fieldManager: component }));
    } catch (error) {
      // The name is nobody else's: an earlier try that got no answer was carried out.
      if (!isConflict(error)) throw error;
    }
    return { path, name, count: 1, toldAt: clock.monotonic() };
  }

  /** Tries again while the API server is away or busy, for as long as the recorder is open; any other answer is final. */
  async #patiently(call: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await call();
        return;
      } catch (error) {
        const patienceMs = patienceWith(error, tries);
        if (patienceMs === undefined || tries === MAX_TRIES || this.#closing.signal.aborted) throw error;
        await delay(this.#options.clock, patienceMs, this.#closing.signal);
      }
    }
  }
}

/** Milliseconds to wait; undefined: another try would get the same answer. */
function patienceWith(error: unknown, tries: number): number | undefined {
  const waitMs = backoffMs(tries - 1, 1000, MAX_PATIENCE_MS);
  if (error instanceof TransportError) return waitMs;
  if (!(error instanceof ApiError)) return undefined;
  if (error.status !== 429 && error.retryAfterMs === undefined) return undefined;
  return Math.min(MAX_PATIENCE_MS, error.retryAfterMs ?? waitMs);
}

/** Puts `key` last in the order of forgetting. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_REMEMBERED) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

function seconds(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}
