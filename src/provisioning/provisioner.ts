import { createHash } from 'node:crypto';
import { API_VERSION, DEVICE_KIND, devicesPath } from '../api/device.ts';
import type { Device } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { LeakyBucket } from '../base/leaky-bucket.ts';
import { parseState } from '../protocol/state-envelope.ts';
import type { StateLimits } from '../protocol/state-envelope.ts';
import type { ParsedTopic } from '../protocol/topics.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import { DelayHeap } from '../workqueue/delay-heap.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { ProvisionResult, TwinObserver } from '../twin/observer.ts';
import type { IsReservedId } from '../twin/reserved-ids.ts';

export interface ProvisionerRules {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly perMinute: number;
  readonly isReserved: IsReservedId;
  readonly limits: StateLimits;
}

export interface ProvisionerDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly client: KubeClient;
  readonly line: DeviceLine;
  readonly rules: ProvisionerRules;
  readonly runtime: Runtime;
  readonly observer: TwinObserver;
}

/** Ids that wait for their turn; more are refused until the next look at the broker's stored state. */
const MAX_WAITING = 10_000;
/** Ids whose documents are looked for with one SUBSCRIBE. */
const BATCH = 100;

/**
 * Makes objects for devices that announce themselves and that no object names, at a limited rate. It only ever creates: an object
 * of the name that is there already is left as it is, and an id for which another owner's document stands at the broker is that
 * owner's (decision 0016).
 */
export class Provisioner {
  readonly #deps: ProvisionerDeps;
  readonly #signal: AbortSignal;
  readonly #bucket: LeakyBucket;
  readonly #waiting = new Set<string>();
  /** Ids that are kept for the namespace of their former object, until then (monotonic ms). */
  readonly #later = new DelayHeap();
  /** Ids of the batch under way for which the broker showed a document. */
  readonly #documented = new Set<string>();
  #isBusy = false;

  constructor(deps: ProvisionerDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    const { perMinute } = deps.rules;
    this.#bucket = new LeakyBucket(perMinute, perMinute / 60);
  }

  /** A state message of an id that no object has; true when it announces a device, which is then provided for unless it takes leave before. */
  announce(deviceId: string, payload: Buffer): boolean {
    const state = parseState(payload, this.#deps.rules.limits);
    if (!state.ok) return false;
    if (!state.value.online) {
      this.#waiting.delete(deviceId);
      this.#later.remove(deviceId);
      return false;
    }
    if (this.#deps.rules.isReserved(deviceId)) {
      this.#deps.observer.provisioned('reserved');
      return true;
    }
    if (this.#waiting.size + this.#later.size >= MAX_WAITING && !this.#waiting.has(deviceId))
      this.#deps.observer.provisioned('limited');
    else this.#waiting.add(deviceId);
    return true;
  }

  /** A retained message of an id that no object has. */
  note({ kind, deviceId }: ParsedTopic, payload: Buffer): void {
    if (this.#isBusy && kind === 'desired' && payload.length > 0) this.#documented.add(deviceId);
  }

  /** Creates what its rate allows; to be called every so often. */
  tick(): void {
    const { lister, line, runtime } = this.#deps;
    for (const deviceId of this.#later.takeDue(runtime.clock.monotonic())) this.#waiting.add(deviceId);
    if (this.#isBusy || this.#waiting.size === 0 || !lister.hasSynced || !line.broker.connected) return;
    if (!this.#bucket.has(runtime.clock.monotonic())) return;
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    this.#isBusy = true;
    void this.#provide(batch).finally(() => {
      this.#isBusy = false;
      this.#documented.clear();
    });
  }

  #takeBatch(): string[] {
    const batch: string[] = [];
    for (const deviceId of this.#waiting) {
      if (batch.length >= BATCH) break;
      this.#waiting.delete(deviceId);
      if (this.#isFree(deviceId)) batch.push(deviceId);
    }
    return batch;
  }

  /** False for an id that has an object, and for one whose former namespace may have it back: its turn comes after that. */
  #isFree(deviceId: string): boolean {
    const { fleet, rules, runtime } = this.#deps;
    if (fleet.get(deviceId) !== undefined || fleet.claimants(deviceId).length > 0) return false;
    const reservedMs = fleet.reservedMs(deviceId, rules.namespace);
    if (reservedMs > 0) this.#later.add(deviceId, runtime.clock.monotonic() + reservedMs);
    return reservedMs === 0;
  }

  async #provide(batch: readonly string[]): Promise<void> {
    const { line, runtime, observer } = this.#deps;
    const { broker, topics } = line;
    const { clock, log } = runtime;
    try {
      // Whoever else serves this broker (another namespace, another cluster) has a document standing for each of its devices.
      await broker.readRetained(batch.map(topics.desired), this.#signal);
    } catch (error) {
      log.debug({ err: error, devices: batch.length }, 'could not look for documents of announced devices');
      for (const deviceId of batch) this.#waiting.add(deviceId);
      return;
    }
    for (const deviceId of batch) {
      if (this.#signal.aborted) return;
      if (!this.#isFree(deviceId)) continue;
      // What is not to be created costs nothing of the rate, or the devices of others would use it up.
      if (this.#documented.has(deviceId)) observer.provisioned('foreign');
      else if (this.#bucket.take(clock.monotonic())) observer.provisioned(await this.#create(deviceId));
      else this.#waiting.add(deviceId);
    }
  }

  async #create(deviceId: string): Promise<ProvisionResult> {
    const { client, rules, runtime, observer } = this.#deps;
    const { namespace, labels } = rules;
    const { log } = runtime;
    const name = objectName(deviceId);
    const body = {
      apiVersion: API_VERSION,
      kind: DEVICE_KIND,
      metadata: { name, namespace, labels },
      spec: { deviceId },
    };
    try {
      const query = { fieldManager: 'mir-provisioner' };
      const device = await client.create<Device>(devicesPath(namespace), body, query, this.#signal);
      log.info({ deviceId, namespace, name }, 'created an object for a device that announced itself');
      const message = `created for device ${deviceId}, which announced itself`;
      observer.happened(device.metadata, [{ type: 'Normal', reason: 'Provisioned', message }]);
      return 'created';
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) {
        log.warn({ deviceId, namespace, name }, 'an object of this name is there already and is left as it is');
        return 'exists';
      }
      // Tried again when the device next announces itself, or its stored birth is next seen.
      log.warn({ err: error, deviceId, namespace, name }, 'could not create an object for an announced device');
      return 'failed';
    }
  }
}

/** Too many digits for anyone to find a second id with the same ones. */
const HASH_DIGITS = 16;
const DERIVED = new RegExp(`-[0-9a-f]{${HASH_DIGITS}}$`);

/**
 * The name of the object for a device: its id where that is a Kubernetes name already, else what is left of it and the beginning of a
 * hash, so that `Pump:1` and `pump_1` never share one. An id that looks like a made name gets a hash too, so that nobody can take another's.
 */
export function objectName(deviceId: string): string {
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(deviceId) && !DERIVED.test(deviceId)) return deviceId;
  const readable = deviceId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  const hash = createHash('sha256').update(deviceId).digest('hex').slice(0, HASH_DIGITS);
  return `${readable === '' ? 'device' : readable}-${hash}`;
}
