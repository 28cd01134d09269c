/** Devices that keep working, and keep their configuration, while they are cut off: real processes that are really killed. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { scratchDirectory } from '../real/reaper.ts';
import { startSubprocess } from '../real/subprocess.ts';
import type { Subprocess } from '../real/subprocess.ts';
import { eventually, throughout } from '../world/eventually.ts';
import { BATTERY, RATE, Stage } from './support/stage.ts';

const PROGRAM = fileURLToPath(new URL('support/offline-device.ts', import.meta.url));
/** The clock of a device without a battery, every time it starts. */
const IN_1970 = `data:text/javascript,const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(1000)}static now(){return 1000}}`;

let stage: Stage;
let folder: string;
const running: Subprocess[] = [];

beforeAll(async () => {
  stage = await Stage.open();
  folder = scratchDirectory('offline');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((process) => process.kill()));
  await stage.world.broker.restore();
});
afterAll(() => stage.close());

interface Program {
  readonly lines: readonly string[];
  /** Waits for a line that begins so, come or yet to come. */
  line(start: string): Promise<string>;
  kill(): Promise<unknown>;
}

const storeOf = (name: string): string => join(folder, `${name}.db`);

async function run(name: string, args: readonly string[] = [], nodeFlags: readonly string[] = []): Promise<Program> {
  const lines: string[] = [];
  const common = [`--id=${stage.id(name)}`, `--url=${stage.world.broker.proxyUrl}`, `--store=${storeOf(name)}`];
  const child = await startSubprocess(process.execPath, [...nodeFlags, PROGRAM, ...common, ...args], {
    onLine: (line) => lines.push(line),
  });
  running.push(child);
  return {
    lines,
    kill: () => child.kill(),
    line: (start) =>
      eventually(`${name} says ${start}`, () => {
        const found = lines.find((line) => line.startsWith(start));
        if (found === undefined) throw new Error(`it said:\n${lines.join('\n')}`);
        return found;
      }),
  };
}

const rate = (intervalSeconds: number) => ({ [RATE]: { intervalSeconds } });
const ran = ({ lines }: Program): string[] => lines.filter((line) => line.startsWith('run '));

describe('a device', () => {
  it('that is killed while it applies has acknowledged, and applies again when it starts', async () => {
    await stage.create('stuck', rate(60));
    const stuck = await run('stuck', ['--stuck']);
    await stuck.line('run {"intervalSeconds":60}');
    await stage.until('stuck', 'acknowledged', ({ status }) =>
      expect(status?.sync?.[RATE]?.state).toBe('Acknowledged'),
    );
    await stuck.kill();
    const again = await run('stuck');
    await again.line('applied {"intervalSeconds":60}');
    await stage.untilCondition('stuck', 'Synced', 'True/InSync');
    expect(ran(again)).toHaveLength(1);
  });

  it('whose handler fails says so in the twin, and applies when it works again', async () => {
    await stage.create('failing', rate(60));
    const device = await run('failing', ['--failures=2']);
    await stage.until('failing', 'acknowledged, and why no more', ({ status }) => {
      const { state, message } = status?.sync?.[RATE] ?? {};
      expect([state, message]).toEqual(['Acknowledged', 'not applied yet, handler failed: no answer from the sensor']);
    });
    await device.line('event handler of sensor.v1.SampleRate failed: no answer from the sensor; tried again in');
    await stage.untilCondition('failing', 'Synced', 'True/InSync');
    expect(ran(device)).toHaveLength(3);
    expect((await stage.get('failing')).status?.sync?.[RATE]).not.toHaveProperty('message');
  });

  it('that starts without network runs its handlers from its store, and nothing twice when the network comes', async () => {
    await stage.create('alone', rate(60));
    const first = await run('alone');
    await stage.untilCondition('alone', 'Synced', 'True/InSync');
    await first.kill();
    stage.world.broker.cut();
    const second = await run('alone');
    await second.line('applied {"intervalSeconds":60}');
    await second.line('event offline');
    expect(second.lines.filter((line) => line === 'event online')).toEqual([]);
    await stage.world.broker.restore();
    await second.line('event online');
    await stage.until('alone', 'online', ({ status }) => expect(status?.online).toBe(true));
    await stage.untilCondition('alone', 'Synced', 'True/InSync');
    expect(ran(second)).toHaveLength(1);
  });

  it('that was away for five changes gets the last one, once', async () => {
    await stage.create('away', rate(1));
    const before = await run('away');
    await stage.untilCondition('away', 'Synced', 'True/InSync');
    await before.kill();
    for (const interval of [2, 3, 4, 5, 6]) await stage.desire('away', RATE, { intervalSeconds: interval });
    await stage.untilCondition('away', 'Synced', 'False/Pending');
    await stage.untilCondition('away', 'Ready', 'True/Published');
    const after = await run('away');
    await after.line('applied {"intervalSeconds":6}');
    await stage.untilCondition('away', 'Synced', 'True/InSync');
    // What it had, from its store before it had a connection; and then the newest.
    expect(ran(after)).toEqual(['run {"intervalSeconds":1}', 'run {"intervalSeconds":6}']);
  });

  it('that reported offline, and was killed before it was online, delivers the newest', async () => {
    await stage.create('reporter');
    stage.world.broker.cut();
    const offline = await run('reporter', ['--reports=5']);
    await offline.line('reported 5');
    await offline.kill();
    const topic = stage.topic('reporter', `reported/${BATTERY}`);
    const heard = await stage.world.broker.watch(topic);
    await stage.world.broker.restore();
    await run('reporter');
    await stage.until('reporter', 'has the newest', ({ status }) =>
      expect(status?.reported?.[BATTERY]).toEqual({ percentage: 5 }),
    );
    expect(new Set(heard.on(topic).map(({ text }) => (JSON.parse(text) as { value: unknown }).value))).toEqual(
      new Set([{ percentage: 5 }]),
    );
  });

  it('whose message was withdrawn while it was away takes it back once', async () => {
    await stage.create('withdrawn', rate(60));
    const before = await run('withdrawn');
    await stage.untilCondition('withdrawn', 'Synced', 'True/InSync');
    await before.kill();
    await stage.desire('withdrawn', RATE, null);
    await stage.until('withdrawn', 'nothing is desired', ({ status }) => expect(status?.sync?.[RATE]).toBeUndefined());
    const after = await run('withdrawn');
    await after.line('withdrawn');
    await stage.until('withdrawn', 'online', ({ status }) => expect(status?.online).toBe(true));
    await after.kill();
    const last = await run('withdrawn');
    await last.line('event online');
    expect(last.lines.filter((line) => line === 'withdrawn' || line.startsWith('run'))).toEqual([]);
  });

  it.each([
    ['deleted', (path: string) => rmSync(path), []],
    ['corrupted', (path: string) => writeFileSync(path, 'noise'.repeat(5000)), ['event store failed']],
  ] as const)('whose store was %s gets everything again', async (how, damage, says) => {
    await stage.create(how, rate(60));
    const before = await run(how);
    await stage.untilCondition(how, 'Synced', 'True/InSync');
    await before.kill();
    for (const suffix of ['-wal', '-shm']) rmSync(storeOf(how) + suffix, { force: true });
    damage(storeOf(how));
    const after = await run(how);
    for (const line of says) expect(await after.line(line)).toContain('going on with an empty store');
    await after.line('applied {"intervalSeconds":60}');
    await stage.desire(how, RATE, { intervalSeconds: 61 });
    await after.line('applied {"intervalSeconds":61}');
    await stage.untilCondition(how, 'Synced', 'True/InSync');
    expect(ran(after)).toHaveLength(2);
  });

  it('whose clock stands in 1970 takes every change', async () => {
    await stage.create('timeless', rate(1));
    const device = await run('timeless', [], ['--import', IN_1970]);
    for (const interval of [2, 3]) {
      await stage.untilCondition('timeless', 'Synced', 'True/InSync');
      await stage.desire('timeless', RATE, { intervalSeconds: interval });
      await device.line(`applied {"intervalSeconds":${interval}}`);
    }
    await stage.untilCondition('timeless', 'Synced', 'True/InSync');
    await device.kill();
    const later = await run('timeless', [], ['--import', IN_1970]);
    await later.line('applied {"intervalSeconds":3}');
  });
});

describe('two processes with one device id', () => {
  it.each([
    ['connections of their own', ['--client-id=first'], ['--client-id=second']],
    ['one client id, so that the newer cuts the older off', [], []],
  ])('that have %s: the newer session wins, and the older one’s will does not count', async (_, older, newer) => {
    const name = `twins-${older.length}`;
    await stage.create(name, rate(60));
    const unique = (args: readonly string[]): string[] => args.map((arg) => `${arg}-${stage.namespace}`);
    const first = await run(name, [`--store=${storeOf(`${name}-1`)}`, ...unique(older)]);
    await first.line('event online');
    await stage.until(name, 'online', ({ status }) => expect(status?.online).toBe(true));
    const second = await run(name, [`--store=${storeOf(`${name}-2`)}`, ...unique(newer)]);
    await second.line('event online');
    await first.kill();
    // Longer than the grace of a last will, and than three heartbeats of nobody.
    const session = await eventually('the newer session is known', async () => {
      const { status } = await stage.get(name);
      const born = JSON.parse(await retainedState(name)) as { online: boolean; session: string };
      expect(born.online).toBe(true);
      expect(status?.session?.id).toBe(born.session);
      return born.session;
    });
    await throughout('it stays online', 2500, async () => expect((await stage.get(name)).status?.online).toBe(true));
    expect((await stage.get(name)).status?.session?.id).toBe(session);
    await eventually('the broker keeps its birth', async () =>
      expect(JSON.parse(await retainedState(name))).toMatchObject({ online: true, session }),
    );
  });
});

async function retainedState(name: string): Promise<string> {
  const topic = stage.topic(name, 'state');
  return (await stage.world.broker.retained(topic)).get(topic) ?? '{}';
}
