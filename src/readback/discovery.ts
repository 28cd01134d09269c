import { devicePath } from '../api/device.ts';
import type { Device } from '../api/device.ts';
import type { Informed } from '../cache/informer.ts';
import { parseStanding } from '../document/standing.ts';
import { isOurs } from '../document/ownership.ts';
import type { OwnershipScope } from '../document/ownership.ts';
import { maySweep } from './sweep.ts';
import type { SweepLimits } from './sweep.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Owner } from '../protocol/envelopes.ts';
import type { JsonLimits } from '../protocol/json.ts';
import type { ParsedTopic } from '../protocol/topics.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Wake } from '../twin/wake.ts';

export interface DiscoveryDeps {
  readonly devices: Informed<Device>;
  readonly fleet: Fleet;
  readonly rules: DiscoveryRules;
  readonly client: KubeClient;
  readonly wake: Wake;
  readonly runtime: Runtime;
  readonly observer: TwinObserver;
}

export interface DiscoveryRules {
  readonly scope: OwnershipScope;
  readonly limits: JsonLimits;
  readonly sweep: SweepLimits;
}

/** A device id, and the object that its document names. */
type Orphan = readonly [deviceId: string, owner: Owner];

/** Objects asked for by name at once. */
const ASKED_AT_ONCE = 8;

/**
 * Finds documents of our own whose object is gone, deleted while nobody was watching, and has them withdrawn. What a wildcard
 * shows and what a LIST lacks are only hints: before anything is cleared, the object that the document names is asked for, and each
 * id is read by an exact filter (decisions 0005 and 0033).
 */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #signal: AbortSignal;
  /** Ids of own documents without an object, and the object that each names. Bounded by the broker's retained documents. */
  #orphans = new Map<string, Owner>();

  constructor(deps: DiscoveryDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** A retained message of an id that no object has. */
  note(topic: ParsedTopic, payload: Buffer): void {
    if (topic.kind !== 'desired' || payload.length === 0 || this.#deps.fleet.get(topic.deviceId) !== undefined) return;
    const document = parseStanding(payload, this.#deps.rules.limits, undefined);
    if (document !== undefined && isOurs(document.owner, this.#deps.rules.scope)) {
      this.#orphans.set(topic.deviceId, document.owner);
    }
  }

  /** The wildcard has shown all it shows, and the cache is complete: what is still without an object is withdrawn. */
  async conclude(): Promise<void> {
    const { fleet, devices, rules, wake, runtime, observer } = this.#deps;
    const { log } = runtime;
    const { lister } = devices;
    const orphans = [...this.#orphans].filter(([deviceId]) => this.#isUnclaimed(deviceId));
    this.#orphans = new Map();
    const isAllowed = maySweep(orphans.length, lister.size, rules.sweep);
    observer.sweepBlocked(isAllowed ? 0 : orphans.length);
    if (!isAllowed) {
      log.error(
        { orphans: orphans.length, devices: lister.size, examples: orphans.slice(0, 5).map(([deviceId]) => deviceId) },
        'stopped a sweep: the broker holds many documents whose objects are gone; check cluster and namespace, then --sweep-confirm',
      );
      // The LIST may lack them: who asks for some of them by name knows, and has it made again.
      const first = Math.floor(runtime.random() * orphans.length);
      await this.#findGone([...orphans.slice(first), ...orphans.slice(0, first)].slice(0, ASKED_AT_ONCE));
      return;
    }
    const gone = (await this.#findGone(orphans)).filter(([deviceId]) => this.#isUnclaimed(deviceId));
    for (const [deviceId, { uid }] of gone) {
      fleet.adopt(deviceId).beginWithdrawal(uid);
      wake.page(deviceId);
    }
    if (gone.length > 0) log.info({ orphans: gone.length }, 'withdrawing documents whose objects are gone');
  }

  #isUnclaimed(deviceId: string): boolean {
    return this.#deps.fleet.claimants(deviceId).length === 0;
  }

  /** Those whose object answers to its name no more. Rejects when that cannot be known. */
  async #findGone(orphans: readonly Orphan[]): Promise<Orphan[]> {
    const { devices, runtime } = this.#deps;
    const gone: Orphan[] = [];
    for (let at = 0; at < orphans.length; at += ASKED_AT_ONCE) {
      const batch = orphans.slice(at, at + ASKED_AT_ONCE);
      const found = await Promise.all(batch.map(([, owner]) => this.isThere(owner)));
      gone.push(...batch.filter((_, index) => found[index] === false));
    }
    if (gone.length < orphans.length) {
      runtime.log.error(
        { objects: orphans.length - gone.length },
        'the list of devices lacks objects that are there: listing again',
      );
      devices.relist();
    }
    return gone;
  }

  /** Whether the object that a document names answers to its name. Rejects when that cannot be known. */
  async isThere({ namespace, name, uid }: Owner): Promise<boolean> {
    try {
      const path = devicePath(`${namespace}/${name}`);
      const { metadata } = await this.#deps.client.get<Device>(path, undefined, this.#signal);
      return metadata.uid === uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}
