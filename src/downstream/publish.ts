import { LeakyBucket } from '../base/leaky-bucket.ts';
import type { Runtime } from '../base/runtime.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { Composed } from '../document/compose.ts';
import { BrokerError } from '../broker/broker.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Wake } from '../twin/wake.ts';
import type { Refusals } from './refusals.ts';

export interface PublisherDeps {
  readonly line: DeviceLine;
  readonly runtime: Runtime;
  readonly wake: Wake;
  /** Milliseconds a published change may wait for the device's answer before Pending is worth a write. */
  readonly settleMs: number;
  readonly refusals: Pick<Refusals, 'publishRefused' | 'accepted'>;
  readonly observer: TwinObserver;
}

/** What the broker cannot take because of its size is tried again this much later; its limit may have been raised. */
const TOO_LARGE_RETRY_MS = 30_000;

/** So many documents at once, and as many a second, are single changes. Above it somebody rolls something out, until a second after the last. */
const SINGLE_CHANGES = 16;
/** How long Pending is not worth a write during a roll-out: the API server's capacity is for whoever makes it, and most devices have answered by then. */
const BULK_SETTLE_MS = 2000;

/** Sends documents to the broker and clears topics, and says what comes of it. */
export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #published = new LeakyBucket(2 * SINGLE_CHANGES, SINGLE_CHANGES);

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  /** Documents go out faster than single changes do, or did a second ago. */
  get isRollingOut(): boolean {
    return this.#published.level(this.#deps.runtime.clock.monotonic()) > SINGLE_CHANGES;
  }

  /** `text`: the payload as the copy keeps it. Undefined when the broker has acknowledged the document. */
  async publish(memory: DeviceMemory, composed: Composed, text: string): Promise<Outcome | undefined> {
    const { line, runtime, wake, refusals, observer } = this.#deps;
    const { clock } = runtime;
    const { broker, topics } = line;
    const startedAt = clock.monotonic();
    advanceCopy(memory, { kind: 'publishBegan', payload: text }, wake);
    try {
      await broker.publish(topics.desired(memory.deviceId), composed.payload, { retain: true, qos: 1 });
    } catch (error) {
      advanceCopy(memory, { kind: 'publishFailed' }, wake);
      return this.#fail(memory, error);
    }
    refusals.accepted(memory.deviceId, 'publish');
    observer.published(clock.monotonic() - startedAt);
    advanceCopy(memory, { kind: 'publishAcked', isStoreProven: broker.findings.isStoreProven }, wake);
    memory.revisions.noteKnown(composed.seenRevision);
    memory.revisions.noteReissued(composed.reissued);
    memory.status.awaitAnswer(clock.monotonic() + this.#settleMs(memory, clock.monotonic()));
    return undefined;
  }

  /** Changes go first: a status write costs the API server more than a change, and the answers to a bulk change save as many writes. */
  #settleMs({ presence }: DeviceMemory, now: number): number {
    this.#published.note(now);
    if (this.#published.level(now) > SINGLE_CHANGES) return BULK_SETTLE_MS;
    return presence.online ? this.#deps.settleMs : 0;
  }

  /** Undefined when the broker has acknowledged all of it. */
  async clear(memory: DeviceMemory, retained: readonly string[]): Promise<Outcome | undefined> {
    try {
      for (const topic of retained) await this.#deps.line.broker.publish(topic, '', { retain: true, qos: 1 });
    } catch (error) {
      return this.#fail(memory, error);
    }
    this.#deps.refusals.accepted(memory.deviceId, 'publish');
    this.#deps.observer.withdrawn(retained.length);
    return undefined;
  }

  #fail(memory: DeviceMemory, error: unknown): Outcome {
    if (!(error instanceof BrokerError)) throw error;
    this.#deps.observer.publishFailed(error.kind);
    // Cut off: nobody knows whether the broker has it. The page after the reconnect tells.
    if (error.kind === 'transient') return this.#deps.line.broker.connected ? { kind: 'requeue', afterMs: 1000 } : DONE;
    if (error.kind === 'tooLarge') {
      advanceCopy(memory, { kind: 'held', problem: { reason: 'TooLarge', message: error.message } }, this.#deps.wake);
      return { kind: 'requeue', afterMs: TOO_LARGE_RETRY_MS };
    }
    this.#deps.refusals.publishRefused(memory.deviceId, error.message);
    advanceCopy(
      memory,
      { kind: 'held', problem: { reason: 'BrokerRefused', message: error.message } },
      this.#deps.wake,
    );
    return DONE;
  }
}
