import type { Runtime } from '../base/runtime.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import type { Discovery } from './discovery.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Wake } from '../twin/wake.ts';
import type { PageReader } from './page-reader.ts';

export interface ResyncRules {
  /** Between two full comparisons; each is moved by up to a tenth. */
  readonly minutes: number;
  /** Births that were sent while nobody listened, and that nothing but the retained state tells of, are wanted too. */
  readonly looksForBirths: boolean;
}

export interface ResyncDeps {
  readonly line: DeviceLine;
  readonly fleet: Fleet;
  readonly wake: Wake;
  readonly discovery: Discovery;
  readonly pages: Pick<PageReader, 'waiting'>;
  readonly queues: { readonly isPublishingNothing: boolean };
  readonly rules: ResyncRules;
  readonly runtime: Runtime;
}

/** Pause after a discovery that failed while the connection stood: a broker may refuse it for good, and must not be asked without pause. */
const DISCOVERY_RETRY_MS = 5000;

/** Says when everything at the broker is to be looked at again, and when the documents of unknown devices are to be looked for. */
export class Resync {
  readonly #deps: ResyncDeps;
  readonly #signal: AbortSignal;
  #resyncAt = Number.POSITIVE_INFINITY;
  /** Monotonic milliseconds at which unknown devices are looked for; infinite: that has been done. */
  #discoverAt = Number.POSITIVE_INFINITY;

  constructor(deps: ResyncDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** The broker is connected. Other rooms read every device now; this class does it again in regular intervals. */
  onConnected(): void {
    this.discoverSoon();
    this.#schedule();
  }

  discoverSoon(): void {
    if (this.#deps.line.broker.connected) this.#discoverAt = 0;
  }

  /** To be called every so often; `hasSynced`: absence in the cache means absence. */
  tick(hasSynced: boolean): void {
    const now = this.#deps.runtime.clock.monotonic();
    if (now >= this.#discoverAt && hasSynced && this.#isCalm) this.#discover();
    if (now >= this.#resyncAt) this.#resync();
  }

  /** A wildcard fills the broker's queue for us, and a broker whose queue is full may drop answers to us as well. */
  get #isCalm(): boolean {
    const { pages, queues } = this.#deps;
    return pages.waiting === 0 && queues.isPublishingNothing;
  }

  /** Wildcards over what is stored of devices that nobody asked for. */
  get #filters(): readonly string[] {
    const { line, rules } = this.#deps;
    const { broker, topics } = line;
    if (!broker.findings.matchesParentLevel) return [topics.discoveryByLevel];
    return rules.looksForBirths ? [topics.discovery, topics.births] : [topics.discovery];
  }

  /** Compares the cluster with the broker's copy again, as after a connect, without believing the retained state. */
  #resync(): void {
    const { line, fleet, wake } = this.#deps;
    if (!line.broker.connected) return;
    for (const memory of fleet.all()) wake.page(memory.deviceId);
    this.onConnected();
  }

  #schedule(): void {
    const { rules, runtime } = this.#deps;
    const { clock, random } = runtime;
    this.#resyncAt = clock.monotonic() + rules.minutes * 60_000 * (0.9 + 0.2 * random());
  }

  #discover(): void {
    const { line, discovery, runtime } = this.#deps;
    const { clock, log } = runtime;
    if (!line.broker.connected) return;
    this.#discoverAt = Number.POSITIVE_INFINITY;
    line.broker
      .readRetained(this.#filters, this.#signal, { qos: 0 })
      .then(() => discovery.conclude())
      .catch((error: unknown) => {
        log.debug({ err: error }, 'the discovery of stored documents broke off');
        // A reconnect, which asks at once, may have come in between.
        this.#discoverAt = Math.min(this.#discoverAt, clock.monotonic() + DISCOVERY_RETRY_MS);
      });
  }
}
