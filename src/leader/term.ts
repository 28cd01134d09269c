import type { Device } from '../api/device.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Informed } from '../cache/informer.ts';
import type { Config } from '../config/load.ts';
import { DesiredReconciler } from '../downstream/reconcile.ts';
import { Publisher } from '../downstream/publish.ts';
import { Refusals } from '../downstream/refusals.ts';
import { Withdrawer } from '../downstream/withdraw.ts';
import type { History } from '../history/history.ts';
import type { KubeClient } from '../kube/client.ts';
import { Liveness } from '../liveness/liveness.ts';
import type { BrokerConnection, BrokerHandlers } from '../broker/broker.ts';
import { createTopics } from '../protocol/topics.ts';
import type { Provisioner } from '../provisioning/provisioner.ts';
import { Discovery } from '../readback/discovery.ts';
import { PageIntake } from '../readback/page-intake.ts';
import { PageReader } from '../readback/page-reader.ts';
import { Resync } from '../readback/resync.ts';
import { sweepLimits } from '../readback/sweep-limits.ts';
import type { SchemaCollector } from '../schema-registry/collector.ts';
import { SchemaReconciler } from '../schema-registry/reconcile.ts';
import type { Schemas } from '../schema-registry/registry.ts';
import { StatusReconciler } from '../status/reconcile.ts';
import { observeTwins } from '../telemetry/hooks.ts';
import type { Telemetry } from '../telemetry/hooks.ts';
import { createWake } from '../twin/create-wake.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import { Departed } from '../twin/departed.ts';
import { Fleet } from '../twin/fleet.ts';
import { ObjectIntake } from '../twin/object-intake.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Twins } from '../twin/twins.ts';
import type { Wake } from '../twin/wake.ts';
import { Receiver } from '../upstream/receiver.ts';
import type { ReceiverPorts } from '../upstream/receiver-deps.ts';
import { Requests } from '../upstream/requests.ts';
import { createHistory } from './history.ts';
import { createProvisioner } from './provisioning.ts';
import { Queues } from './queues.ts';
import type { Reconcilers } from './queues.ts';
import { termRules } from './rules.ts';
import { createCollector, createSchemas } from './schemas.ts';
import type { OperatorNames, TermRules } from './rules.ts';
import { runJobs, TICK_MS } from './schedule.ts';
import type { Job } from './schedule.ts';

/** What outlives a term. */
export interface TermPorts {
  readonly config: Config;
  readonly names: OperatorNames;
  readonly devices: Informed<Device>;
  readonly schemas: Pick<Informed<SchemaObject>, 'lister' | 'subscribe'>;
  readonly client: KubeClient;
  readonly broker: BrokerConnection;
  readonly runtime: Runtime;
  readonly telemetry: Telemetry;
}

/**
 * One term of leadership: everything between the cache on the one side and the broker on the other, alive from winning the Lease
 * to losing it. Nothing of it survives the term, and nothing has to: cluster and broker hold it all.
 */
export class Term {
  readonly #ports: TermPorts;
  readonly #rules: TermRules;
  readonly #line: DeviceLine;
  readonly #observer: TwinObserver;
  readonly #liveness: Liveness;
  readonly #fleet: Fleet;
  readonly #queues: Queues;
  readonly #pages: PageReader;
  readonly #wake: Wake;
  /** Undefined while only one namespace is watched: whether others use a schema cannot be known. */
  readonly #collector: SchemaCollector | undefined;
  readonly #schemas: Schemas;
  readonly #twins: Twins;
  readonly #intake: ObjectIntake;
  readonly #refusals: Refusals;
  readonly #requests: Requests;
  readonly #discovery: Discovery;
  /** Undefined unless configured. */
  readonly #provisioner: Provisioner | undefined;
  /** Undefined where none is kept. */
  readonly #history: History | undefined;
  readonly #resync: Resync;
  readonly #receiver: Receiver;
  /** Aborts when the term ends, whatever ends it. */
  readonly #end = new AbortController();
  #hasConnected = false;

  constructor(ports: TermPorts) {
    const { config, devices, broker, runtime, telemetry } = ports;
    const { signal } = this.#end;
    this.#ports = ports;
    this.#rules = termRules(config, ports.names);
    this.#line = { broker, topics: createTopics(config.topicPrefix, config.maxTopicBytes) };
    this.#observer = observeTwins(telemetry, runtime.log);
    this.#liveness = new Liveness(config, runtime.clock, TICK_MS);
    const departed = new Departed(runtime.clock, config.takeoverGraceSeconds * 1000);
    this.#fleet = new Fleet(devices.lister, this.#liveness.presence, departed);

    this.#queues = new Queues(runtime, telemetry);
    this.#pages = this.#createPages();
    this.#wake = createWake({
      queues: this.#queues,
      pages: this.#pages,
      fleet: this.#fleet,
      line: this.#line,
      runtime,
    });

    const [fleet, wake, observer] = [this.#fleet, this.#wake, this.#observer];
    const [line, rules] = [this.#line, this.#rules];
    this.#collector = createCollector(ports, fleet, signal);
    this.#schemas = createSchemas(ports, { fleet, wake, observer }, this.#collector, signal);
    this.#twins = { devices, fleet, schemas: this.#schemas };
    this.#intake = new ObjectIntake({ lister: devices.lister, fleet, broker, wake }, signal);
    this.#refusals = new Refusals({ runtime, fleet, wake }, signal);
    this.#requests = this.#createRequests();
    this.#discovery = this.#createDiscovery();
    this.#provisioner = createProvisioner(ports, { fleet, line, rules, observer }, signal);
    this.#history = createHistory(ports, this.#queues, observer, signal);
    this.#resync = this.#createResync();
    this.#receiver = this.#createReceiver();
  }

  /** Resolves when `signal` aborts and all is taken down; rejects, with all of it taken down as well, when a part fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { devices, schemas, broker, runtime, telemetry } = this.#ports;
    const end = (): void => this.#end.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const ended = this.#end.signal;
    const parts: Promise<void>[] = [];
    try {
      const onProgress = telemetry.health.loop('twins', 60_000, ended);
      // Told and no reason to fail: no replica could do better at the same broker.
      telemetry.health.note('broker', () => this.#brokerNote, ended);
      this.#pages.start(this.#createPageIntake(), ended);
      await devices.subscribe(this.#intake, ended);
      await devices.subscribe({ onChange: () => undefined, onSynced: () => this.#resync.discoverSoon() }, ended);
      await schemas.subscribe(this.#schemas, ended);
      if (this.#history !== undefined) await devices.subscribe(this.#history, ended);
      parts.push(broker.run(this.#brokerHandlers(), ended));
      parts.push(this.#queues.run(this.#createReconcilers(), ended));
      parts.push(runJobs(this.#jobs(), runtime, onProgress, ended));
      await Promise.all(parts);
    } finally {
      end();
      signal.removeEventListener('abort', end);
      await Promise.allSettled(parts);
    }
  }

  get #brokerNote(): string | undefined {
    const { broker } = this.#ports;
    return broker.failure ?? broker.findings.shortcoming ?? this.#pages.refusal;
  }

  #createPageIntake(): PageIntake {
    const [wake, refusals, requests, schemas] = [this.#wake, this.#refusals, this.#requests, this.#schemas];
    return new PageIntake({ broker: this.#ports.broker, wake, refusals, requests, schemas });
  }

  #brokerHandlers(): BrokerHandlers {
    return {
      onMessage: this.#receiver.route,
      onOversized: this.#receiver.onOversized,
      onConnected: () => this.#onConnected(),
      onDisconnected: () => this.#onDisconnected(),
    };
  }

  #onConnected(): void {
    this.#observer.brokerConnected(this.#hasConnected);
    this.#hasConnected = true;
    this.#liveness.onConnected(this.#fleet.all());
    this.#intake.onConnected();
    this.#resync.onConnected();
  }

  #onDisconnected(): void {
    this.#observer.brokerLost();
    this.#liveness.onDisconnected();
    this.#pages.clear();
    this.#refusals.clear();
  }

  /** What time brings about. */
  #jobs(): readonly Job[] {
    const [fleet, wake] = [this.#fleet, this.#wake];
    const { lister } = this.#ports.devices;
    return [
      { name: 'presence', everyMs: TICK_MS, run: () => this.#liveness.judge(fleet, wake, this.#observer) },
      { name: 'held reports', everyMs: TICK_MS, run: () => this.#receiver.releaseHeld() },
      { name: 'requests', everyMs: TICK_MS, run: () => this.#requests.tick() },
      { name: 'provisioning', everyMs: TICK_MS, run: () => this.#provisioner?.tick() },
      { name: 'schema requests', everyMs: TICK_MS, run: () => this.#schemas.tick() },
      { name: 'histories', everyMs: 1000, run: () => this.#history?.tick() },
      { name: 'unused schemas', everyMs: 60_000, run: () => this.#collector?.tick() },
      {
        name: 'heartbeats',
        everyMs: TICK_MS,
        run: (elapsedMs) => this.#liveness.writeHeartbeats(elapsedMs, fleet, wake),
      },
      { name: 'resync', everyMs: TICK_MS, run: () => this.#resync.tick(lister.hasSynced) },
    ];
  }

  #createReconcilers(): Reconcilers {
    const { config, client, schemas, runtime } = this.#ports;
    const [twins, wake, observer, line] = [this.#twins, this.#wake, this.#observer, this.#line];
    const { settleMs } = config;
    const publisher = new Publisher({ line, runtime, wake, settleMs, refusals: this.#refusals, observer });
    const { topics, broker } = line;
    const { scope } = this.#rules;
    const intake = this.#intake;
    const objects = this.#discovery;
    const withdrawer = new Withdrawer({ twins, intake, topics, scope, runtime, wake, publisher, objects });
    const rules = { ...this.#rules, topics };
    const desired = new DesiredReconciler({ twins, intake, broker, rules, runtime, wake, publisher, withdrawer });
    const status = new StatusReconciler({
      twins,
      client,
      rules: { ...this.#rules, reportedIntervalMs: config.statusWriteIntervalSeconds * 1000 },
      runtime,
      wake,
      liveness: this.#liveness,
      observer,
      publisher,
    });
    const { library } = this.#schemas;
    const schema = new SchemaReconciler({ schemas: schemas.lister, library, client, runtime });
    return { desired, status, schema, history: this.#history };
  }

  #createPages(): PageReader {
    const { config, runtime } = this.#ports;
    const { maxMessages } = this.#rules.limits;
    const rules = { pageSize: config.pageSize, concurrency: config.pageConcurrency, maxMessages };
    return new PageReader({ line: this.#line, fleet: this.#fleet, rules, runtime, observer: this.#observer });
  }

  #createRequests(): Requests {
    const { devices, broker, runtime } = this.#ports;
    const [fleet, wake, queues] = [this.#fleet, this.#wake, this.#queues];
    return new Requests({ lister: devices.lister, fleet, broker, wake, runtime, queues });
  }

  #createDiscovery(): Discovery {
    const { config, devices, client, runtime } = this.#ports;
    const rules = { ...this.#rules, sweep: sweepLimits(config) };
    const [fleet, wake, observer] = [this.#fleet, this.#wake, this.#observer];
    return new Discovery({ devices, fleet, rules, client, wake, runtime, observer }, this.#end.signal);
  }

  #createResync(): Resync {
    const { config, runtime } = this.#ports;
    const [line, fleet, wake] = [this.#line, this.#fleet, this.#wake];
    const [discovery, pages, queues] = [this.#discovery, this.#pages, this.#queues];
    const rules = { minutes: config.resyncMinutes, looksForBirths: this.#provisioner !== undefined };
    return new Resync({ line, fleet, wake, discovery, pages, queues, rules, runtime }, this.#end.signal);
  }

  #createReceiver(): Receiver {
    const { config, runtime } = this.#ports;
    const [fleet, wake, observer] = [this.#fleet, this.#wake, this.#observer];
    const rules = {
      topics: this.#line.topics,
      limits: this.#rules.limits,
      reportsPerSecond: config.maxReportsPerSecond,
    };
    const ports: ReceiverPorts = {
      liveness: this.#liveness,
      expected: this.#requests.reports,
      schemas: this.#schemas,
      discovery: this.#discovery,
      provisioner: this.#provisioner,
    };
    return new Receiver({ fleet, rules, runtime, wake, observer, ports });
  }
}
