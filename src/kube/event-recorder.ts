import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import { TokenBucket } from './token-bucket.ts';

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
  /** Events a second, all objects together. */
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
/** The same thing said again within this time is counted on the event that said it first. */
const SAME_WITHIN_MS = 600_000;
/** Objects and events remembered for the two rules above; the oldest are forgotten first. */
const MAX_REMEMBERED = 4096;
const MAX_WAITING = 1000;

/**
 * Writes Kubernetes events for `kubectl describe`. Never blocks and never throws: an event that is one too many, or cannot be
 * written, is dropped and counted.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #global: TokenBucket;
  readonly #perObject = new Map<string, TokenBucket>();
  readonly #told = new Map<string, Told>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #isSending = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#global = new TokenBucket(Math.max(1, options.perSecond * 10), options.perSecond, options.clock.monotonic());
  }

  record(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const now = this.#options.clock.monotonic();
    const isWelcome = this.#bucketOf(object.uid, now).take(now) && this.#global.take(now);
    if (!isWelcome || this.#waiting.length >= MAX_WAITING) {
      this.#options.onDropped?.();
      return;
    }
    this.#waiting.push(() => this.#tell(object, type, reason, message.slice(0, 1024)));
    if (!this.#isSending) void this.#send();
  }

  #bucketOf(uid: string, now: number): TokenBucket {
    const bucket = this.#perObject.get(uid) ?? new TokenBucket(OBJECT_BURST, OBJECT_PER_SECOND, now);
    remember(this.#perObject, uid, bucket);
    return bucket;
  }

  /** One at a time: events must never crowd out status writes. */
  async #send(): Promise<void> {
    this.#isSending = true;
    for (let tell = this.#waiting.shift(); tell !== undefined; tell = this.#waiting.shift()) {
      try {
        await tell();
      } catch (error) {
        this.#options.onDropped?.();
        this.#options.log.debug({ err: error }, 'could not write an event');
      }
    }
    this.#isSending = false;
  }

  async #tell(object: ObjectReference, type: string, reason: string, message: string): Promise<void> {
    const key = JSON.stringify([object.uid, type, reason, message]);
    const told = this.#told.get(key);
    const now = this.#options.clock.monotonic();
    if (told === undefined || now - told.toldAt > SAME_WITHIN_MS || !(await this.#repeat(told))) {
      remember(this.#told, key, await this.#create(object, type, reason, message));
    }
    this.#options.onSent?.(reason);
  }

  /** False when the event that said it first is gone. */
  async #repeat(told: Told): Promise<boolean> {
    const { client, clock, component } = this.#options;
    const body = { count: told.count + 1, lastTimestamp: seconds(clock.now()) };
    try {
      await client.patch(`${told.path}/${told.name}`, 'application/merge-patch+json', body, {
        fieldManager: component,
      });
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
    await client.create(path, event, { fieldManager: component });
    return { path, name, count: 1, toldAt: clock.monotonic() };
  }
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
