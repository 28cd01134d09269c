import { Breath } from '../base/breath.ts';
import type { Logger } from '../base/log.ts';
import type { Cached, Lister } from './lister.ts';
import { Reflector } from './reflector.ts';
import type { Change, ReflectorHandler, ReflectorOptions } from './reflector.ts';
import { keyOf } from './store.ts';
import type { Store } from './store.ts';

/** Hears what a reflector's handler hears; what all is there brings about may take several turns of the event loop. */
export interface Subscriber<T> extends Omit<ReflectorHandler<T>, 'onSynced'> {
  onSynced(): void | Promise<void>;
}

/** What a subscriber needs of an informer. */
export type Informed<T extends Cached> = Pick<Informer<T>, 'lister' | 'relist' | 'subscribe' | 'wrote'>;

/** A cache of one collection that the API server's watch and our own writes keep new, and whoever wants to hear of it. */
export class Informer<T extends Cached> {
  readonly #store: Store<T>;
  readonly #reflector: Reflector<T>;
  readonly #handlers = new Set<Subscriber<T>>();
  /** Handlers that have not heard of all that is held: they are told that it is complete when they have. */
  readonly #catchingUp = new Set<Subscriber<T>>();
  readonly #log: Logger;

  constructor(options: ReflectorOptions<T>) {
    this.#store = options.store;
    this.#log = options.log;
    this.#reflector = new Reflector(options, {
      onChange: (change) => this.#tell(change),
      onSynced: () => {
        for (const handler of this.#handlers) if (!this.#catchingUp.has(handler)) void this.#tellSynced(handler);
      },
    });
  }

  get lister(): Lister<T> {
    return this.#store;
  }

  /** Resolves when `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  /** Makes a LIST soon: somebody has seen that the cache is not what the API server holds. */
  relist(): void {
    this.#reflector.relist();
  }

  /**
   * Tells `handler` of all that is held, then whether that is complete, and of every change until `signal` aborts. Resolves when it has
   * heard all; rejects with what it throws. Many objects take several turns of the event loop, so that the Lease is renewed meanwhile: it
   * may hear of a change to an object, and then once more of the object as it is held.
   */
  async subscribe(handler: Subscriber<T>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#handlers.add(handler);
    this.#catchingUp.add(handler);
    const leave = (): void => {
      this.#handlers.delete(handler);
      this.#catchingUp.delete(handler);
    };
    signal.addEventListener('abort', leave, { once: true });
    const breath = new Breath();
    for (const key of this.#store.keys()) {
      handler.onChange(heldObject(this.#store, key));
      const turn = breath.due();
      if (turn !== undefined) await turn;
      if (signal.aborted) return;
    }
    this.#catchingUp.delete(handler);
    if (this.#store.hasSynced) await handler.onSynced();
  }

  /**
   * Takes the answer to a write of our own, so that the next look does not see an older object.
   *
   * The answer holds the whole object, and with it what others changed a moment before. The watch does not tell that again, because its
   * events are older than the answer then; so it is told here when the generation moved (decision 0012).
   */
  wrote(object: T): void {
    const key = keyOf(object);
    const before = this.#store.facts(key)?.generation;
    const formerly = this.#store.keep(key);
    if (this.#reflector.wrote(object) === undefined) return;
    if (this.#store.facts(key)?.generation === before) {
      for (const handler of this.#handlers) handler.onWritten?.(key, object);
    } else
      this.#tell({
        kind: 'updated',
        key,
        object,
        isGenerationMoved: true,
        source: 'write',
        ...(formerly && { formerly }),
      });
  }

  #tell(change: Change<T>): void {
    this.#tellAll(change.key, (handler) => handler.onChange(change));
  }

  /** The store has it already, so nobody would ever be told again: who fails keeps none of the others from it. */
  #tellAll(what: string, tell: (handler: Subscriber<T>) => void): void {
    for (const handler of this.#handlers) {
      try {
        tell(handler);
      } catch (error) {
        this.#noteFailure(what, error);
      }
    }
  }

  async #tellSynced(handler: Subscriber<T>): Promise<void> {
    try {
      await handler.onSynced();
    } catch (error) {
      this.#noteFailure('synced', error);
    }
  }

  #noteFailure(what: string, error: unknown): void {
    this.#log.error({ what, err: error }, 'somebody failed to take in what the cluster holds; report this as a bug');
  }
}

/** The object is unpacked when somebody asks for it: some want its key alone. */
function heldObject<T extends Cached>(store: Store<T>, key: string): Change<T> {
  return {
    kind: 'added',
    key,
    get object(): T {
      const object = store.get(key);
      if (object === undefined) throw new Error(`${key} is held no more`);
      return object;
    },
    isGenerationMoved: true,
    source: 'held',
  };
}
