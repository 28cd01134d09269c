/** What a device with its own credentials may try at the broker to reach what is not its own. */
import { randomUUID } from 'node:crypto';
import { connect } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { PASSWORDS } from './page-broker.ts';
import type { PageBroker } from './page-broker.ts';

const ROOT = 'mir/v1alpha';
const OWN = `${ROOT}/pump-a`;
const OTHER = `${ROOT}/pump-b`;
const OPERATOR_CLIENT_ID = 'mir-operator-1a2b3c4d';
const ANSWER_MS = 10_000;

/** Topics that are not for `pump-a` to write. */
const PUBLISHES: readonly string[] = [
  `${OTHER}/desired`,
  `${OTHER}/get`,
  `${OTHER}/state`,
  `${OTHER}/reported/a.B`,
  `${OTHER}/heartbeat`,
  `${OTHER}/schema`,
  `${OWN}/desired`,
  `${OWN}/get`,
  `${OWN}/reported`,
  `${OWN}/reported/a.B/c`,
  `${OWN}/state/x`,
  `${ROOT}/mir-operator/state`,
  `${ROOT}/pump-a`,
  `${ROOT}//state`,
];
/** Filters that would show it what is not for `pump-a`. */
const FILTERS: readonly string[] = [
  `${OTHER}/desired`,
  `${OTHER}/get`,
  `${OTHER}/state`,
  `${OTHER}/reported/+`,
  `${OTHER}/#`,
  `${ROOT}/+/desired`,
  `${ROOT}/+/desired/#`,
  `${ROOT}/+/+`,
  `${ROOT}/#`,
  '+/+/+/state',
  '#',
  `$share/all/${ROOT}/#`,
];
const WILLS: readonly string[] = [`${OTHER}/state`, `${OTHER}/desired`, `${OWN}/desired`, `${OTHER}/reported/a.B`];

export interface Outcome {
  readonly attempt: string;
  readonly isCrossed: boolean;
  /** What the broker's log said of it and of nothing else; undefined: nothing. */
  readonly trace: string | undefined;
}

/** Lines of mosquitto's log. Without `log_type debug` it has none for publishes, wills and filters of `$share`. */
const REFUSED = /not authorised/;
const CONNECTED = /New client connected from \S+ as pump-a /;
const denied = (topic: string): RegExp => new RegExp(`Denied PUBLISH from pump-a .*'${literally(topic)}'`);
const subscribed = (filter: string): RegExp =>
  new RegExp(String.raw`(?:pump-a 1 |\t)${literally(filter)}(?: \(QoS 1\))?$`, 'm');
const willed = (topic: string): RegExp =>
  new RegExp(String.raw`Will message specified .*\n.*\t${literally(topic)}$`, 'm');
const literally = (text: string): string => text.replaceAll(/[$+/#.]/g, String.raw`\$&`);

/** Tries everything, with the MQTT version; every attempt is told with what came of it. */
export async function tryCrossings(broker: PageBroker, protocolVersion: 4 | 5): Promise<Outcome[]> {
  const ground = await Ground.open(broker, protocolVersion);
  try {
    return [
      ...(await ground.publishes()),
      ...(await ground.subscribes()),
      ...(await ground.wills()),
      ...(await ground.takeovers()),
      ...(await ground.strangers()),
    ];
  } finally {
    ground.close();
  }
}

/** The same, but for what is no matter of topics: client ids, names and doors. */
export async function tryTopicCrossings(broker: PageBroker, protocolVersion: 4 | 5): Promise<Outcome[]> {
  const ground = await Ground.open(broker, protocolVersion);
  try {
    return [...(await ground.publishes()), ...(await ground.subscribes()), ...(await ground.wills())];
  } finally {
    ground.close();
  }
}

/** An operator that sees everything, a neighbour that is connected, and ways to come as the hostile device. */
class Ground {
  readonly #broker: PageBroker;
  readonly #version: 4 | 5;
  readonly #operator: MqttClient;
  readonly #neighbour: MqttClient;
  readonly #seen: { readonly topic: string; readonly text: string }[] = [];
  readonly #opened: MqttClient[] = [];

  private constructor(broker: PageBroker, version: 4 | 5, operator: MqttClient, neighbour: MqttClient) {
    this.#broker = broker;
    this.#version = version;
    this.#operator = operator;
    this.#neighbour = neighbour;
    operator.on('message', (topic, payload) => this.#seen.push({ topic, text: payload.toString() }));
  }

  static async open(broker: PageBroker, version: 4 | 5): Promise<Ground> {
    const tls = { ca: broker.authority.certPem, protocolVersion: version };
    const operatorLogin = { ...login('mir-operator'), clientId: OPERATOR_CLIENT_ID, protocolVersion: version };
    const operator = await come(broker.operatorUrl, operatorLogin);
    const neighbour = await come(broker.devicesUrl, { ...tls, ...login('pump-b') });
    const ground = new Ground(broker, version, operator, neighbour);
    await operator.subscribeAsync(`${ROOT}/#`, { qos: 1 });
    await operator.publishAsync(`${OTHER}/desired`, 'secret', { qos: 1, retain: true });
    await neighbour.publishAsync(`${OTHER}/state`, 'secret', { qos: 1, retain: true });
    await neighbour.publishAsync(`${OTHER}/reported/a.B`, 'secret', { qos: 1, retain: true });
    return ground;
  }

  close(): void {
    for (const client of [this.#operator, this.#neighbour, ...this.#opened]) client.end(true);
  }

  async publishes(): Promise<Outcome[]> {
    const hostile = await this.#hostile();
    const marker = randomUUID();
    const log = this.#logFromHere();
    // MQTT 5 answers with a refusal, 3.1.1 says nothing: what counts is what arrives.
    for (const topic of PUBLISHES) await hostile.publishAsync(topic, marker, { qos: 1 }).catch(() => undefined);
    await this.#fence(hostile);
    return PUBLISHES.map((topic) => {
      const isCrossed = this.#seen.some((one) => one.topic === topic && one.text === marker);
      return { attempt: `publish to ${topic}`, isCrossed, trace: denied(topic).exec(log())?.[0] };
    });
  }

  async subscribes(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const filter of FILTERS) {
      const hostile = await this.#hostile();
      const heard: string[] = [];
      const log = this.#logFromHere();
      hostile.on('message', (topic) => heard.push(topic));
      await hostile.subscribeAsync([`${OWN}/desired`, filter], { qos: 1 }).catch(() => undefined);
      await this.#operator.publishAsync(`${OTHER}/get`, 'schema', { qos: 1 });
      await this.#operator.publishAsync(`${OTHER}/desired`, 'secret', { qos: 1, retain: true });
      await this.#neighbour.publishAsync(`${OTHER}/reported/a.B`, 'secret', { qos: 1, retain: true });
      await this.#operator.publishAsync(`${OWN}/desired`, 'own', { qos: 1 });
      await until('its own document', () => heard.includes(`${OWN}/desired`));
      outcomes.push({
        attempt: `subscribe to ${filter}`,
        isCrossed: heard.some((topic) => !topic.startsWith(`${OWN}/`)),
        trace: subscribed(filter).exec(log())?.[0],
      });
      await hostile.endAsync();
    }
    return outcomes;
  }

  async wills(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const topic of WILLS) {
      const payload = Buffer.from(randomUUID());
      const log = this.#logFromHere();
      const hostile = await this.#hostile({ will: { topic, payload, qos: 1, retain: true } }).catch(() => undefined);
      hostile?.stream.destroy();
      // The next session of the same client comes after the will of the former one.
      const next = await this.#hostile();
      await this.#fence(next);
      await next.endAsync();
      outcomes.push({
        attempt: `last will on ${topic}`,
        isCrossed: this.#seen.some(({ text }) => text === payload.toString()),
        trace: willed(topic).exec(log())?.[0],
      });
    }
    return outcomes;
  }

  /** Client ids that are not its own. */
  async takeovers(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [whose, clientId, client] of [
      ['the operator', OPERATOR_CLIENT_ID, this.#operator],
      ["a neighbour's", 'pump-b', this.#neighbour],
    ] as const) {
      for (const door of ['devices', 'operator'] as const) {
        let isCut = false;
        client.once('close', () => {
          isCut = true;
        });
        const log = this.#logFromHere();
        const hostile = await this.#at(door, { ...login('pump-a'), clientId }).catch(() => undefined);
        if (hostile !== undefined) await this.#fence(hostile).catch(() => undefined);
        // On its own listener it is let in, under its own name: that is what the log has to say.
        const trace = await logged(log, hostile === undefined ? REFUSED : CONNECTED);
        outcomes.push({ attempt: `the client id of ${whose} on the ${door}' listener`, isCrossed: isCut, trace });
        hostile?.end(true);
      }
    }
    return outcomes;
  }

  /** Names and doors that are not its own: to be let in at all is to cross. */
  async strangers(): Promise<Outcome[]> {
    const password = PASSWORDS['pump-a'];
    const tries: readonly (readonly [attempt: string, door: 'devices' | 'operator', options: IClientOptions])[] = [
      ['no name on the devices listener', 'devices', {}],
      ['no name on the operator listener', 'operator', {}],
      ['its own name on the operator listener', 'operator', login('pump-a')],
      ["the operator's name on the devices listener", 'devices', { username: 'mir-operator', password }],
      ["the operator's name on the operator listener", 'operator', { username: 'mir-operator', password }],
      ["the operator's name without a password", 'operator', { username: 'mir-operator' }],
      ["a neighbour's name", 'devices', { username: 'pump-b', password }],
      ['a wildcard for a name', 'devices', { username: '+', password }],
      ['a path for a name', 'devices', { username: 'pump-a/../pump-b', password }],
      ["the operator's client id for a name", 'devices', { username: OPERATOR_CLIENT_ID, password }],
    ];
    const outcomes: Outcome[] = [];
    for (const [attempt, door, options] of tries) {
      const log = this.#logFromHere();
      const client = await this.#at(door, options).catch(() => undefined);
      outcomes.push({ attempt, isCrossed: client !== undefined, trace: await logged(log, REFUSED) });
      client?.end(true);
    }
    return outcomes;
  }

  #hostile(options: IClientOptions = {}): Promise<MqttClient> {
    return this.#at('devices', { ...login('pump-a'), ...options });
  }

  async #at(door: 'devices' | 'operator', options: IClientOptions): Promise<MqttClient> {
    const { devicesUrl, operatorUrl, authority } = this.#broker;
    const common = { protocolVersion: this.#version, ca: authority.certPem };
    const client = await come(door === 'devices' ? devicesUrl : operatorUrl, { ...common, ...options });
    this.#opened.push(client);
    return client;
  }

  /** What the broker logs from now on. */
  #logFromHere(): () => string {
    const { readLog } = this.#broker;
    const before = readLog().length;
    return () => readLog().slice(before);
  }

  /** Everything that `client` sent before has been delivered, or never will be. */
  async #fence(client: MqttClient): Promise<void> {
    const marker = randomUUID();
    await client.publishAsync(`${OWN}/reported/fence`, marker, { qos: 1 });
    await until('what the device sent last', () => this.#seen.some(({ text }) => text === marker));
  }
}

function login(user: keyof typeof PASSWORDS): IClientOptions {
  return { username: user, password: PASSWORDS[user] };
}

/** Rejects when the broker does not let it in. */
export function come(url: string, options: IClientOptions): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const client = connect(url, { protocolVersion: 5, reconnectPeriod: 0, connectTimeout: ANSWER_MS, ...options });
    client.on('error', reject);
    client.once('close', () => reject(new Error('the broker closed the connection')));
    client.once('connect', () => resolve(client));
  });
}

/** The client hears of a refusal a moment before the log does. */
async function logged(log: () => string, line: RegExp): Promise<string | undefined> {
  await until(`a line ${line.source} of the broker's log`, () => line.test(log()));
  return line.exec(log())?.[0];
}

async function until(what: string, isReached: () => boolean): Promise<void> {
  const deadline = performance.now() + ANSWER_MS;
  while (!isReached()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${ANSWER_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
