import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { startBroker } from '../dev/broker.ts';
import { silentLogger } from '../base/log.ts';
import type { BrokerConnection, BrokerHandlers } from '../broker/broker.ts';
import { createBroker } from '../mqtt/connection.ts';
import { hasMosquitto } from '../../test/world/mosquitto.ts';
import { encodeDesired } from './desired-document.ts';
import { PLAIN_KINDS } from './testing/kinds.ts';
import { createTopics } from './topics.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const topics = createTopics();
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The fenced block between `<!-- name:begin -->` and `<!-- name:end -->`. */
function block(name: string): string {
  const text = new RegExp(`<!-- ${name}:begin -->\n\`\`\`\\w*\n(.*?)\`\`\`\n<!-- ${name}:end -->`, 's').exec(
    readme,
  )?.[1];
  if (text === undefined) throw new Error(`README.md has no block ${name}`);
  return text;
}

/** Connects as `username`; `seen` resolves when a live message with that topic and text arrives. */
async function connected(
  url: string,
  username: string,
): Promise<{ broker: BrokerConnection; seen: (line: string) => Promise<void> }> {
  const lines = new Set<string>();
  const waiting = new Map<string, () => void>();
  const ready = Promise.withResolvers<void>();
  const broker = createBroker(
    { url, clientId: username, live: topics.live, credentials: () => ({ username }) },
    { clock: systemClock, log: silentLogger },
  );
  const stop = new AbortController();
  const handlers: BrokerHandlers = {
    onMessage: ({ topic, payload }) => {
      lines.add(`${topic} ${payload.toString()}`);
      waiting.get(`${topic} ${payload.toString()}`)?.();
    },
    onConnected: () => ready.resolve(),
    onDisconnected: () => {},
  };
  const running = broker.run(handlers, stop.signal);
  cleanups.push(() => {
    stop.abort();
    return running;
  });
  await ready.promise;
  const seen = (line: string): Promise<void> =>
    lines.has(line) ? Promise.resolve() : new Promise((resolve) => void waiting.set(line, resolve));
  return { broker, seen };
}

const withMosquitto = hasMosquitto() ? describe : describe.skip;

withMosquitto('the README', () => {
  it('has a device in three lines that goes online, reports what is desired, and leaves a last will', async () => {
    const embedded = await startBroker();
    cleanups.push(() => embedded.close());
    const { broker, seen } = await connected(embedded.url, 'operator');
    const id = 'temp-sensor-01';
    const entry = { revision: 1, time: '2024-11-20T14:00:00Z', value: { intervalSeconds: 60 } };
    const document = {
      version: 1,
      owner: { cluster: 'c', namespace: 'building-a', name: 'temperature-sensor-01', uid: 'u' },
      disabled: false,
      messages: { 'other.v1.Message': entry, 'sensor.v1.SampleRate': entry },
    } as const;
    await broker.publish(topics.desired(id), encodeDesired(document), { retain: true, qos: 1 });

    const script = block('device');
    expect(script.trim().split('\n')).toHaveLength(3);
    const env = { ...process.env, MQTT_HOST: '127.0.0.1', MQTT_PORT: String(embedded.port) };
    const device = spawn('sh', ['-c', script], { env, stdio: 'ignore', detached: true });
    const kill = (): void => {
      try {
        if (device.pid !== undefined) process.kill(-device.pid, 'SIGKILL');
      } catch {
        // it is gone already
      }
    };
    cleanups.push(kill);
    await seen(`${topics.state(id)} {"online":true}`);
    await seen(`${topics.reported(id, 'sensor.v1.SampleRate')} {"value":{"intervalSeconds":60}}`);
    const changed = { ...document, messages: { 'sensor.v1.SampleRate': { ...entry, value: { intervalSeconds: 30 } } } };
    await broker.publish(topics.desired(id), encodeDesired(changed), { retain: true, qos: 1 });
    await seen(`${topics.reported(id, 'sensor.v1.SampleRate')} {"value":{"intervalSeconds":30}}`);
    kill();
    await seen(`${topics.state(id)} {"online":false,"will":true}`);
  });
});

describe('the README', () => {
  it('names every topic', () => {
    const topic = (path: string): string => path.replace('mir/v1alpha/ID', '`…/{id}').replace('MESSAGE', '{message}');
    const all = PLAIN_KINDS.map((kind) => topics[kind]('ID'));
    for (const path of [...all, topics.reported('ID', 'MESSAGE')]) expect(readme).toContain(`${topic(path)}\``);
  });
});
