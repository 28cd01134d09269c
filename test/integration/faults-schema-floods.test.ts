/** One device with nothing but its own credentials floods the operator with schemas; a neighbour's changes are measured beside it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hashSchema } from '../../src/schema/load-schema.ts';
import { descriptorSet } from '../../src/schema/testing/descriptor-set.ts';
import { residentMb } from '../bench/process-usage.ts';
import { pause } from './support/pause.ts';
import { eventually } from '../world/eventually.ts';
import { startCommand } from '../world/start-command.ts';
import { RATE, Stage } from './support/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.operator.kill();
  // As the image runs it: memory is a part of what is measured.
  const { env, nodeFlags } = startCommand();
  stage.operator = await stage.world.startOperator({
    namespace: stage.namespace,
    flags: ['--no-leader-election'],
    nodeFlags,
    env,
  });
}, 120_000);
afterAll(() => stage.close(), 120_000);

/** Of no use, for a missing import, and another for every tail; 183 kB. */
const base = Array.from({ length: 600 }, (_, at) => ({
  name: `Message${at}`,
  fields: Array.from({ length: 20 }, (_unused, field) => ({ name: `field_${field}`, number: field + 1 })),
}));
const refusedSchemas = Array.from({ length: 8 }, (_, at) =>
  descriptorSet({ name: `${at}.proto`, imports: ['no/such.proto'], messages: base.slice(0, 500) }),
);

const FLOOD_MS = 6000;
/** 55 MB/s. With much more, a broker without limits of its own queues gigabytes before the operator's next PUBACK (docs/brokers.md). */
const MOST_PER_SECOND = 300;
/** Far above what a quiet machine shows, which is printed: other tests run beside this one. */
const MOST_MS = 5000;
const MOST_GROWTH_MB = 64;

/** Milliseconds from changes of a neighbour to its document, one after the other, while `flood` runs. */
async function measureBeside(name: string, flood: (signal: AbortSignal) => Promise<number>): Promise<string> {
  const neighbour = `${name}-neighbour`;
  await stage.create(neighbour, { [RATE]: { intervalSeconds: 1 } });
  const documents = await stage.world.broker.watch(stage.topic(neighbour, 'desired'));
  const before = residentMb(stage.operator.pid).now;
  const stop = new AbortController();
  const flooding = flood(stop.signal);
  const endsAt = performance.now() + FLOOD_MS;
  const times: number[] = [];
  for (let seconds = 2; performance.now() < endsAt; seconds += 1) {
    const startedAt = performance.now();
    await stage.desire(neighbour, RATE, { intervalSeconds: seconds });
    const document = await documents.first(`change ${seconds}`, ({ text }) =>
      text.includes(`"intervalSeconds":${seconds}}`),
    );
    times.push(document.at - startedAt);
  }
  const growth = residentMb(stage.operator.pid).now - before;
  stop.abort();
  const sent = await flooding;
  times.sort((a, b) => a - b);
  const p95 = times[Math.floor(times.length * 0.95)] ?? 0;
  console.log(`${name}: ${sent} sent; ${times.length} changes, p95 ${p95.toFixed(0)} ms; RSS +${growth.toFixed(0)} MB`);
  expect(p95).toBeLessThan(MOST_MS);
  expect(growth).toBeLessThan(MOST_GROWTH_MB);
  return neighbour;
}

/** Sends one after the other until `signal` aborts; resolves with how many. */
async function sendUntil(signal: AbortSignal, send: (at: number) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let sent = 0;
  for (; !signal.aborted; sent += 1) {
    const earlyMs = startedAt + (sent * 1000) / MOST_PER_SECOND - performance.now();
    if (earlyMs > 0) await pause(earlyMs);
    await send(sent);
  }
  return sent;
}

/** A neighbour with new firmware is typed while all this is going on, or right after. */
async function expectTyped(name: string): Promise<void> {
  const schema = descriptorSet({ name: `${name}.proto`, messages: [{ name: 'A' }] });
  await stage.answerSchema(name, schema);
  await stage.say(name, 'state', { online: true, session: 'n', heartbeat: 0, schema: hashSchema(schema) });
  await stage.until(name, 'is typed', ({ status }) => expect(status?.schema?.packageNames).toEqual(['test.v1']));
}

describe('a device that floods the operator with schemas', () => {
  it('nobody asked for keeps no neighbour waiting, and takes no memory', async () => {
    await stage.create('unasked');
    const client = await stage.world.broker.connect();
    const neighbour = await measureBeside('unasked', (signal) =>
      sendUntil(signal, async (at) => {
        const payload = refusedSchemas[at % refusedSchemas.length] ?? Buffer.alloc(0);
        await client.publishAsync(stage.topic('unasked', 'schema'), payload, { qos: 1 });
      }),
    );
    await expectTyped(neighbour);
    await eventually('they are counted', async () => expect(await stage.badInput('UnaskedSchema')).toBeGreaterThan(10));
  }, 60_000);

  it('of no use, each announced before, does neither', async () => {
    await stage.create('liar');
    const client = await stage.world.broker.connect();
    const neighbour = await measureBeside('liar', (signal) =>
      sendUntil(signal, async (at) => {
        const payload = refusedSchemas[at % refusedSchemas.length] ?? Buffer.alloc(0);
        const state = { online: true, session: `s${at}`, heartbeat: 0, schema: hashSchema(payload) };
        await client.publishAsync(stage.topic('liar', 'state'), JSON.stringify(state), { qos: 1, retain: true });
        await client.publishAsync(stage.topic('liar', 'schema'), payload, { qos: 1 });
      }),
    );
    await expectTyped(neighbour);
  }, 60_000);
});
