/** One installation with alerts of its own: an operator in a namespace, scraped as a job, and short words for what tests do to it. */
import { devicesPath } from '../../src/api/device.ts';
import type { JsonObject } from '../../src/api/device.ts';
import type { Alert, Prometheus } from '../real/prometheus.ts';
import { eventually } from '../world/eventually.ts';
import type { OperatorOptions, OperatorProcess } from '../world/operator-process.ts';
import { installView, misrouteView, removeView, routeView } from '../world/view-service.ts';
import type { World } from '../world/world.ts';

export const RATE = 'sensor.v1.SampleRate';

/** Paid in full only by a failure. */
const PATIENCE = { timeoutMs: 120_000 };

export class Site {
  readonly world: World;
  readonly job: string;
  readonly namespace: string;
  readonly #prometheus: Prometheus;
  readonly #options: OperatorOptions;
  #operators: OperatorProcess[] = [];
  readonly #endings: (() => Promise<unknown>)[] = [];

  private constructor(world: World, prometheus: Prometheus, job: string, namespace: string, options: OperatorOptions) {
    this.world = world;
    this.#prometheus = prometheus;
    this.job = job;
    this.namespace = namespace;
    this.#options = options;
  }

  static async open(world: World, prometheus: Prometheus, job: string, options: OperatorOptions): Promise<Site> {
    const site = new Site(world, prometheus, job, await world.namespace(), options);
    await site.startOperator();
    return site;
  }

  /** Has `end` called when the site closes. */
  onClose(end: () => Promise<unknown>): void {
    this.#endings.push(end);
  }

  async close(): Promise<void> {
    await this.stopOperators();
    await Promise.all(this.#endings.map((end) => end()));
    await this.world.kube.delete(`/api/v1/namespaces/${this.namespace}`);
  }

  get operatorPids(): readonly number[] {
    return this.#operators.map(({ pid }) => pid);
  }

  /** One replica more. */
  async startOperator(flags: readonly string[] = []): Promise<void> {
    const options = { ...this.#options, namespace: this.namespace };
    const operator = await this.world.startOperator({ ...options, flags: [...(options.flags ?? []), ...flags] });
    this.#operators.push(operator);
    this.#scrape();
    const leads = async (): Promise<void> => {
      const metrics = await Promise.all(this.#operators.map((one) => one.metrics()));
      const isUp = metrics.some((one) => one.value('leader_election_master_status') === 1);
      if (!isUp || !metrics.some((one) => one.value('mir_broker_connected') === 1)) throw new Error('nobody leads');
    };
    await eventually(`an operator of ${this.job} leads`, leads);
  }

  async stopOperators(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()));
    this.#operators = [];
    this.#scrape();
  }

  #scrape(): void {
    const labels = { job: this.job, namespace: this.namespace };
    this.#prometheus.scrape(
      this.#operators.map(({ url }, at) => ({ url, labels: { ...labels, pod: `${this.job}-${at}` } })),
    );
  }

  /** Makes what the chart makes for the view, and takes it away when the site closes. */
  async serveView(): Promise<void> {
    await installView(this.world);
    this.onClose(() => removeView(this.world));
    await this.routeView();
  }

  /** Leads the view's Service to the operators of this site. */
  routeView(): Promise<void> {
    return routeView(this.world, ...this.#operators);
  }

  /** Leads it to a port at which nobody listens. */
  misrouteView(): Promise<void> {
    return misrouteView(this.world);
  }

  create(name: string, desired: Readonly<Record<string, JsonObject>> = {}): Promise<unknown> {
    return this.world.kube.create(devicesPath(this.namespace), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name },
      spec: { deviceId: this.id(name) },
      properties: { desired },
    });
  }

  /** `count` devices named twin-0 and so on, all desired to sample once a minute. */
  async createFleet(count: number): Promise<readonly string[]> {
    const names = Array.from({ length: count }, (_, at) => `twin-${at}`);
    await Promise.all(names.map((name) => this.create(name, { [RATE]: { intervalSeconds: 60 } })));
    return names;
  }

  /** The same, and waits until all their documents stand at the broker. */
  async publishFleet(count: number): Promise<readonly string[]> {
    const names = await this.createFleet(count);
    await this.untilMetric('mir_device_conditions', { condition: 'Ready', status: 'True' }, count);
    return names;
  }

  id(name: string): string {
    return `${this.namespace}-${name}`;
  }

  path(name: string): string {
    return `${devicesPath(this.namespace)}/${name}`;
  }

  topic(name: string, rest: string): string {
    return `mir/v1alpha/${this.id(name)}/${rest}`;
  }

  say(name: string, rest: string, body: object | string): Promise<void> {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    return this.world.broker.publish(this.topic(name, rest), payload, { retain: true, qos: 1 });
  }

  /** Waits until metric `name` of this site, summed over its series with `labels`, is `value`. */
  async untilMetric(name: string, labels: Readonly<Record<string, string>>, value: number): Promise<void> {
    await eventually(`${this.job}: ${name} is ${value}`, async () => {
      const metrics = await Promise.all(this.#operators.map((operator) => operator.metrics()));
      const sum = metrics.reduce((total, one) => total + one.value(name, labels), 0);
      if (sum !== value) throw new Error(`it is ${sum}`);
    });
  }

  /** Alerts of this site that fire now. */
  async firing(): Promise<readonly Alert[]> {
    const alerts = await this.#prometheus.alerts();
    return alerts.filter(({ state, labels }) => state === 'firing' && labels['job'] === this.job);
  }

  untilFiring(name: string): Promise<Alert> {
    return eventually(
      `${name} fires`,
      async () => {
        const firing = await this.firing();
        const found = firing.find(({ labels }) => labels['alertname'] === name);
        if (found === undefined)
          throw new Error(`firing: ${firing.map(({ labels }) => labels['alertname']).join(', ')}`);
        return found;
      },
      PATIENCE,
    );
  }

  /** No alert of this site fires any more. */
  untilQuiet(): Promise<void> {
    return eventually(
      'all is well again',
      async () => {
        const firing = await this.firing();
        if (firing.length > 0)
          throw new Error(`still firing: ${firing.map(({ labels }) => labels['alertname']).join(', ')}`);
      },
      PATIENCE,
    );
  }
}
