import { expect } from '@jest/globals';
import type { Device } from '../../src/api/device.ts';
import type { KubeList } from '../../src/kube/client.ts';
import type { MqttClient } from 'mqtt';
import { eventually } from '../world/eventually.ts';
import type { World } from '../world/world.ts';
import { Lane } from './support/fault-lane.ts';
import { describeFaults, seconds } from './support/fault-suite.ts';

/** Four messages each, 150,000 in all with a real broker; the embedded one looks at every stored message for every filter. */
const STRANGERS = { real: 37_250, embedded: 250 };
/** More than one page. */
const KNOWN = { real: 500, embedded: 250 };
/** Messages under way to the broker; it has to store each of them. */
const IN_FLIGHT = 500;

describeFaults('among many retained messages (150,000 with a real broker)', {
  'the operator finds those of its devices, loses none, and serves them': amongMany,
});

async function amongMany(world: World): Promise<string> {
  const lane = await Lane.open(world);
  try {
    await fill(await lane.broker.connect(), lane.namespace, STRANGERS[world.kind], KNOWN[world.kind]);
    await createKnown(world, lane.namespace);
    const startedAt = performance.now();
    await lane.startOperator();
    await eventually('every known device shows what it had reported', () => expectKnown(world, lane.namespace), {
      timeoutMs: 90_000,
    });
    await lane.converged();
    const ms = performance.now() - startedAt;
    await lane.stillWorks();
    expect((await lane.broker.retained('mir/v1alpha/stranger-1/#')).size).toBe(4);
    return `everything in status ${seconds(ms)} after the operator's start`;
  } finally {
    await lane.close();
  }
}

/** Four messages of each stranger, whose documents belong to another cluster, and two of each known device. */
async function fill(client: MqttClient, namespace: string, strangers: number, known: number): Promise<void> {
  const messages = function* (): Generator<readonly [topic: string, payload: string]> {
    for (let at = 0; at < strangers; at += 1) {
      const topic = `mir/v1alpha/stranger-${at}`;
      const owner = { cluster: 'elsewhere', namespace: 'x', name: `d${at}`, uid: `u${at}` };
      yield [`${topic}/desired`, JSON.stringify({ version: 1, owner, disabled: false, messages: {} })];
      yield [`${topic}/state`, JSON.stringify({ version: 1, online: true, session: `s${at}` })];
      yield [`${topic}/reported/a.B`, '{"value":{"n":1}}'];
      yield [`${topic}/reported/a.C`, '{"value":{"n":2}}'];
    }
    for (let at = 0; at < known; at += 1) {
      const topic = `mir/v1alpha/${namespace}-known-${at}`;
      yield [`${topic}/state`, JSON.stringify({ version: 1, online: true, session: `s${at}`, heartbeat: 0 })];
      yield [`${topic}/reported/a.B`, JSON.stringify({ value: { n: at } })];
    }
  };
  const source = messages();
  const publishAll = async (): Promise<void> => {
    for (const [topic, payload] of source) await client.publishAsync(topic, payload, { retain: true, qos: 1 });
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, publishAll));
}

async function createKnown({ kube, kind }: World, namespace: string): Promise<void> {
  const names = Array.from({ length: KNOWN[kind] }, (_, at) => `known-${at}`).values();
  const createAll = async (): Promise<void> => {
    for (const name of names) {
      await kube.create(`/apis/iot.mir/v1alpha/namespaces/${namespace}/devices`, {
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name, namespace },
        spec: { deviceId: `${namespace}-${name}` },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, createAll));
}

async function expectKnown({ kube, kind }: World, namespace: string): Promise<void> {
  const path = `/apis/iot.mir/v1alpha/namespaces/${namespace}/devices`;
  const { items } = await kube.get<KubeList<Device>>(path);
  const known = items.filter(({ metadata }) => metadata.name.startsWith('known-'));
  const silent = known.filter(
    ({ metadata, status }) =>
      status?.online !== true || status.reported?.['a.B']?.['n'] !== Number(metadata.name.slice('known-'.length)),
  );
  expect({ known: known.length, silent: silent.length }).toEqual({ known: KNOWN[kind], silent: 0 });
}
