import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { startBroker } from './broker.ts';
import type { DevBroker, DevBrokerOptions } from './broker.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function broker(options?: DevBrokerOptions): Promise<DevBroker> {
  const started = await startBroker(options);
  cleanups.push(() => started.close());
  return started;
}

async function client({ url }: DevBroker, options: IClientOptions = {}): Promise<MqttClient> {
  const connected = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  cleanups.push(() => connected.endAsync(true));
  return connected;
}

/** Subscribes and returns the next message as text. */
async function next(subscriber: MqttClient, topic: string): Promise<string> {
  const received = new Promise<string>((resolve) => {
    subscriber.once('message', (name, payload, { retain }) => resolve(`${name} ${payload.toString()} ${retain}`));
  });
  await subscriber.subscribeAsync(topic, { qos: 1 });
  return received;
}

describe('the embedded broker', () => {
  it.each([
    [5, 4],
    [4, 5],
  ] as const)('passes messages from MQTT %i to %i', async (from, to) => {
    const started = await broker();
    const subscriber = await client(started, { protocolVersion: to });
    const received = next(subscriber, 'a/+');
    const publisher = await client(started, { protocolVersion: from });
    await publisher.publishAsync('a/b', 'x', { qos: 1, retain: true });
    expect(await received).toMatch(/^a\/b x (true|false)$/);
    expect(await next(await client(started), 'a/#')).toBe('a/b x true');
  });

  it('publishes the last will of a client that vanishes, and not of one that says goodbye', async () => {
    const started = await broker();
    const will = { topic: 'will', payload: 'gone', qos: 1, retain: true } as const;
    const polite = await client(started, { will: { ...will, topic: 'polite' } });
    await polite.endAsync();
    const received = next(await client(started), '+');
    const rude = await client(started, { will });
    rude.stream.destroy();
    expect(await received).toMatch(/^will gone/);
  });

  it('keeps retained messages in its folder, without those that were cleared and without last wills of its own end', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'mir-broker-'));
    cleanups.push(() => rmSync(dataDir, { recursive: true }));
    const first = await startBroker({ dataDir });
    const publisher = await client(first, {
      will: { topic: 'will', payload: Buffer.from('gone'), retain: true, qos: 1 },
    });
    for (const [topic, text] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['b', ''],
      ['c', '\0\u00ff'],
    ] as const) {
      await publisher.publishAsync(topic, text, { qos: 1, retain: true });
    }
    await publisher.publishAsync('live', 'x', { qos: 1 });
    await first.close();

    const second = await broker({ dataDir });
    const subscriber = await client(second);
    const stored: string[] = [];
    subscriber.on('message', (topic, payload) => stored.push(`${topic} ${payload.toString()}`));
    await subscriber.subscribeAsync('#', { qos: 1 });
    const end = client(second).then((other) => other.publishAsync('end', '', { qos: 1 }));
    while (!stored.includes('end ')) await new Promise((resolve) => subscriber.once('message', resolve));
    await end;
    expect(stored.sort()).toEqual(['a 3', 'c \0\u00ff', 'end ']);
  });

  it('takes the port it is told, and frees it', async () => {
    const first = await startBroker();
    await first.close();
    const { port } = first;
    expect((await broker({ port })).port).toBe(port);
  });

  it('says so when the port is taken', async () => {
    const { port } = await broker();
    await expect(startBroker({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
