import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { startStrictBroker } from '../../test/fakes/strict-broker.ts';
import { startBroker } from '../dev/broker.ts';
import { silentLogger } from '../base/log.ts';
import { createTopics } from '../protocol/topics.ts';
import type { BrokerConnection, BrokerHandlers, IncomingMessage, OversizedMessage } from '../broker/broker.ts';
import { createBroker } from './connection.ts';
import { hasMosquitto, startMosquitto } from '../../test/world/mosquitto.ts';
import type { BrokerOptions } from './options.ts';

const topics = createTopics();
const never = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function opened<T extends { close(): Promise<void> }>(what: T): T {
  cleanups.push(() => what.close());
  return what;
}

/** A connection whose happenings can be awaited. */
class Client {
  readonly broker: BrokerConnection;
  readonly messages: IncomingMessage[] = [];
  readonly #events: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string, options: Partial<BrokerOptions> = {}, onOversized?: BrokerHandlers['onOversized']) {
    const tuning = { reconnectMinMs: 5, reconnectMaxMs: 20, ...options.tuning };
    this.broker = createBroker(
      { url, clientId: 'operator', live: topics.live, ...options, tuning },
      { clock: systemClock, log: silentLogger },
    );
    const handlers: BrokerHandlers = {
      onMessage: (message) => this.#happened(() => this.messages.push(message)),
      onConnected: () => this.#happened(() => this.#events.push('connected')),
      onDisconnected: (reason) => this.#happened(() => this.#events.push(reason)),
      ...(onOversized === undefined ? {} : { onOversized }),
    };
    this.#running = this.broker.run(handlers, this.#stop.signal);
    opened(this);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Takes the oldest event: `connected`, or why the connection ended. */
  async event(): Promise<string> {
    await this.until(() => this.#events.length > 0);
    return this.#events.shift() ?? '';
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  async failure(): Promise<string> {
    while (this.broker.failure === undefined) await systemTick();
    return this.broker.failure;
  }

  texts(): string[] {
    return this.messages.splice(0).map(({ topic, payload, retained }) => {
      return `${retained ? 'stored' : 'live'} ${topic.slice('mir/v1alpha/'.length)} ${payload.toString()}`;
    });
  }

  #happened(note: () => void): void {
    note();
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

const systemTick = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

async function connected(
  url: string,
  options: Partial<BrokerOptions> = {},
  onOversized?: BrokerHandlers['onOversized'],
): Promise<Client> {
  const client = new Client(url, options, onOversized);
  expect(await client.event()).toBe('connected');
  return client;
}

const stored = { retain: true, qos: 1 } as const;
const live = { retain: false, qos: 1 } as const;

describe('certificates that cannot be used', () => {
  it.each(['mqtts', 'wss'])('keep a connection over %s waiting for better ones, with the remedy', async (scheme) => {
    const asked: number[] = [];
    const credentials = (): { cert: string; key: string } => {
      asked.push(asked.length);
      return { cert: 'not a PEM', key: 'not a PEM' };
    };
    const client = new Client(`${scheme}://127.0.0.1:1/`, { credentials });
    expect(await client.failure()).toMatch(
      /127\.0\.0\.1:1 .*check --mqtt-ca-file, --mqtt-cert-file and --mqtt-key-file/,
    );
    while (asked.length < 3) await systemTick();
  });

  it('that cannot be read name the options they may come from', async () => {
    const credentials = (): never => {
      throw new Error("ENOENT: no such file or directory, open '/etc/mqtt/ca.crt'");
    };
    const client = new Client('mqtts://127.0.0.1:1', { credentials });
    expect(await client.failure()).toMatch(/open '\/etc\/mqtt\/ca.crt'; check .*--mqtt-ca-file/);
  });
});

describe('a broker', () => {
  it('that sends what is no packet is named as such', async () => {
    const connack = Buffer.from([0x20, 3, 0, 0, 0]);
    const malformed = Buffer.from([0xd0, 0xff, 0xff, 0xff, 0xff, 0xff]);
    const server = createServer((socket) =>
      socket.on('error', () => undefined).once('data', () => socket.write(Buffer.concat([connack, malformed]))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(() => resolve())));
    const client = new Client(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await client.failure()).toMatch(/sent what is no MQTT packet .*; check --mqtt-url/);
  });

  it('is left when whoever works with it fails to begin, and the failure is told', async () => {
    const { url } = opened(await startBroker());
    const broker = createBroker(
      { url, clientId: 'operator', live: topics.live },
      { clock: systemClock, log: silentLogger },
    );
    const handlers = {
      onMessage: () => undefined,
      onConnected: () => {
        throw new Error('what?');
      },
      onDisconnected: () => undefined,
    };
    await expect(broker.run(handlers, never)).rejects.toThrow('what?');
    expect(broker.connected).toBe(false);
  });
});

const withMosquitto = hasMosquitto() ? describe : describe.skip;
if (!hasMosquitto()) process.stderr.write('mosquitto is not installed: tests against it are skipped\n');

const kinds = [
  ['the embedded broker', describe, startBroker, 'let another client take over the client id operator'],
  // 2.0.11 closes the socket without a DISCONNECT
  ['mosquitto', withMosquitto, startMosquitto, 'broker mqtt://'],
] as const;

for (const [kind, describeKind, start, takenOver] of kinds) {
  describeKind(`a connection to ${kind}`, () => {
    it.each([5, 4] as const)(
      'reads stored state page by page beside its live subscriptions (MQTT %i)',
      async (protocolVersion) => {
        const { url } = opened(await start());
        const device = await connected(url, { clientId: 'device', live: [] });
        await device.broker.publish(topics.desired('a'), 'D', stored);
        await device.broker.publish(topics.reported('a', 'x.Y'), 'R', stored);
        await device.broker.publish(topics.state('b'), 'S', stored);

        const operator = await connected(url, { protocolVersion });
        await operator.broker.readRetained([topics.retained('nobody')], never);
        operator.texts(); // MQTT 3.1.1 has no retain handling: the live subscriptions brought everything once
        await operator.broker.readRetained([topics.retained('a')], never);
        expect(operator.texts().sort()).toEqual(['stored a/desired D', 'stored a/reported/x.Y R']);
        await Promise.all(['a', 'b'].map((id) => operator.broker.readRetained([topics.retained(id)], never)));
        expect(operator.texts()).toHaveLength(3);
        await operator.broker.readRetained([topics.discovery], never, { qos: 0 });
        expect(operator.texts()).toEqual(['stored a/desired D']);

        await device.broker.publish(topics.state('a'), 'after', stored);
        await operator.until(() => operator.messages.length > 0);
        expect(operator.texts()).toEqual(['live a/state after']);
      },
    );

    it('loses and mistakes no live message while pages are read', async () => {
      const { url } = opened(await start());
      const device = await connected(url, { clientId: 'device', live: [] });
      const operator = await connected(url);
      const expected = new Set<string>();
      const sending: Promise<void>[] = [];
      const pages: Promise<unknown>[] = [];
      for (let n = 0; n < 500; n += 1) {
        expected.add(`live d${n % 10}/state ${n}`);
        sending.push(device.broker.publish(topics.state(`d${n % 10}`), String(n), stored));
        if (n % 50 === 0) pages.push(operator.broker.readRetained([topics.retained(`d${n / 50}`)], never));
      }
      await Promise.all([...sending, ...pages]);
      await operator.until(() =>
        operator.messages.some(({ payload, retained }) => !retained && payload.toString() === '499'),
      );
      expect(new Set(operator.texts().filter((text) => text.startsWith('live')))).toEqual(expected);
    });

    it.each([5, 4] as const)(
      'never reads what is too large, and does not meet it again (MQTT %i)',
      async (protocolVersion) => {
        const { url } = opened(await start());
        const device = await connected(url, { clientId: 'device', live: [] });
        const huge = Buffer.alloc(20_000_000, 'x');
        await device.broker.publish(topics.reported('a', 'x.Huge'), huge, stored);
        await device.broker.publish(topics.reported('a', 'x.Y'), 'R', stored);
        const told: OversizedMessage[] = [];
        const onOversized = (message: OversizedMessage): boolean => told.push(message) > 0;
        const operator = await connected(url, { protocolVersion, tuning: { maxPacketBytes: 300_000 } }, onOversized);
        const page = async (): Promise<string[]> => {
          await operator.broker.readRetained([topics.retained('a')], never);
          return [...new Set(operator.texts())];
        };
        // MQTT 3.1.1 has no retain handling: the live subscriptions bring everything once
        expect((await page()).filter((text) => text.startsWith('stored'))).toEqual(['stored a/reported/x.Y R']);
        const before = told.length;
        await page();
        const isTold = told.some(({ topic, retained }) => retained && topic === topics.reported('a', 'x.Huge'));
        expect(isTold || protocolVersion === 5).toBe(true);
        expect(told).toHaveLength(before);
        await device.broker.publish(topics.reported('a', 'x.Huge'), huge, live);
        await device.broker.publish(topics.reported('a', 'x.Y'), 'after', live);
        await operator.until(() => operator.messages.length > 0);
        expect(operator.texts()).toEqual(['live a/reported/x.Y after']);
      },
    );

    it.each([5, 4] as const)(
      'is proven by one stored message, which is cleared again (MQTT %i)',
      async (protocolVersion) => {
        const { url } = opened(await start());
        const operator = await connected(url, { protocolVersion, probe: topics.probe('operator') });
        await operator.broker.readRetained([topics.retained('a')], never);
        expect(operator.broker.findings).toMatchObject({ isStoreProven: true, pageQos: 1, shortcoming: undefined });
        while (!operator.broker.findings.matchesParentLevel) await systemTick();
        const other = await connected(url, { clientId: 'other', live: [] });
        let left = 1;
        while (left > 0) {
          await other.broker.readRetained(['mir/v1alpha/mir-operator/#'], never);
          left = other.messages.splice(0).length;
        }
        expect(operator.texts()).toEqual([]);
      },
    );

    it('does not hear itself on its live subscriptions', async () => {
      const { url } = opened(await start());
      const operator = await connected(url);
      const device = await connected(url, { clientId: 'device', live: [] });
      await operator.broker.publish(topics.desired('a'), 'own', stored);
      await device.broker.publish(topics.state('a'), 'other', live);
      await operator.until(() => operator.messages.length > 0);
      expect(operator.texts()).toEqual(['live a/state other']);
    });

    it('says who took its client id over, and comes back only when allowed', async () => {
      const { url } = opened(await start());
      const gate = Promise.withResolvers<void>();
      let asked = 0;
      const beforeReconnect = async (): Promise<void> => {
        asked += 1;
        if (asked === 1) throw new Error('lease not renewed');
        await gate.promise;
      };
      const former = await connected(url, { fence: { beforeReconnect, mayPublish: () => true } });
      const stayAway = (): Promise<void> => Promise.reject(new Error('stay away'));
      const leader = await connected(url, { fence: { beforeReconnect: stayAway, mayPublish: () => true } });
      expect(await former.event()).toContain(takenOver);
      expect(former.broker.connected).toBe(false);
      expect(leader.broker.connected).toBe(true);
      gate.resolve();
      expect(await former.event()).toBe('connected');
      expect(asked).toBe(2);
    });

    it('reconnects by itself, with its subscriptions, and publishes nothing while offline', async () => {
      const first = await start();
      const operator = await connected(first.url);
      await first.close();
      expect(await operator.event()).toContain(`broker ${first.url}`);
      const offline = { kind: 'transient', message: `not connected to broker ${first.url}` };
      await expect(operator.broker.publish(topics.desired('a'), 'x', stored)).rejects.toMatchObject(offline);
      await expect(operator.broker.readRetained(['a/#'], never)).rejects.toMatchObject(offline);
      expect(operator.broker.limits).toBeUndefined();
    });
  });
}

describe('a connection', () => {
  it('finds the broker again after a restart', async () => {
    const first = await startBroker();
    const operator = await connected(first.url);
    await first.close();
    await operator.event();
    const second = opened(await startBroker({ port: first.port }));
    expect(await operator.event()).toBe('connected');
    const device = await connected(second.url, { clientId: 'device', live: [] });
    await device.broker.publish(topics.state('a'), 'back', live);
    await operator.until(() => operator.messages.length > 0);
    expect(operator.texts()).toEqual(['live a/state back']);
  });

  it('sends no more at one time than the broker takes, also of what clears its store', async () => {
    await using strict = await startStrictBroker(3, 5);
    const huge = Array.from({ length: 30 }, (_, n) => topics.reported('a', `x.Huge${n}`));
    const told = new Set<string>();
    const onOversized = ({ topic }: OversizedMessage): boolean => told.add(topic).size > 0;
    const operator = await connected(strict.url, { tuning: { maxPacketBytes: 500 } }, onOversized);
    await Promise.all(huge.map((topic) => operator.broker.publish(topic, Buffer.alloc(600, 'x'), stored)));
    told.clear();
    while (told.size < huge.length) await operator.broker.readRetained([topics.retained('a')], never);
    // Only when all of it has left the store has all been sent that clears it.
    const witness = await connected(strict.url, { clientId: 'witness', live: [] });
    do {
      witness.messages.splice(0);
      await witness.broker.readRetained([topics.retained('a')], never);
    } while (witness.messages.length > 0);
    expect(strict.cut).toBe(0);
    await operator.close();
  });

  it('publishes nothing that it may not publish any more, also what had waited for the window', async () => {
    const broker = opened(await startBroker());
    let mayPublish = true;
    const tuning = { publishWindow: 1 };
    const fence = { beforeReconnect: () => Promise.resolve(), mayPublish: () => mayPublish };
    const client = new Client(broker.url, { fence, tuning });
    await client.event();
    const publish = (id: string) => client.broker.publish(topics.desired(id), '{}', { retain: true, qos: 1 });
    const first = publish('one');
    const second = publish('two');
    mayPublish = false;
    await first;
    await expect(second).rejects.toMatchObject({ kind: 'transient' });
    await expect(publish('three')).rejects.toMatchObject({ kind: 'transient' });
    await client.broker.readRetained(['mir/v1alpha/#'], never);
    expect(client.texts()).toEqual(['stored one/desired {}']);
  });

  it('names the remedy when nobody listens', async () => {
    const broker = await startBroker();
    const { url } = broker;
    await broker.close();
    const client = new Client(url);
    expect(await client.failure()).toBe(
      `broker ${url} cannot be reached: connection refused; check --mqtt-url and that the broker is running`,
    );
  });

  it('asks for credentials at every connect and survives when they cannot be read', async () => {
    const { url } = opened(await startBroker());
    let asked = 0;
    const credentials = (): Promise<{ username: string }> => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('no such file')) : Promise.resolve({ username: 'mir' });
    };
    await connected(url, { credentials });
    expect(asked).toBe(2);
  });

  it.each(['http://x', 'x:1883', '', 'mqtt://'])('refuses the URL %j', (url) => {
    const open = (): unknown =>
      createBroker({ url, clientId: 'x', live: [] }, { clock: systemClock, log: silentLogger });
    expect(open).toThrow(RangeError);
  });
});

withMosquitto('a connection to a mosquitto that', () => {
  it('wants a password tells the user, without telling the password', async () => {
    const mosquitto = opened(await startMosquitto(() => ['allow_anonymous false']));
    const client = new Client(mosquitto.url, { credentials: () => ({ username: 'mir', password: 'pa55word' }) });
    const failure = await client.failure();
    expect(failure).toContain('refused the operator: not authorised; check --mqtt-username');
    expect(failure).not.toContain('pa55word');
  });

  it('refuses a publish rejects it with the reason code', async () => {
    const acl = 'user mir\ntopic read mir/v1alpha/#\ntopic write mir/v1alpha/+/get\n';
    const mosquitto = opened(
      await startMosquitto((folder) => ['allow_anonymous true', `acl_file ${folder}/acl`], { acl }),
    );
    const { broker } = await connected(mosquitto.url, { credentials: () => ({ username: 'mir' }) });
    await broker.publish(topics.get('a'), 'schema', live);
    await expect(broker.publish(topics.desired('a'), 'x', stored)).rejects.toMatchObject({
      kind: 'refused',
      code: 0x87,
      message: expect.stringContaining('mir/v1alpha/a/desired: not authorised; check that its access rules'),
    });
  });

  it('limits packets gets none over the limit', async () => {
    const mosquitto = opened(await startMosquitto(() => ['allow_anonymous true', 'max_packet_size 1000']));
    const { broker } = await connected(mosquitto.url);
    expect(broker.limits?.maximumPacketSize).toBe(1000);
    await expect(broker.publish('a', Buffer.alloc(995), stored)).rejects.toMatchObject({ kind: 'tooLarge' });
    await broker.publish('a', Buffer.alloc(900), stored);
  });

  it('freezes is left after the keep-alive, and what was in flight is rejected as transient', async () => {
    const mosquitto = opened(await startMosquitto());
    const operator = await connected(mosquitto.url, { tuning: { keepaliveSeconds: 1 } });
    mosquitto.signal('SIGSTOP');
    const inFlight = operator.broker.publish(topics.desired('a'), 'x', stored);
    const page = operator.broker.readRetained([topics.retained('a')], never);
    const both = Promise.allSettled([inFlight, page]);
    expect(await operator.event()).toContain(`broker ${mosquitto.url}`);
    expect(await both).toMatchObject([
      { status: 'rejected', reason: { kind: 'transient' } },
      { status: 'rejected', reason: { kind: 'transient' } },
    ]);
    mosquitto.signal('SIGCONT');
    expect(await operator.event()).toBe('connected');
  });
});
