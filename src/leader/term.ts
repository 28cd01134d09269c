import type { Device, DeviceKey } from '../api/device.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Informed } from '../cache/informer.ts';
import type { Lister } from '../cache/lister.ts';
import type { Change } from '../cache/reflector.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/load.ts';
import type { OwnershipScope } from '../document/ownership.ts';
import type { KubeClient } from '../kube/client.ts';
import { HeartbeatBudget } from '../liveness/heartbeat-budget.ts';
import { onReconnect } from '../twin/presence.ts';
import { ReadingClock } from '../liveness/reading-clock.ts';
import type { Logger } from '../base/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Broker, BrokerError, BrokerHandlers, IncomingMessage, OversizedMessage } from '../mqtt/broker.ts';
import { harmless } from '../protocol/text.ts';
import type { Topics } from '../protocol/topics.ts';
import { ReportGate } from '../upstream/report-gate.ts';
import { ReportRequests } from '../upstream/report-requests.ts';
import { PresenceWatch } from '../liveness/presence-watch.ts';
import { namespaceOf } from '../twin/claims.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { CopyEvent } from '../twin/broker-copy.ts';
import { heldProblem } from '../twin/broker-copy.ts';
import { DesiredReconciler } from '../downstream/reconcile.ts';
import { Departed } from '../twin/departed.ts';
import { Discovery } from '../readback/discovery.ts';
import { subjectOf } from '../twin/events.ts';
import type { EventSink } from '../twin/events.ts';
import { Fleet } from '../twin/fleet.ts';
import { PageReader } from '../readback/page-reader.ts';
import { Provisioner } from '../provisioning/provisioner.ts';
import { Refusals } from '../downstream/refusals.ts';
import { reservedIds } from '../twin/reserved-ids.ts';
import { Resync } from '../readback/resync.ts';
import { Receiver } from '../upstream/receiver.ts';
import { SchemaCollector } from '../schema-registry/collector.ts';
import { SchemaReconciler } from '../schema-registry/reconcile.ts';
import { Schemas } from '../schema-registry/registry.ts';
import { WRITE_PRIORITY } from '../twin/write-class.ts';
import { StateRequests } from '../upstream/state-requests.ts';
import { StatusReconciler } from '../status/reconcile.ts';
import { sweepLimits } from '../readback/sweep-limits.ts';
import type { Typing } from '../twin/schema-state.ts';
import type { BadInputSink, Wake } from '../twin/wake.ts';

/** What a term needs of a queue; the workqueue has more. */
export interface KeyQueue {
  /** Keys that wait to be taken. */
  readonly length: number;
  add(key: string, priority?: number): void;
  addAfter(key: string, delayMs: number, priority?: number): void;
}

export interface TermDeps {
  readonly config: Config;
  readonly scope: OwnershipScope;
  readonly topics: Topics;
  readonly devices: Informed<Device>;
  readonly schemas: Pick<Informed<SchemaObject>, 'lister' | 'subscribe'>;
  /** Names that the operator has at the broker: no device may have them. */
  readonly ownNames: readonly (string | undefined)[];
  readonly client: KubeClient;
  readonly broker: Broker;
  readonly desiredQueue: KeyQueue;
  readonly statusQueue: KeyQueue;
  readonly schemaQueue: KeyQueue;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly onEvents: EventSink;
  /** The time-driven loop has turned. */
  readonly onTick: () => void;
}

const TICK_MS = 250;
/** Births and farewells of one device that are read in a second: a device that comes back says two or three. */
const STATES_PER_SECOND = 10;
/** A broker away for longer is worth telling on objects whose change waits for it. */
const BROKER_DOWN_MS = 10_000;

/**
 * One term of leadership: everything between the cache on the one side and the broker on the other, alive from winning the Lease
 * to losing it. Nothing of it survives the term, and nothing has to: cluster and broker hold it all.
 */
export class Term implements BrokerHandlers {
  readonly desired: DesiredReconciler;
  readonly status: StatusReconciler;
  readonly schemas: Schemas;
  readonly schemaObjects: SchemaReconciler;
  readonly #deps: TermDeps;
  readonly #lister: Lister<Device>;
  readonly #signal: AbortSignal;
  readonly #reading: ReadingClock;
  readonly #heartbeats: HeartbeatBudget;
  readonly #requests = new ReportRequests();
  readonly #stateRequests = new StateRequests();
  readonly #presenceWatch: PresenceWatch;
  readonly #fleet: Fleet;
  readonly #wake: Wake;
  readonly #pages: PageReader;
  readonly #receiver: Receiver;
  readonly #refusals: Refusals;
  readonly #resync: Resync;
  /** Undefined while only one namespace is watched: whether others use a schema cannot be known. */
  readonly #collector: SchemaCollector | undefined;
  /** Undefined unless configured. */
  readonly #provisioner: Provisioner | undefined;
  #brokerLostAt: number;
  #isBrokerDown = false;
  #hasConnected = false;
  #tickedAt: number;

  constructor(deps: TermDeps, signal: AbortSignal) {
    const { config, clock, broker, topics, scope, log, metrics } = deps;
    const { lister } = deps.devices;
    this.#deps = deps;
    this.#lister = lister;
    this.#signal = signal;
    this.#brokerLostAt = clock.monotonic();
    this.#tickedAt = clock.monotonic();
    this.#reading = new ReadingClock(clock, TICK_MS);
    this.#heartbeats = new HeartbeatBudget(config.heartbeatWritesPerSecond);
    this.#presenceWatch = new PresenceWatch(config, clock, this.#reading);
    this.#fleet = new Fleet(lister, this.#presenceWatch, new Departed(clock, config.takeoverGraceSeconds * 1000));
    const wake = this.#createWake();
    this.#wake = wake;
    const limits = {
      maxPayloadBytes: config.maxDocumentBytes,
      maxNesting: config.maxNesting,
      maxTopicBytes: config.maxTopicBytes,
      maxReports: config.maxMessagesPerDevice,
      maxMessages: config.maxMessagesPerDevice,
    };
    const { client } = deps;
    const schemas = deps.schemas.lister;
    const isReserved = reservedIds(deps.ownNames);
    const shared = {
      lister,
      schemas,
      client,
      broker,
      fleet: this.#fleet,
      topics,
      limits,
      clock,
      wake,
      log,
      isReserved,
    };
    this.schemas = new Schemas(
      {
        ...shared,
        maxSchemas: config.maxSchemas,
        onBadInput: this.#onBadInput,
        release: (name) => {
          if (lister.hasSynced) this.#collector?.release(name);
        },
        onObject: (name) => deps.schemaQueue.add(name),
      },
      signal,
    );
    this.schemaObjects = new SchemaReconciler({ ...shared, library: this.schemas.library });
    if (config.namespace === undefined) {
      const graceMs = config.schemaGraceHours * 3_600_000;
      this.#collector = new SchemaCollector({ ...shared, memories: () => this.#fleet.all(), graceMs }, signal);
    }
    this.#refusals = new Refusals({ clock, log, retry: (deviceId) => this.#retryRefused(deviceId) }, signal);
    const typingOf = (memory: DeviceMemory): Typing => this.schemas.typingOf(memory);
    this.#pages = new PageReader(
      {
        ...shared,
        pageSize: config.pageSize,
        concurrency: config.pageConcurrency,
        onPage: (result) => metrics.pagesRead.inc({ result }),
        onRead: (memory) => {
          this.#refusals.accepted(memory.deviceId);
          advanceCopy(memory, this.#pageEnded(memory), wake);
          if (memory.copy.isRead) memory.retained.noteRead();
          const { gap } = memory.retained;
          if (gap !== 'none') this.#stateRequests.add(memory.deviceId, gap === 'cleared', clock.monotonic());
        },
        onRefused: this.#onPageRefused,
      },
      signal,
    );
    const discovery = new Discovery(
      {
        ...shared,
        scope,
        sweep: sweepLimits(config),
        relist: () => deps.devices.relist(),
        onBlocked: (documents) => metrics.sweepBlocked.set(documents),
      },
      signal,
    );
    this.#receiver = new Receiver({
      ...shared,
      schemas: this.schemas,
      rules: config,
      reading: this.#reading,
      heartbeats: this.#heartbeats,
      requests: this.#requests,
      gate: new ReportGate(config.maxReportsPerSecond, config.maxMessagesPerDevice),
      stateGate: new ReportGate(STATES_PER_SECOND, 1),
      onBadInput: this.#onBadInput,
      count: (kind) => (kind === 'report' ? metrics.reports : metrics.heartbeats).inc(),
      announce: (deviceId, payload) => this.#provisioner?.announce(deviceId, payload) ?? false,
      onUnknown: (topic, payload) => {
        discovery.note(topic, payload);
        if (topic.kind === 'desired' && payload.length > 0) this.#provisioner?.noteDocument(topic.deviceId);
      },
    });
    const { provisionNamespace, provisionLabels, provisionPerMinute } = config;
    if (provisionNamespace !== undefined) {
      this.#provisioner = new Provisioner(
        {
          ...shared,
          namespace: provisionNamespace,
          labels: Object.fromEntries(provisionLabels.map((label) => label.split('=', 2))),
          perMinute: provisionPerMinute,
          onResult: (result) => metrics.provisioned.inc({ result }),
          onEvents: deps.onEvents,
        },
        signal,
      );
    }
    this.desired = new DesiredReconciler({
      ...shared,
      typingOf,
      refresh: (deviceId) => this.#refreshOwner(deviceId),
      isThere: (owner) => discovery.isThere(owner),
      relist: () => deps.devices.relist(),
      scope,
      settleMs: config.settleMs,
      refusals: this.#refusals,
      onPublished: (durationMs) => {
        metrics.desiredPublished.inc();
        metrics.publishDuration.observe(durationMs / 1000);
      },
      onPublishError: (kind) => metrics.publishErrors.inc({ kind }),
      onWithdrawn: (cleared) => metrics.desiredWithdrawn.inc(cleared),
    });
    this.#resync = new Resync(
      {
        ...shared,
        pages: this.#pages,
        discovery,
        // Births that were sent while nobody listened are only in the retained state.
        filters: () => {
          if (!broker.findings.matchesParentLevel) return [topics.discoveryByLevel];
          return this.#provisioner === undefined ? [topics.discovery] : [topics.discovery, topics.births];
        },
        minutes: config.resyncMinutes,
        // A wildcard fills the broker's queue for us, and a broker whose queue is full may drop answers to us as well.
        isCalm: () => this.#pages.waiting === 0 && this.desired.publishing === 0,
      },
      signal,
    );
    this.status = new StatusReconciler({
      ...shared,
      typingOf,
      observe: (device) => deps.devices.wrote(device),
      isRollingOut: () => this.desired.isRollingOut,
      brokerHealth: () => (broker.connected ? 'up' : this.#isBrokerDown ? 'down' : 'briefly-down'),
      reportedIntervalMs: config.statusWriteIntervalSeconds * 1000,
      onWrite: (writeClass, reports, oldestReportAt) => {
        metrics.statusWrites.inc({ class: writeClass });
        if (reports > 1) metrics.statusWritesCoalesced.inc(reports - 1);
        if (oldestReportAt !== undefined) metrics.reportLag.observe(Math.max(0, clock.now() - oldestReportAt) / 1000);
      },
      onWriteError: (code) => metrics.statusWriteErrors.inc({ code: code === 0 ? '<error>' : String(code) }),
      onEvents: deps.onEvents,
      onBadInput: this.#onBadInput,
      onHeartbeatWritten: (deviceId) => this.#heartbeats.remove(deviceId),
    });
  }

  /** Resolves when the term's signal aborts. */
  async run(): Promise<void> {
    const { devices, schemas, clock } = this.#deps;
    devices.subscribe(
      { onChange: (change) => this.#take(change), onSynced: () => this.#onDevicesSynced() },
      this.#signal,
    );
    schemas.subscribe(this.schemas, this.#signal);
    this.#resync.discoverSoon();
    while (!this.#signal.aborted) {
      await delay(clock, TICK_MS, this.#signal);
      this.#tick();
    }
  }

  /** From now on absence means absence, and what waited for that goes on. */
  #onDevicesSynced(): void {
    for (const memory of this.#fleet.all()) {
      this.#deps.desiredQueue.add(memory.deviceId);
      this.#wakeStatus(this.#fleet.claimants(memory.deviceId), memory, true);
    }
    this.#resync.discoverSoon();
  }

  #take({ key, object, isGenerationMoved, source, former }: Change<Device>): void {
    const { deviceId } = object.spec;
    // The object may have come while nobody led or watched.
    const isUnwatched = source === 'held' || source === 'list';
    const { memory, isNewOwner, mustRead } = this.#fleet.refresh(deviceId, isUnwatched);
    if (memory === undefined) return this.#keepWaiting(key, deviceId);
    if (former !== undefined && key === memory.owner)
      memory.status.noteStrange({ formerStatus: former.status, version: object.metadata.resourceVersion });
    // In a cluster that was restored from a backup, the status has lost what the device has reported since.
    if (mustRead || source === 'list') this.#readAnew(memory);
    if (isGenerationMoved) {
      advanceCopy(memory, { kind: 'desiredChanged' }, this.#wake);
      this.#deps.desiredQueue.add(deviceId);
    }
    this.#wakeStatus(isNewOwner ? this.#fleet.claimants(deviceId) : [key], memory, isGenerationMoved);
  }

  /** The id is kept for a namespace that has no object for it just now; or the object is gone, and what is remembered of it goes too. */
  #keepWaiting(key: DeviceKey, deviceId: string): void {
    const { desiredQueue, statusQueue } = this.#deps;
    const waitMs = this.#fleet.reservedMs(deviceId, namespaceOf(key));
    if (waitMs > 0 && this.#lister.has(key)) desiredQueue.addAfter(deviceId, waitMs);
    statusQueue.add(key, WRITE_PRIORITY.sync);
  }

  /** Looks again at whose the id is, with nothing changed in the cluster; true when it is another object's now, or nobody's. */
  #refreshOwner(deviceId: string): boolean {
    const { memory, isNewOwner } = this.#fleet.refresh(deviceId);
    const claimants = this.#fleet.claimants(deviceId);
    if (memory === undefined) for (const key of claimants) this.#keepWaiting(key, deviceId);
    if (memory === undefined) return false;
    if (isNewOwner) this.#readAnew(memory);
    for (const key of claimants) this.#deps.statusQueue.add(key, WRITE_PRIORITY.sync);
    return isNewOwner;
  }

  /** The desired side wakes the owner's status itself when a change is published, or cannot be. */
  #wakeStatus(keys: readonly DeviceKey[], memory: DeviceMemory, isDesiredMoved: boolean): void {
    const { broker, statusQueue } = this.#deps;
    const isLeftToDesired = isDesiredMoved && broker.connected;
    for (const key of keys) {
      if (isLeftToDesired && key === memory.owner) continue;
      statusQueue.add(key, isDesiredMoved ? WRITE_PRIORITY.sync : WRITE_PRIORITY.heartbeat);
    }
  }

  onMessage(message: IncomingMessage): void {
    this.#receiver.route(message);
  }

  /** What a device has stored and nobody can read goes out of the store, or it would come with every page. */
  onOversized({ topic, bytes }: OversizedMessage): boolean {
    const parsed = this.#deps.topics.parse(topic);
    const memory = parsed === undefined ? undefined : this.#fleet.get(parsed.deviceId);
    this.#onBadInput('TooLarge', `${topic.slice(0, 256)} has ${bytes} bytes and is not read`, memory);
    if (parsed?.kind === 'reported') memory?.withdrawal?.noteReport(topic);
    return memory?.owner !== undefined && parsed?.kind !== 'desired';
  }

  onConnected(): void {
    this.#isBrokerDown = false;
    this.#brokerLostAt = Number.POSITIVE_INFINITY;
    this.#reading.isReading = true;
    this.#deps.metrics.brokerConnected.set(1);
    if (this.#hasConnected) this.#deps.metrics.brokerReconnects.inc();
    this.#hasConnected = true;
    for (const memory of this.#fleet.all()) {
      memory.replacePresence(onReconnect(memory.presence, this.#reading.reading));
      memory.retained.believe();
      advanceCopy(memory, { kind: 'reconnected' }, this.#wake);
    }
    this.#resync.onConnected();
  }

  onDisconnected(): void {
    this.#reading.isReading = false;
    this.#brokerLostAt = this.#deps.clock.monotonic();
    this.#deps.metrics.brokerConnected.set(0);
    this.#pages.clear();
    this.#refusals.clear();
  }

  /** Without its page nothing is known of what stands there, so nothing is published; the twin says why. */
  readonly #onPageRefused = (memory: DeviceMemory, { message }: BrokerError): void => {
    advanceCopy(memory, { kind: 'pageRefused', message }, this.#wake);
    this.#refusals.note(memory.deviceId, message);
    this.#wakeStatus(this.#fleet.claimants(memory.deviceId), memory, false);
  };

  #retryRefused(deviceId: string): boolean {
    const memory = this.#fleet.get(deviceId);
    // A change that was taken back leaves nothing to try.
    if (memory === undefined || heldProblem(memory.copy)?.reason !== 'BrokerRefused') return false;
    if (memory.copy.isRead) this.#deps.desiredQueue.add(deviceId);
    else this.#pages.request(deviceId);
    return true;
  }

  #pageEnded({ owner, copy }: DeviceMemory): CopyEvent {
    const { shortcoming } = this.#deps.broker.findings;
    // The object is unpacked only where its status matters: it may be large.
    const isTold = owner !== undefined && copy.page === 'blank' && this.#isObserved(owner);
    return { kind: 'pageEnded', isOwned: owner !== undefined, isTold, shortcoming };
  }

  #isObserved(owner: DeviceKey): boolean {
    return (this.#lister.get(owner)?.status?.observedGeneration ?? -1) >= 0;
  }

  #readAnew(memory: DeviceMemory): void {
    advanceCopy(memory, { kind: 'outdated' }, this.#wake);
  }

  #createWake(): Wake {
    const { desiredQueue, statusQueue, broker, clock, log } = this.#deps;
    const restMs = (memory: DeviceMemory | undefined): number => memory?.writePace.restMs(clock.monotonic()) ?? 0;
    return {
      desired: (deviceId, afterMs = 0) =>
        desiredQueue.addAfter(deviceId, Math.max(afterMs, restMs(this.#fleet.get(deviceId)))),
      status: (memory, writeClass, afterMs = 0) => {
        if (memory.owner === undefined) return;
        statusQueue.addAfter(memory.owner, Math.max(afterMs, restMs(memory)), WRITE_PRIORITY[writeClass]);
      },
      page: (deviceId) => this.#pages.request(deviceId),
      ask: (deviceId, what) => {
        broker.publish(this.#deps.topics.get(deviceId), what, { retain: false, qos: 1 }).catch((error: unknown) => {
          log.debug({ err: error, deviceId, what }, 'could not ask a device');
        });
      },
      clear: (memory, message) => {
        const topic = this.#deps.topics.reported(memory.deviceId, message);
        memory.inbox.noteCleared(message);
        broker.publish(topic, '', { retain: true, qos: 1 }).catch((error: unknown) => {
          // It is seen again, and cleared again, when its device's state is next read in this session.
          log.debug({ err: error, topic }, 'could not clear a retained topic');
        });
      },
    };
  }

  readonly #onBadInput: BadInputSink = (reason, said, memory) => {
    const { metrics, log, onEvents } = this.#deps;
    // It quotes what a device sent: a topic, a name, a value.
    const message = harmless(said);
    metrics.badInput.inc({ reason });
    log.debug({ reason, deviceId: memory?.deviceId, detail: message }, 'refused what a device sent');
    // Named from memory: whatever a device sends in vain must not cost a look at its object, which may be large.
    if (memory?.owner === undefined) return;
    onEvents(subjectOf(memory.owner, memory.ownerUid), [{ type: 'Warning', reason, message }]);
  };

  #tick(): void {
    const { clock } = this.#deps;
    const lister = this.#lister;
    const now = clock.monotonic();
    const elapsedMs = now - this.#tickedAt;
    this.#tickedAt = now;
    this.#reading.tick();
    this.#judgePresence();
    this.#receiver.releaseHeld();
    this.#requestReports(now);
    this.#requestStates(now);
    this.#provisioner?.turn();
    this.schemas.turn();
    if (lister.hasSynced) this.#collector?.turn();
    for (const deviceId of this.#heartbeats.take(Math.min(elapsedMs, 1000))) this.#writeHeartbeat(deviceId);
    if (!this.#isBrokerDown && now - this.#brokerLostAt >= BROKER_DOWN_MS) {
      this.#isBrokerDown = true;
      for (const memory of this.#fleet.all()) {
        if (memory.owner !== undefined) this.#deps.statusQueue.add(memory.owner, WRITE_PRIORITY.sync);
      }
    }
    this.#resync.turn(lister.hasSynced);
    this.#deps.onTick();
  }

  #judgePresence(): void {
    const { metrics, statusQueue } = this.#deps;
    for (const { owner } of this.#presenceWatch.judge((deviceId) => this.#fleet.get(deviceId))) {
      if (owner !== undefined) statusQueue.add(owner, WRITE_PRIORITY.online);
    }
    metrics.devicesOnline.set(this.#presenceWatch.online);
  }

  /** Asks devices for what their births announced and nobody has seen. */
  #requestReports(now: number): void {
    // The object is unpacked once for all of them: it may be large.
    const isAnyMissing = (deviceId: string, names: readonly string[]): boolean => {
      const memory = this.#fleet.get(deviceId);
      if (memory?.owner === undefined || memory.isDisabled || !memory.presence.online) return false;
      const unheard = names.filter((name) => !memory.inbox.has(name));
      if (unheard.length === 0) return false;
      const reported = this.#lister.get(memory.owner)?.status?.reported ?? {};
      return unheard.some((name) => !Object.hasOwn(reported, name));
    };
    for (const deviceId of this.#requests.due(now, isAnyMissing)) this.#wake.ask(deviceId, 'reported');
  }

  #requestStates(now: number): void {
    const { broker, desiredQueue } = this.#deps;
    if (!broker.connected) return;
    const isCalm = desiredQueue.length === 0 && this.desired.publishing === 0;
    this.#stateRequests.turn(now, isCalm, (deviceId) => this.#requestState(this.#fleet.get(deviceId)));
  }

  #requestState(memory: DeviceMemory | undefined): boolean {
    if (memory?.owner === undefined || memory.isDisabled || memory.retained.gap === 'none') return false;
    memory.retained.noteGap('none');
    this.#wake.ask(memory.deviceId, 'state');
    return true;
  }

  #writeHeartbeat(deviceId: string): void {
    const memory = this.#fleet.get(deviceId);
    if (memory?.owner === undefined) return;
    memory.status.dueHeartbeat();
    this.#deps.statusQueue.add(memory.owner, WRITE_PRIORITY.heartbeat);
  }
}
