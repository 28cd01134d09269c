import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { startBroker } from '../dev/broker.ts';
import type { OversizedMessage } from '../broker/broker.ts';
import { startMosquitto } from '../../test/world/mosquitto.ts';
import { topics, never, opened, systemTick, connected, stored, live, withMosquitto } from './testing/clients.ts';

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
      'is proven by one stored message, and leaves nothing of its own behind (MQTT %i)',
      async (protocolVersion) => {
        const { url } = opened(await start());
        const operator = await connected(url, { protocolVersion, probe: topics.probe('operator') });
        await operator.broker.readRetained([topics.retained('a')], never);
        expect(operator.broker.findings).toMatchObject({ isStoreProven: true, pageQos: 1, shortcoming: undefined });
        while (!operator.broker.findings.matchesParentLevel) await systemTick();
        const other = await connected(url, { clientId: 'other', live: [] });
        const untilLeft = async (expected: readonly string[]): Promise<void> => {
          let left: string[];
          do {
            await other.broker.readRetained(['mir/v1alpha/mir-operator/#'], never);
            left = other.messages.splice(0).map(({ topic }) => topic);
          } while (left.join() !== expected.join());
        };
        await untilLeft([topics.probe('operator').marker]);
        expect(operator.texts()).toEqual([]);
        await operator.close();
        await untilLeft([]);
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
