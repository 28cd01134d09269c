/**
 * The same short story at every broker: twins come up, change, sleep and go, the operator and the broker restart. A row of the
 * table in test/README.md is one `describe` of this file.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { findCondition } from '../../src/api/conditions.ts';
import { devicesPath } from '../../src/api/device.ts';
import type { Device } from '../../src/api/device.ts';
import { PublishWindow } from '../../src/base/publish-window.ts';
import { BROKERS } from '../real/brokers.ts';
import { assembleWorld } from '../world/assemble.ts';
import { eventually, throughout } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { openRealCluster } from '../world/real.ts';
import type { World } from '../world/world.ts';

const DEVICES = 50;
const RATE = 'sensor.v1.SampleRate';
const PREFIX = 'mir/v1alpha';
const LIMIT = { timeoutMs: 45_000 };
/** The least that one of these brokers takes at one time: HiveMQ cuts off a client of MQTT 5 that sends more. */
const RECEIVE_MAXIMUM = 10;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const cases = BROKERS.flatMap((kind) => kind.versions.map((version) => [kind.name, version, kind] as const));
const wanted = process.env['MIR_BROKERS']?.split(',');

for (const [name, version, kind] of cases.filter(([each]) => wanted === undefined || wanted.includes(each))) {
  describe(`${name}, MQTT ${version === 4 ? '3.1.1' : '5'}`, () => {
    let world: World;
    let namespace: string;
    let operator: OperatorProcess;
    let devices: MqttClient;
    let publishes: PublishWindow;
    /** The client of all devices; documents that came since `sent` was last emptied. */
    const sent: string[] = [];
    const ids = Array.from({ length: DEVICES }, (_, index) => `${name.replaceAll(' ', '-')}-${version}-${index}`);
    const [first = '', second = '', third = ''] = ids;

    const connect = (will?: string): Promise<MqttClient> =>
      connectAsync(world.broker.url, {
        protocolVersion: version,
        clientId: `devices-${Math.random().toString(36).slice(2)}`,
        reconnectPeriod: 200,
        ...(will === undefined
          ? {}
          : {
              will: {
                topic: `${PREFIX}/${will}/state`,
                payload: Buffer.from('{"online":false,"will":true}'),
                qos: 1,
                retain: true,
              },
            }),
      });
    /** Devices that do what they are told. */
    const listen = async (): Promise<void> => {
      devices = await connect();
      publishes = new PublishWindow(RECEIVE_MAXIMUM, Number.POSITIVE_INFINITY);
      devices.on('error', () => undefined);
      devices.on('message', (topic, payload, packet) => {
        const id = topic.split('/')[2] ?? '';
        if (!ids.includes(id) || payload.length === 0) return;
        if (!packet.retain) sent.push(topic);
        const { owner, messages } = JSON.parse(payload.toString()) as Document;
        for (const [message, { revision, value }] of Object.entries(messages)) {
          const report = { uid: owner.uid, revision, status: 'applied', value };
          void say(id, `reported/${message}`, report).catch(() => undefined);
        }
      });
      await devices.subscribeAsync(`${PREFIX}/+/desired`, { qos: 1 });
    };
    const say = (id: string, topic: string, body: object): Promise<void> =>
      publishes.run((done) => {
        devices.publish(`${PREFIX}/${id}/${topic}`, JSON.stringify(body), { retain: true, qos: 1 }, (error) =>
          done(error ?? undefined),
        );
      });
    const start = async (): Promise<void> => {
      const flags = [`--mqtt-protocol-version=${version}`, '--no-leader-election', '--will-grace-seconds=1'];
      operator = await world.startOperator({ namespace, flags });
    };
    const pathOf = (id: string): string => `${devicesPath(namespace)}/${id.toLowerCase()}`;
    const read = (id: string): Promise<Device> => world.kube.get<Device>(pathOf(id));
    const want = (id: string, intervalSeconds: number): Promise<unknown> =>
      world.kube.patch(pathOf(id), 'application/merge-patch+json', {
        properties: { desired: { [RATE]: { intervalSeconds } } },
      });
    const create = (id: string): Promise<unknown> =>
      world.kube.create(devicesPath(namespace), {
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name: id.toLowerCase() },
        spec: { deviceId: id },
        properties: { desired: { [RATE]: { intervalSeconds: 60 } } },
      });
    const until = (claim: string, id: string, check: (device: Device) => void): Promise<unknown> =>
      eventually(claim, async () => check(await read(id)), LIMIT);
    const condition = ({ status }: Device, type: 'Ready' | 'Synced' | 'Online'): string => {
      const found = findCondition(status?.conditions, type);
      return `${found?.status}/${found?.reason}`;
    };
    const allAre = (type: 'Ready' | 'Synced' | 'Online', state: string, among = ids): Promise<unknown> =>
      eventually(
        `all are ${type} ${state}`,
        async () => {
          const { items } = await world.kube.get<{ items: Device[] }>(devicesPath(namespace));
          const states = items.filter(({ spec }) => among.includes(spec.deviceId)).map((each) => condition(each, type));
          expect(new Set(states)).toEqual(new Set([state]));
        },
        LIMIT,
      );
    /** What stands at the broker below a device's topic. */
    const standing = async (id: string): Promise<string[]> => {
      const client = await connect();
      const found = new Set<string>();
      client.on('message', (topic, payload) => payload.length > 0 && found.add(topic));
      await client.subscribeAsync(`${PREFIX}/${id}/#`, { qos: 1 });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await client.endAsync(true);
      return [...found];
    };
    const isGone = (id: string): Promise<unknown> =>
      eventually(`nothing of ${id} stands`, async () => expect(await standing(id)).toEqual([]), LIMIT);
    const nothingIsSent = async (): Promise<void> => {
      sent.length = 0;
      await throughout('no document is sent', 3000, () => expect(sent).toEqual([]));
    };

    beforeAll(async () => {
      world = await assembleWorld(
        'real',
        (directory) => openRealCluster(directory, false),
        (directory) => {
          const own = join(directory, 'broker');
          mkdirSync(own);
          return kind.start(own, progress);
        },
      );
      namespace = await world.namespace();
      await start();
      await listen();
    }, 180_000);
    afterAll(async () => {
      await devices?.endAsync(true);
      await world?.close();
    }, 60_000);

    it('1 shows what it stores, as far as the operator needs', async () => {
      await eventually('the broker is proven', async () => {
        const listing = await (await fetch(`${operator.url}/readyz?verbose`)).text();
        expect(listing).toMatch(/\[\+\]broker ok$/m);
      });
    });
    it('2 holds the documents of all twins', async () => {
      await Promise.all(ids.map(create));
      await allAre('Ready', 'True/Published');
      expect(await standing(first)).toContain(`${PREFIX}/${first}/desired`);
    });
    it('3 brings them to devices, and their answers back', () => allAre('Synced', 'True/InSync'));
    it('4 tells births', async () => {
      await Promise.all(ids.map((id) => say(id, 'state', { online: true, session: 's1' })));
      await allAre('Online', 'True/Birth');
    });
    it('5 brings a change to a device that is online', async () => {
      await want(first, 30);
      await until('in sync on 30', first, (device) => {
        expect(condition(device, 'Synced')).toBe('True/InSync');
        expect(device.status?.reported?.[RATE]).toEqual({ intervalSeconds: 30 });
      });
    });
    it('6 brings what a device reports by itself', async () => {
      await say(first, 'reported/sensor.v1.BatteryStatus', { value: { percentage: 87 } });
      await until('the battery is shown', first, ({ status }) =>
        expect(status?.reported?.['sensor.v1.BatteryStatus']).toEqual({ percentage: 87 }),
      );
    });
    it('7 tells goodbyes', async () => {
      await say(first, 'state', { online: false, session: 's1' });
      await until('said goodbye', first, (device) => expect(condition(device, 'Online')).toBe('False/Goodbye'));
    });
    it('8 tells last wills', async () => {
      const dying = await connect(second);
      dying.options.reconnectPeriod = 0;
      dying.stream.destroy();
      await until('its will is told', second, (device) => expect(condition(device, 'Online')).toBe('False/LastWill'));
    });
    it('9 holds a change for devices that are away', async () => {
      await devices.endAsync(true);
      await want(first, 20);
      await until('waiting', first, (device) => {
        expect(condition(device, 'Ready')).toBe('True/Published');
        expect(condition(device, 'Synced')).toBe('False/Pending');
      });
    });
    it('10 brings it when they come back', async () => {
      await listen();
      await allAre('Synced', 'True/InSync');
      expect((await read(first)).status?.reported?.[RATE]).toEqual({ intervalSeconds: 20 });
    });
    it('11 is sent nothing by an operator that restarts', async () => {
      sent.length = 0;
      await operator.stop();
      await start();
      await throughout('no document is sent', 5000, () => expect(sent).toEqual([]));
      await allAre('Synced', 'True/InSync');
    });
    it('12 keeps what is reported while the operator is away', async () => {
      await operator.kill();
      await say(first, 'reported/sensor.v1.BatteryStatus', { value: { percentage: 12 } });
      await say(third, 'state', { online: false, session: 's1' });
      await want(second, 45);
      await world.kube.delete(pathOf(third));
      await start();
      await until('the battery is shown', first, ({ status }) =>
        expect(status?.reported?.['sensor.v1.BatteryStatus']).toEqual({ percentage: 12 }),
      );
    });
    it('13 is brought what changed meanwhile', () =>
      until('in sync on 45', second, (device) => {
        expect(condition(device, 'Synced')).toBe('True/InSync');
        expect(device.status?.reported?.[RATE]).toEqual({ intervalSeconds: 45 });
      }));
    it('14 keeps nothing of a twin that was deleted meanwhile', () => isGone(third));
    it('15 keeps nothing of a twin that is deleted', async () => {
      const last = ids.at(-1) ?? '';
      await world.kube.delete(pathOf(last));
      await isGone(last);
    });
    it('16 is found again after a restart with its store', async () => {
      sent.length = 0;
      await world.broker.restart();
      await eventually('devices are back', () => expect(devices.connected).toBe(true), LIMIT);
      await want(first, 70);
      await until('in sync on 70', first, (device) => {
        expect(condition(device, 'Synced')).toBe('True/InSync');
        expect(device.status?.reported?.[RATE]).toEqual({ intervalSeconds: 70 });
      });
    });
    it('17 was sent nothing else', () => expect(new Set(sent)).toEqual(new Set([`${PREFIX}/${first}/desired`])));
    it('18 gets everything again when it lost its store', async () => {
      await world.broker.restart({ empty: true });
      await eventually('devices are back', () => expect(devices.connected).toBe(true), LIMIT);
      const among = ids.slice(3, -1);
      await eventually(
        'all stand again',
        async () => {
          for (const id of [first, second, ...among.slice(0, 3)])
            expect(await standing(id)).toContain(`${PREFIX}/${id}/desired`);
        },
        LIMIT,
      );
      await allAre('Ready', 'True/Published');
    });
    it('19 brings a change after that', async () => {
      await want(second, 90);
      await until('in sync on 90', second, (device) =>
        expect(device.status?.reported?.[RATE]).toEqual({ intervalSeconds: 90 }),
      );
      await allAre('Synced', 'True/InSync');
    });
    it('20 is left alone when nothing happens', nothingIsSent);
  });
}

interface Document {
  readonly owner: { readonly uid: string };
  readonly messages: Readonly<Record<string, { readonly revision: number; readonly value: object }>>;
}
