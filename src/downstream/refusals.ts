import { backoffMs } from '../base/backoff.ts';
import type { Runtime } from '../base/runtime.ts';
import type { BrokerError } from '../broker/broker.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import { heldProblem } from '../document/broker-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Wake } from '../twin/wake.ts';

/** A broker may refuse the one of all devices, and take the other. */
type Refused = 'page' | 'publish';

export interface RefusalsDeps {
  readonly runtime: Runtime;
  readonly fleet: Fleet;
  readonly wake: Wake;
}

/** Several, because some may be refused for reasons of their own. */
const TRIED_AT_ONCE = 4;
const FIRST_TRY_MS = 1000;
/** So long after its end a refusal that concerns everyone may go unnoticed. */
const LAST_TRY_MS = 4000;
/** What is refused of many for reasons of their own ends for each by itself, and is looked for at this pace. */
const EVERYONE_MS = 30_000;

/**
 * Device ids of which the broker refused something with a reason code. Whether that concerns one (its topic) or all (a quota, access
 * rules) no code says: so a few of them are tried again early, in turn, and the first that is accepted wakes all (decision 0036).
 */
export class Refusals {
  readonly #deps: RefusalsDeps;
  readonly #signal: AbortSignal;
  /** What was refused of each, in the order in which they are tried. Bounded by the number of devices. */
  readonly #waiting = new Map<string, Refused>();
  #tries = 0;
  /** Monotonic milliseconds. */
  #triedEveryoneAt = 0;
  #cancel: (() => void) | undefined;

  constructor(deps: RefusalsDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.clear(), { once: true });
  }

  publishRefused(deviceId: string, reason: string): void {
    this.#note(deviceId, 'publish', reason);
  }

  #note(deviceId: string, refused: Refused, reason: string): void {
    if (this.#waiting.size === 0) {
      this.#tries = 0;
      this.#triedEveryoneAt = this.#deps.runtime.clock.monotonic();
      this.#deps.runtime.log.warn({ deviceId, reason }, 'the broker refuses what the operator asks for');
    }
    this.#waiting.delete(deviceId);
    this.#waiting.set(deviceId, refused);
    this.#schedule();
  }

  /** Without its page nothing is known of what stands there, so nothing is published; the twin says why. */
  pageRefused(memory: DeviceMemory, { message }: BrokerError): void {
    const { fleet, wake } = this.#deps;
    advanceCopy(memory, { kind: 'pageRefused', message }, wake);
    this.#note(memory.deviceId, 'page', message);
    for (const key of fleet.claimants(memory.deviceId)) wake.object(key, 'heartbeat');
  }

  /** The broker took what it had refused of this device, or of none: then this says nothing. */
  accepted(deviceId: string, what: Refused): void {
    if (this.#waiting.get(deviceId) !== what) return;
    this.#waiting.delete(deviceId);
    const others = [...this.#waiting].filter(([, refused]) => refused === what).map(([other]) => other);
    for (const other of others) this.#waiting.delete(other);
    if (this.#waiting.size === 0) this.clear();
    this.#deps.runtime.log.info({ deviceId, others: others.length }, 'the broker takes again what it refused');
    for (const other of others) this.#retry(other);
  }

  /** The connection is gone: after the next one everything is asked for again. */
  clear(): void {
    this.#waiting.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    if (this.#signal.aborted || this.#waiting.size === 0) return;
    this.#cancel ??= this.#deps.runtime.clock.after(backoffMs(this.#tries, FIRST_TRY_MS, LAST_TRY_MS), () => {
      this.#cancel = undefined;
      this.#tries += 1;
      this.#try();
    });
  }

  #try(): void {
    const now = this.#deps.runtime.clock.monotonic();
    const isEveryonesTurn = now - this.#triedEveryoneAt >= EVERYONE_MS;
    if (isEveryonesTurn) this.#triedEveryoneAt = now;
    for (const [deviceId, refused] of [...this.#waiting].slice(0, isEveryonesTurn ? undefined : TRIED_AT_ONCE)) {
      this.#waiting.delete(deviceId);
      if (this.#retry(deviceId)) this.#waiting.set(deviceId, refused);
    }
    this.#schedule();
  }

  /** False: there is nothing to try any more. */
  #retry(deviceId: string): boolean {
    const { fleet, wake } = this.#deps;
    const memory = fleet.get(deviceId);
    // A change that was taken back leaves nothing to try.
    if (memory === undefined || heldProblem(memory.copy)?.reason !== 'BrokerRefused') return false;
    if (memory.copy.isRead) wake.changed(deviceId);
    else wake.page(deviceId);
    return true;
  }
}
