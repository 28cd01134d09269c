import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { startStrictBroker } from '../../test/fakes/strict-broker.ts';
import { startUnmarkingBroker } from '../../test/fakes/unmarking-broker.ts';
import { startBroker } from '../dev/broker.ts';
import { silentLogger } from '../base/log.ts';
import type { OversizedMessage } from '../broker/broker.ts';
import { createBroker } from './connection.ts';
import { startMosquitto } from '../../test/world/mosquitto.ts';
import {
  topics,
  never,
  cleanups,
  opened,
  Client,
  systemTick,
  connected,
  stored,
  live,
  withMosquitto,
} from './testing/clients.ts';

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

  it.each([5, 4] as const)(
    'takes nothing stored for live where it comes without RETAIN at QoS 1 (MQTT %i)',
    async (protocolVersion) => {
      const { url } = opened(await startUnmarkingBroker());
      const device = await connected(url, { clientId: 'device', live: [] });
      await device.broker.publish(topics.desired('a'), 'D', stored);
      await device.broker.publish(topics.state('a'), 'S', stored);
      const operator = await connected(url, { protocolVersion, probe: topics.probe('operator') });
      await operator.broker.readRetained([topics.retained('a')], never);
      expect(new Set(operator.texts())).toEqual(new Set(['stored a/desired D', 'stored a/state S']));
      await device.broker.publish(topics.state('a'), 'after', stored);
      await operator.until(() => operator.messages.length > 0);
      expect(operator.texts()).toEqual(['live a/state after']);
    },
  );

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
