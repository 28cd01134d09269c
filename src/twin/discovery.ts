import type { Device } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import { parseStanding } from '../downstream/standing.ts';
import { isOurs } from '../downstream/ownership.ts';
import type { Realm } from '../downstream/ownership.ts';
import { maySweep } from '../downstream/sweep.ts';
import type { SweepLimits } from '../downstream/sweep.ts';
import type { Logger } from '../log.ts';
import type { JsonLimits } from '../protocol/json.ts';
import type { ParsedTopic } from '../protocol/topics.ts';
import type { Fleet } from './fleet.ts';
import type { Wake } from './wake.ts';

export interface DiscoveryDeps {
  readonly fleet: Fleet;
  readonly lister: Lister<Device>;
  readonly realm: Realm;
  readonly limits: JsonLimits;
  readonly sweep: SweepLimits;
  readonly wake: Wake;
  readonly log: Logger;
  /** Documents that wait for a person to confirm their withdrawal; 0: none. */
  readonly onBlocked: (documents: number) => void;
}

/**
 * Finds documents of our own whose object is gone, deleted while nobody was watching, and has them withdrawn. What a wildcard
 * shows is only a hint: before anything is cleared, each id is read by an exact filter.
 */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  /** Ids of own documents without an object. Bounded by the broker's retained documents. */
  #orphans = new Set<string>();

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  /** A retained message of an id that no object has. */
  note(topic: ParsedTopic, payload: Buffer): void {
    if (topic.kind !== 'desired' || payload.length === 0 || this.#deps.fleet.get(topic.deviceId) !== undefined) return;
    const document = parseStanding(payload, this.#deps.limits, undefined);
    if (document !== undefined && isOurs(document.owner, this.#deps.realm)) this.#orphans.add(topic.deviceId);
  }

  /** The wildcard has shown all it shows, and the cache is complete: what is still without an object is withdrawn. */
  conclude(): void {
    const { fleet, lister, sweep, wake, log, onBlocked } = this.#deps;
    const orphans = [...this.#orphans].filter((deviceId) => fleet.claimants(deviceId).length === 0);
    this.#orphans = new Set();
    const isAllowed = maySweep(orphans.length, lister.size, sweep);
    onBlocked(isAllowed ? 0 : orphans.length);
    if (!isAllowed) {
      log.error(
        { orphans: orphans.length, devices: lister.size, examples: orphans.slice(0, 5) },
        'stopped a sweep: the broker holds many documents whose objects are gone; check cluster and namespace, then --sweep-confirm',
      );
      return;
    }
    for (const deviceId of orphans) {
      fleet.adopt(deviceId).orphanedReports = new Set();
      wake.page(deviceId);
    }
    if (orphans.length > 0) log.info({ orphans: orphans.length }, 'withdrawing documents whose objects are gone');
  }
}
