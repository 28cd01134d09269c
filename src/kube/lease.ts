import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { KubeClient } from './client.ts';
import { ApiError, TransportError, isConflict, isNotFound, retryAfterOf } from './errors.ts';

export interface LeaseTimes {
  /** How long others must see no renewal before they take the Lease. */
  readonly durationMs: number;
  /** A leader that has not renewed for so long stops leading; well before others may take over. */
  readonly renewDeadlineMs: number;
  /** Between two renewals, and between two tries to reach an API server that does not answer. */
  readonly retryMs: number;
  /** How often others look at the Lease at least: so much later than `durationMs` they may notice that it has expired. */
  readonly lookMs: number;
  /** A request without an answer is given up after this: the next one takes another connection, maybe to another API server. */
  readonly answerMs: number;
}

const DEFAULT_LEASE_TIMES: LeaseTimes = {
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
  lookMs: 1_000,
  answerMs: 4_000,
};

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export interface ElectionOptions {
  readonly client: KubeClient;
  readonly lease: LeaseName;
  /** Unique per process. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times?: LeaseTimes;
  /** The loop is not stuck. */
  readonly onProgress?: () => void;
  readonly onLeading?: (isLeading: boolean) => void;
}

/** `coordination.k8s.io/v1`, kind Lease, as far as an election needs it. */
interface Lease {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec: LeaseSpec;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/**
 * Runs `lead` whenever this process holds the Lease, until `signal` aborts. `lead` gets a signal that aborts when the Lease is
 * lost or cannot be renewed in time; the Lease is released after it has returned.
 *
 * Another's wall clock is never trusted: a Lease has expired when this process has seen no change of it for its duration.
 */
export async function runElection(
  options: ElectionOptions,
  lead: (term: LeaseTerm) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const election = new Election(options);
  while (!signal.aborted) {
    if (!(await election.acquire(signal))) return;
    await election.hold(lead, signal);
  }
}

export interface LeaseTerm {
  readonly signal: AbortSignal;
  /** Rejects unless the Lease could be renewed just now: to be asked before cutting off whoever else may lead. */
  renewNow(): Promise<void>;
  /** False also in the moment before `signal` aborts: a process that was frozen reads its sockets before its timers fire. */
  isHeld(): boolean;
}

class Election {
  readonly #options: ElectionOptions;
  readonly #times: LeaseTimes;
  /** The Lease as last seen, and when (monotonic) it was first seen so. */
  #seen: Lease | undefined;
  #seenAt = 0;
  #renewedAt = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#times = options.times ?? DEFAULT_LEASE_TIMES;
  }

  /** True when the Lease is held; false when `signal` aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, onProgress, log } = this.#options;
    while (!signal.aborted) {
      onProgress?.();
      const startedAt = clock.monotonic();
      let apartMs = 0;
      try {
        if (await this.#tryAcquire(signal)) return true;
      } catch (error) {
        apartMs = Math.max(this.#times.retryMs, retryAfterOf(error));
        if (!signal.aborted) log.warn({ lease: this.#key(), err: error }, 'cannot acquire the lease, trying again');
      }
      await delay(clock, Math.max(this.#untilNextLook(), apartMs - (clock.monotonic() - startedAt)), signal);
    }
    return false;
  }

  /** At the moment at which the Lease expires unless it is renewed before, and spread, because several look. */
  #untilNextLook(): number {
    const { lookMs } = this.#times;
    const leftMs = this.#durationMs() - (this.#options.clock.monotonic() - this.#seenAt);
    const spreadMs = lookMs * (0.5 + 0.5 * Math.random());
    return leftMs > 0 ? Math.min(Math.ceil(leftMs), spreadMs) : spreadMs;
  }

  async hold(lead: (term: LeaseTerm) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, identity, onLeading } = this.#options;
    const lost = new AbortController();
    const ended = AbortSignal.any([signal, lost.signal]);
    log.info({ lease: this.#key(), identity }, 'leading');
    onLeading?.(true);
    const renewing = this.#keepRenewing(ended, lost);
    const term: LeaseTerm = {
      signal: ended,
      renewNow: () => this.#renew(ended),
      isHeld: () => !ended.aborted && !this.#isOverdue(),
    };
    try {
      await lead(term);
    } finally {
      onLeading?.(false);
      const wasLost = lost.signal.aborted;
      lost.abort();
      await renewing;
      if (!wasLost) await this.#release();
      log.info({ lease: this.#key(), identity }, 'no longer leading');
    }
  }

  async #tryAcquire(signal: AbortSignal): Promise<boolean> {
    await this.#look(signal);
    if (!this.#isFree()) return false;
    try {
      await this.#write(signal);
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    try {
      const lease = await this.#within(this.#times.answerMs, signal, (stop) =>
        client.get<Lease>(this.#path(), undefined, stop),
      );
      if (lease.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion) this.#seenAt = clock.monotonic();
      this.#seen = lease;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#seen = undefined;
    }
  }

  #isFree(): boolean {
    const { holderIdentity } = this.#seen?.spec ?? {};
    if (holderIdentity === undefined || holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    return this.#options.clock.monotonic() - this.#seenAt >= this.#durationMs();
  }

  #durationMs(): number {
    return (this.#seen?.spec.leaseDurationSeconds ?? 0) * 1000 || this.#times.durationMs;
  }

  async #keepRenewing(signal: AbortSignal, lost: AbortController): Promise<void> {
    const { clock, log, onProgress } = this.#options;
    while (!signal.aborted) {
      await delay(clock, this.#times.retryMs, signal);
      if (signal.aborted) return;
      onProgress?.();
      // Asked before the renewal: a process that was frozen for too long has no right to go on, whatever the API server says.
      if (this.#isOverdue()) return lost.abort();
      try {
        await this.#renew(signal);
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ err: error }, 'cannot renew the lease');
        if (isConflict(error) || this.#isOverdue()) return lost.abort();
      }
    }
  }

  #isOverdue(): boolean {
    return this.#options.clock.monotonic() - this.#renewedAt >= this.#times.renewDeadlineMs;
  }

  /** Rejects when the Lease is another's or could not be written before the deadline. */
  async #renew(signal: AbortSignal): Promise<void> {
    const leftMs = Math.max(1, this.#times.renewDeadlineMs - (this.#options.clock.monotonic() - this.#renewedAt));
    await this.#within(leftMs, signal, async (stop) => {
      try {
        await this.#write(stop);
      } catch (error) {
        // Deleted: whoever creates it first holds it, and that is us, unless another was faster.
        if (isNotFound(error)) this.#seen = undefined;
        else await this.#lookWhose(error, stop);
        await this.#write(stop);
      }
    });
  }

  /** What `work` asks of the API server is cancelled when `signal` aborts, and after `ms`. */
  async #within<T>(ms: number, signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const reason = new TransportError(`no answer within ${Math.ceil(ms)} ms`, { isUnanswered: true });
    const cancel = this.#options.clock.after(ms, () => late.abort(reason));
    try {
      return await work(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }

  /** A conflict: written by us in an answer that was lost, or by another. Rejects with `error` unless it is ours. */
  async #lookWhose(error: unknown, signal: AbortSignal): Promise<void> {
    if (!isConflict(error)) throw error;
    await this.#look(signal);
    if (this.#seen !== undefined && this.#seen.spec.holderIdentity !== this.#options.identity) throw error;
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { client, clock, identity, lease: name } = this.#options;
    const startedAt = clock.monotonic();
    const now = microTime(clock.now());
    const before = this.#seen?.spec;
    const isMine = before?.holderIdentity === identity;
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...this.#seen?.metadata, ...name },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#times.durationMs / 1000),
        acquireTime: isMine ? (before.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (before?.leaseTransitions ?? 0) + (isMine || before === undefined ? 0 : 1),
      },
    };
    const isNew = this.#seen === undefined;
    this.#seen = await this.#within(this.#times.answerMs, signal, (stop) =>
      isNew
        ? client.create<Lease>(this.#collection(), lease, undefined, stop)
        : client.replace<Lease>(this.#path(), lease, undefined, stop),
    );
    this.#seenAt = clock.monotonic();
    // From when it was asked, not from when it was answered: others count from the write.
    this.#renewedAt = startedAt;
  }

  /** So that a successor need not wait; best effort, the Lease expires anyway. */
  async #release(): Promise<void> {
    const { client, log } = this.#options;
    if (this.#seen === undefined) return;
    const released: Lease = {
      ...this.#seen,
      spec: { ...this.#seen.spec, holderIdentity: '', leaseDurationSeconds: 1 },
    };
    try {
      this.#seen = await client.replace<Lease>(this.#path(), released, undefined, AbortSignal.timeout(2000));
    } catch (error) {
      if (!(error instanceof ApiError)) log.debug({ err: error }, 'could not release the lease');
    }
  }

  /** For the log. */
  #key(): string {
    const { namespace, name } = this.#options.lease;
    return `${namespace}/${name}`;
  }

  #collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.lease.namespace}/leases`;
  }

  #path(): string {
    return `${this.#collection()}/${this.#options.lease.name}`;
  }
}

/** MicroTime of the Kubernetes API: six digits of a second, and only so. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
