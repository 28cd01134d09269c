import { DEVICE_ID_INDEX } from '../../src/twin/claims.ts';
import { mayForget } from '../../src/readback/sweep-limits.ts';
import { Term } from '../../src/leader/term.ts';
import type { EventSubject, TwinEvent } from '../../src/twin/events.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/load.ts';
import { devicePath, devicesPath } from '../../src/api/device.ts';
import type { Device, DeviceStatus, SyncRecord } from '../../src/api/device.ts';
import type { DeviceHistory } from '../../src/api/history.ts';
import { findCondition } from '../../src/api/conditions.ts';
import type { ConditionType } from '../../src/api/reasons.ts';
import { Informer } from '../../src/cache/informer.ts';
import { Store } from '../../src/cache/store.ts';
import { silentLogger } from '../../src/base/log.ts';
import type { Runtime } from '../../src/base/runtime.ts';
import { createHealth } from '../../src/telemetry/health.ts';
import type { Health } from '../../src/telemetry/health.ts';
import { reflectorHooks } from '../../src/telemetry/hooks.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { DesiredDocument, ReportedEnvelope } from '../../src/protocol/envelopes.ts';
import { encodeDesired } from '../../src/protocol/desired-document.ts';
import { createTopics } from '../../src/protocol/topics.ts';
import { device } from '../gen/device.ts';
import type { DeviceParts } from '../gen/device.ts';
import { FakeBroker } from './fake-broker.ts';
import type { Published } from './fake-broker.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeKube } from './fake-kube.ts';

/** The device and the object that a scenario is about unless it names another one; those of `test/gen/device.ts`. */
const ID = 'sensor-01';
const KEY = 'default/sensor';

/** The operator's user name at the broker. */
export const OPERATOR = 'acme-cloud';

/** The id under which the operator of a bed publishes; that of the documents in `test/gen/device.ts`. */
const CLUSTER = 'c1';

/**
 * One operator without sockets: a cache and a `Term`, the ones of the operator, between a fake API server and a fake broker. Time stands
 * still but in `pass`.
 */
export class TermBed {
  readonly clock: FakeClock;
  readonly kube: FakeKube;
  readonly broker: FakeBroker;
  readonly metrics = createMetrics();
  /** What `/readyz` lists. */
  readonly health: Health;
  /** Controllers that leave an overloaded API server alone, and how often in a row they have. */
  readonly overloads = new Map<string, number>();
  /** `Type Reason` of every event, in order. */
  readonly events: string[] = [];
  /** The same with what they were about and what they said. */
  readonly told: { readonly about: EventSubject; readonly reason: string; readonly message: string }[] = [];
  readonly #topics = createTopics();
  /** Milliseconds that it takes to unpack an object. */
  unpackMs = 0;
  /** How often an object was unpacked. */
  unpacked = 0;
  readonly #store = new CountedStore(() => {
    this.unpacked += 1;
    this.clock.spend(this.unpackMs);
  });
  readonly #runtime: Runtime;
  readonly #stop = new AbortController();
  readonly #stopCache = new AbortController();
  readonly #devices: Informer<Device>;
  readonly #running: Promise<unknown>[];

  /** `kube`: the API server that an operator before it has used. */
  constructor(config: Partial<Config> = {}, kube = new FakeKube(new FakeClock())) {
    this.kube = kube;
    this.clock = kube.clock;
    this.health = createHealth(this.clock);
    this.broker = new FakeBroker(this.clock);
    this.#runtime = { clock: this.clock, log: silentLogger, random: () => 0 };
    // Histories are a matter of their own.
    const complete = { ...defaultConfig(), mqttUsername: OPERATOR, historyLimit: 0, ...config };
    this.#devices = this.#createInformer(complete);
    const term = new Term({
      config: complete,
      names: { cluster: CLUSTER, clientId: 'mir-operator' },
      devices: this.#devices,
      schemas: this.kube.schemas,
      client: this.kube.client,
      broker: this.broker,
      runtime: this.#runtime,
      telemetry: {
        metrics: this.metrics,
        health: this.health,
        overloads: this.overloads,
        recordEvents: (about, events) => this.#note(about, events),
      },
    });
    this.#running = [this.#devices.run(this.#stopCache.signal), term.run(this.#stop.signal)];
  }

  #createInformer(config: Config): Informer<Device> {
    return new Informer<Device>({
      client: this.kube.client,
      collection: { path: devicesPath(), objectPath: devicePath },
      mayForget: mayForget(config),
      store: this.#store,
      hooks: reflectorHooks(this.metrics, 'devices', () => undefined),
      ...this.#runtime,
    });
  }

  #note({ namespace, name, uid }: EventSubject, events: readonly TwinEvent[]): void {
    for (const { type, reason, message } of events) {
      this.events.push(`${type} ${reason}`);
      this.told.push({ about: { namespace, name, uid }, reason, message });
    }
  }

  /** Lets time pass, and everything happen that falls due. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    // What is due at this very moment may take more turns than the clock waits for.
    await this.clock.advance(0);
  }

  /** Lets time pass until `isReached`, in steps; throws when that takes longer than `withinMs`. */
  async until(isReached: () => boolean, withinMs: number): Promise<void> {
    const deadline = this.clock.monotonic() + withinMs;
    while (!isReached()) {
      if (this.clock.monotonic() >= deadline)
        throw new Error(`not reached within ${withinMs} ms: ${isReached.toString()}`);
      await this.pass(250);
    }
  }

  /** A person applies an object; what `parts` leave out is as in `test/gen/device.ts`. */
  apply(parts: DeviceParts = {}): void {
    this.kube.apply(device(parts));
  }

  /** The device publishes its state. */
  says(state: object, id = ID): void {
    this.broker.hear(this.#topics.state(id), JSON.stringify(state));
  }

  /** The device reports one message. */
  reports(message: string, envelope: ReportedEnvelope, id = ID): void {
    this.broker.hear(this.#topics.reported(id, message), JSON.stringify(envelope));
  }

  beats(id = ID): void {
    this.broker.hear(this.#topics.heartbeat(id), '', false);
  }

  /** Puts a document into the broker's store, as if it had stood there all along. */
  holds(document: DesiredDocument, id = ID): void {
    this.broker.keep(this.#topics.desired(id), encodeDesired(document));
  }

  /** The documents that were published for a device, withdrawals left out. */
  documents(id = ID): DesiredDocument[] {
    return this.#sent(this.#topics.desired(id))
      .filter(({ payload }) => payload !== '')
      .map(({ payload }) => JSON.parse(payload) as DesiredDocument);
  }

  /** The document that stands at the broker. */
  document(id = ID): DesiredDocument | undefined {
    const kept = this.broker.kept(this.#topics.desired(id));
    return kept === undefined ? undefined : (JSON.parse(kept) as DesiredDocument);
  }

  #sent(topic: string): Published[] {
    return this.broker.published.filter((one) => one.topic === topic);
  }

  history(key = KEY): DeviceHistory | undefined {
    return this.kube.histories.read(key);
  }

  object(key = KEY): Device | undefined {
    return this.kube.read(key);
  }

  status(key = KEY): DeviceStatus {
    return this.kube.read(key)?.status ?? {};
  }

  sync(message: string, key = KEY): SyncRecord | undefined {
    return this.status(key).sync?.[message];
  }

  /** `Status/Reason` of a condition, or `absent`. */
  condition(type: ConditionType, key = KEY): string {
    const found = findCondition(this.status(key).conditions, type);
    return found === undefined ? 'absent' : `${found.status}/${found.reason}`;
  }

  async badInput(reason: string): Promise<number> {
    const { values } = await this.metrics.badInput.get();
    return values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
  }

  /** The Lease is lost: the term ends, and with it the connection. Idempotent. */
  async end(): Promise<void> {
    this.#stop.abort();
    this.#stopCache.abort();
    await Promise.all(this.#running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

class CountedStore extends Store<Device> {
  readonly #onUnpack: () => void;

  constructor(onUnpack: () => void) {
    super({ indexes: { [DEVICE_ID_INDEX]: ({ spec }) => [spec.deviceId] } });
    this.#onUnpack = onUnpack;
  }

  override get(key: string): Device | undefined {
    this.#onUnpack();
    return super.get(key);
  }
}

/** A bed whose broker is connected and whose first LIST is complete. */
export async function startTerm(devices: readonly Device[] = [], config: Partial<Config> = {}): Promise<TermBed> {
  const bed = new TermBed(config);
  for (const object of devices) bed.kube.apply(object);
  bed.broker.connect();
  await bed.pass(0);
  return bed;
}

function defaultConfig(): Config {
  const result = loadConfig([], {});
  if (result.kind !== 'run') throw new Error('the defaults are not a configuration');
  return result.config;
}
