import type { Runtime } from '../base/runtime.ts';
import { Concurrency } from '../controller/concurrency.ts';
import type { ConcurrencyRange } from '../controller/concurrency.ts';
import { runController } from '../controller/controller.ts';
import type { Reconciler } from '../controller/controller.ts';
import { mostStatusWrites } from '../status/patch.ts';
import { controllerHooks, queueHooks, watchQueue } from '../telemetry/hooks.ts';
import type { Telemetry } from '../telemetry/hooks.ts';
import { WorkQueue } from '../workqueue/queue.ts';

/** Publishes wait for the broker and cost little: enough to keep a whole window of them in flight. */
const PUBLISHES: ConcurrencyRange = { least: 256, most: 256 };
/** Status writes in flight at the start. Four keep two cores of an API server busy (measured); the controller adapts the number to the load. */
const STATUS_WRITES: ConcurrencyRange = { least: 4, most: 16 };
const SCHEMA_WRITES: ConcurrencyRange = { least: 1, most: 1 };
const HISTORY_WRITES: ConcurrencyRange = { least: 1, most: 1 };

/** What works off each queue: keyed by device id, by object, by the name of a schema, and by object. */
export interface Reconcilers {
  readonly desired: Reconciler;
  readonly status: Reconciler;
  readonly schema: Reconciler;
  /** Undefined: no histories are kept. */
  readonly history: Reconciler | undefined;
}

/** The queues of a term, one for documents and one for statuses among them (decision 0004), and the controllers that work them off. */
export class Queues {
  readonly desired: WorkQueue;
  readonly status: WorkQueue;
  readonly schema: WorkQueue;
  readonly history: WorkQueue;
  readonly #statusPlaces: Concurrency;
  readonly #runtime: Runtime;
  readonly #telemetry: Telemetry;

  constructor(runtime: Runtime, telemetry: Telemetry) {
    this.#runtime = runtime;
    this.#telemetry = telemetry;
    this.#statusPlaces = new Concurrency(STATUS_WRITES, runtime.clock);
    this.desired = this.#createQueue('desired');
    this.status = this.#createQueue('status', mostStatusWrites(this.#statusPlaces));
    this.schema = this.#createQueue('schema');
    this.history = this.#createQueue('history');
  }

  /** No change waits for the broker, or for its turn. */
  get isPublishingNothing(): boolean {
    return this.desired.length === 0 && this.desired.working === 0;
  }

  /** Nothing but histories waits for broker or API server. */
  get isCalm(): boolean {
    return this.isPublishingNothing && this.status.length === 0 && !this.#statusPlaces.isCrowded;
  }

  /** Works until `signal` aborts; resolves when all work is put down. */
  async run(reconcilers: Reconcilers, signal: AbortSignal): Promise<void> {
    const { desired, status, schema, history } = this;
    const queues = { desired, status, schema, ...(reconcilers.history && { history }) };
    for (const [name, queue] of Object.entries(queues)) {
      watchQueue(this.#telemetry.metrics, name, queue, signal);
      signal.addEventListener('abort', () => queue.shutDown(), { once: true });
    }
    const { clock } = this.#runtime;
    await Promise.all([
      this.#control('desired', this.desired, new Concurrency(PUBLISHES, clock), reconcilers.desired, signal),
      this.#control('status', this.status, this.#statusPlaces, reconcilers.status, signal),
      this.#control('schema', this.schema, new Concurrency(SCHEMA_WRITES, clock), reconcilers.schema, signal),
      reconcilers.history &&
        this.#control('history', history, new Concurrency(HISTORY_WRITES, clock), reconcilers.history, signal),
    ]);
  }

  #createQueue(name: string, mostAtOnce?: (priority: number) => number): WorkQueue {
    const { clock, random } = this.#runtime;
    const hooks = queueHooks(this.#telemetry.metrics, name);
    return new WorkQueue({ clock, hooks, backoff: { random }, ...(mostAtOnce && { mostAtOnce }) });
  }

  #control(
    name: string,
    queue: WorkQueue,
    places: Concurrency,
    reconciler: Reconciler,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#runtime;
    const hooks = controllerHooks(this.#telemetry, name);
    return runController({ name, queue, places, reconciler, clock, log, hooks }, signal);
  }
}
