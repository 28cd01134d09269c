import type { Device, DeviceKey } from '../api/device.ts';
import { DELETED_LABEL, RECORDED_ANNOTATION, historiesPath } from '../api/history.ts';
import type { HistoryMeta } from '../api/history.ts';
import { delay } from '../base/clock.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Lister } from '../cache/lister.ts';
import { Breath } from '../base/breath.ts';
import type { KubeClient } from '../kube/client.ts';
import { readMark } from './mark.ts';
import type { OpenChanges } from './open-changes.ts';
import type { HistoryPace } from './pace.ts';
import { isOwnedAgainst } from './metadata.ts';
import { isUnavailable } from './reconcile.ts';

export interface SurveyRules {
  /** The namespace that is served; undefined: all. */
  readonly namespace: string | undefined;
  readonly keepsDeleted: boolean;
}

export interface SurveyDeps {
  readonly lister: Lister<Device>;
  readonly client: KubeClient;
  readonly rules: SurveyRules;
  readonly runtime: Runtime;
  readonly pace: HistoryPace;
  readonly open: OpenChanges;
  /** The history of an object is to be looked at; false: it has none. */
  readonly wake: (key: DeviceKey) => boolean;
  /** How many wait for that. */
  readonly backlog: () => number;
}

const PAGE_SIZE = 500;
const RETRY_MS = 30_000;
const MOST_WAITING = 1000;
const LOOK_AGAIN_MS = 1000;

/** Finds the devices whose histories are behind: page by page, of each history its metadata alone, while nothing else waits. */
export class HistorySurvey {
  readonly #deps: SurveyDeps;
  readonly #signal: AbortSignal;
  #isDue = false;
  #isBusy = false;
  #retryAt = 0;

  constructor(deps: SurveyDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Changes may have been made that nobody saw. */
  want(): void {
    this.#isDue = true;
  }

  /** To be called every so often. */
  tick(): void {
    const { lister, runtime } = this.#deps;
    if (!this.#isDue || this.#isBusy || !lister.hasSynced || runtime.clock.monotonic() < this.#retryAt) return;
    this.#isDue = false;
    this.#isBusy = true;
    void this.#run().finally(() => {
      this.#isBusy = false;
    });
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps.runtime;
    try {
      await this.#compareAll();
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#isDue = true;
      this.#retryAt = clock.monotonic() + RETRY_MS;
      // Whoever writes says so: the CRD is missing.
      if (!isUnavailable(error)) log.debug({ err: error }, 'could not look which histories are behind, trying again');
      else this.#wakeOne();
    }
  }

  async #compareAll(): Promise<void> {
    const { lister, client, rules, runtime, pace, wake, backlog } = this.#deps;
    const rest = new Set(lister.keys());
    const breath = new Breath();
    let next: string | undefined;
    do {
      await pace.turn(this.#signal);
      if (this.#signal.aborted) return;
      const query = { limit: PAGE_SIZE, continue: next };
      const page = await client.listMetadata<{ readonly metadata: HistoryMeta }>(
        historiesPath(rules.namespace),
        query,
        this.#signal,
      );
      for (const { metadata } of page.items) {
        await breath.due();
        rest.delete(`${metadata.namespace}/${metadata.name}`);
        this.#compare(metadata);
      }
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
    for (const key of rest) {
      // A fleet that has no histories yet is no reason to hold all of it in a line.
      while (backlog() >= MOST_WAITING && !this.#signal.aborted)
        await delay(runtime.clock, LOOK_AGAIN_MS, this.#signal);
      wake(key);
    }
  }

  #compare(metadata: HistoryMeta): void {
    const { lister, rules, open, wake } = this.#deps;
    const key = `${metadata.namespace}/${metadata.name}`;
    const mark = readMark(metadata.annotations?.[RECORDED_ANNOTATION]);
    if (!lister.has(key)) {
      if (rules.keepsDeleted && metadata.labels?.[DELETED_LABEL] === undefined) void wake(key);
      return;
    }
    const facts = lister.facts(key);
    if (mark?.uid !== facts?.uid || mark?.generation !== facts?.generation) return void wake(key);
    if (isOwnedAgainst(rules, metadata)) return void wake(key);
    const device = mark?.isOpen === true ? lister.get(key) : undefined;
    if (device !== undefined && open.find(key, mark?.messages, device)) wake(key);
  }

  #wakeOne(): void {
    for (const key of this.#deps.lister.keys()) if (this.#deps.wake(key)) return;
  }
}
