import type { Runtime } from '../base/runtime.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import { isOurs } from '../document/ownership.ts';
import type { OwnershipScope } from '../document/ownership.ts';
import type { StandingDocument } from '../document/standing.ts';
import { ApiError, retryAfterOf } from '../kube/errors.ts';
import type { Owner } from '../protocol/envelopes.ts';
import type { Topics } from '../protocol/topics.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { ObjectIntake } from '../twin/object-intake.ts';
import type { Twins } from '../twin/twins.ts';
import type { Wake } from '../twin/wake.ts';
import type { Withdrawal } from '../twin/withdrawal.ts';
import type { Publisher } from './publish.ts';

/** Milliseconds before an object is asked for again that the API server said nothing of. */
const ASK_AGAIN_MS = 2000;

export interface WithdrawerDeps {
  readonly twins: Pick<Twins, 'devices' | 'fleet'>;
  readonly intake: ObjectIntake;
  readonly topics: Topics;
  readonly scope: OwnershipScope;
  readonly runtime: Runtime;
  readonly wake: Wake;
  readonly publisher: Publisher;
  readonly objects: {
    /** Whether the object that a document names answers to its name. */
    isThere(owner: Owner): Promise<boolean>;
  };
}

/** A device that goes on storing reports keeps its id's document for so many pages, and no longer. */
const MOST_CLEARINGS = 3;
/** Takes out of the broker's store what belongs to an id without an object. */
export class Withdrawer {
  readonly #deps: WithdrawerDeps;

  constructor(deps: WithdrawerDeps) {
    this.#deps = deps;
  }

  /**
   * Clears every retained topic of an id whose object is gone, after a page has shown which there are. The document goes last: while
   * it stands, a withdrawal that was cut short is found and finished after the next connect. It goes only when a page has shown no
   * report together with it, because some brokers look up what they store after the end of a page (decision 0058).
   */
  async withdraw(memory: DeviceMemory, copy: StandingDocument | undefined): Promise<Outcome> {
    const { topics, scope, publisher } = this.#deps;
    const id = memory.deviceId;
    if (copy !== undefined && !isOurs(copy.owner, scope)) return this.#depart(memory);
    const { withdrawal } = memory;
    if (withdrawal === undefined) return DONE;
    if (copy !== undefined && !withdrawal.isGone(copy.owner.uid)) return this.#confirmGone(withdrawal, copy.owner);
    const { reports, clearings } = withdrawal;
    const isShownBare = clearings > 0 && reports.length === 0;
    const isLast = isShownBare || clearings === MOST_CLEARINGS;
    const failed = await publisher.clear(memory, isLast ? [topics.desired(id)] : [...reports, topics.state(id)]);
    if (failed !== undefined) return failed;
    if (memory.owner !== undefined) this.#reread(memory);
    else if (isLast) this.#depart(memory);
    else {
      withdrawal.noteCleared();
      advanceCopy(memory, { kind: 'outdated' }, this.#deps.wake);
    }
    return DONE;
  }

  /** That the cache lacks an object which only a document names is a hint: it is asked for by name before anything is cleared. */
  async #confirmGone(withdrawal: Withdrawal, owner: Owner): Promise<Outcome> {
    const { twins, objects, runtime } = this.#deps;
    const isThere = await objects.isThere(owner).catch(retryOf);
    if (typeof isThere !== 'boolean') return isThere;
    if (!isThere) {
      withdrawal.noteGone(owner.uid);
      return { kind: 'requeue', afterMs: 0 };
    }
    runtime.log.error({ owner }, 'the list of devices lacks an object that is there: listing again');
    twins.devices.relist();
    return DONE;
  }

  /** Whoever waits for the id in another namespace gets its turn. */
  #depart(memory: DeviceMemory): Outcome {
    const { twins, intake } = this.#deps;
    twins.fleet.depart(memory);
    intake.refreshOwner(memory.deviceId);
    return DONE;
  }

  /** An object came for the id while its predecessor's topics were being cleared. */
  #reread(memory: DeviceMemory): void {
    memory.stateGap.noteCleared();
    advanceCopy(memory, { kind: 'withdrawn' }, this.#deps.wake);
  }
}

/** The API server's word about one object holds up no document of others, which only the broker has to take. */
function retryOf(error: unknown): Outcome {
  if (!(error instanceof ApiError)) throw error;
  return { kind: 'requeue', afterMs: Math.max(retryAfterOf(error), ASK_AGAIN_MS) };
}
