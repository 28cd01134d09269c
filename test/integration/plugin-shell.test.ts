/** What the plugin does for a person at a shell beside changing devices: refresh, top, completion, colours. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { startPlugin } from '../world/plugin.ts';
import { RATE, Stage } from './support/stage.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await Promise.all(['one', 'two', 'away'].map((name) => stage.create(name, { [RATE]: { intervalSeconds: 60 } })));
  await stage.patch('one', { metadata: { labels: { floor: 'first' } } });
  await Promise.all(['one', 'two'].map((name) => stage.startDevice(name)));
  for (const name of ['one', 'two']) await stage.untilCondition(name, 'Synced', 'True/InSync');
}, 120_000);
afterAll(() => stage.close(), 120_000);

const mir = (...args: readonly string[]) => startPlugin(stage.world.kubeconfig, [...args, '-n', stage.namespace]).done;

describe('refresh', () => {
  it('makes devices that are there report again, and asks nothing of those that are away', async () => {
    const topics = ['one', 'two', 'away'].map((name) => stage.topic(name, '#'));
    const heard = await stage.world.broker.watch(topics);
    heard.forget();
    const { code, stdout } = await mir('refresh', 'one', 'away');
    expect([code, stdout]).toEqual([0, '1 asked to report again, 1 offline (away): they report when they come back\n']);
    await eventually('the device was asked, and reports', () => {
      expect(heard.on(stage.topic('one', 'get')).map(({ text }) => text)).toEqual(['reported']);
      expect(heard.on(stage.topic('one', `reported/${RATE}`)).length).toBeGreaterThan(0);
    });
    expect(heard.on(stage.topic('two', 'get'))).toEqual([]);
    expect((await stage.get('one')).metadata.generation).toBe(1);
  });

  it('is asked for each time', async () => {
    const heard = await stage.world.broker.watch(stage.topic('two', 'get'));
    for (const times of [1, 2]) {
      await mir('refresh', 'two');
      await eventually('asked once more', () => expect(heard.messages.length).toBe(times));
    }
  });

  it('takes devices by label, as Mir spells it too', async () => {
    expect((await mir('refresh', '--target.labels', 'floor=first')).stdout).toBe('1 asked to report again\n');
    expect(await mir('refresh', '--target.labels=floor=none')).toMatchObject({ code: 1 });
    expect(await mir('refresh')).toMatchObject({ code: 2, stderr: expect.stringContaining('say which devices') });
  });
});

describe('top', () => {
  it('shows how the operator keeps up, and who waits', async () => {
    const url = `${stage.operator.url}/metrics`;
    const { code, stdout } = await mir('top', '--metrics-url', url, '--interval', '100ms');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Devices: +3, 2 online, 2 in sync$/m);
    expect(stdout).toMatch(/^Broker: +connected, /m);
    expect(stdout).toMatch(/^Write budget: +\d+ at once, \d+ wait/m);
    expect(stdout).toMatch(/^DEVICE +SYNC +MESSAGES +WAITS +ONLINE +HEARTBEAT$/m);
    expect(stdout).toMatch(new RegExp(`^${stage.namespace}/away +Pending +0/1 +\\d+s +no +-$`, 'm'));
  });

  it('says what to do where there are no metrics, and shows the devices all the same', async () => {
    const { code, stdout, stderr } = await mir('top', '--operator-namespace', stage.namespace);
    expect([code, stderr]).toEqual([0, expect.stringContaining('use --metrics-url')]);
    expect(stdout).toContain(`${stage.namespace}/away`);
  });
});

describe('completion', () => {
  const complete = async (command: string, ...rest: readonly string[]): Promise<string[]> => {
    const words = rest.length === 0 ? [command] : [command, '-n', stage.namespace, ...rest];
    const { stdout } = await startPlugin(stage.world.kubeconfig, ['__complete', ...words]).done;
    return stdout.split('\n').filter((line) => line !== '');
  };

  beforeAll(async () => {
    const files = ['sensor/v1/sensor.proto'].map((file) => join(PROTO, file));
    const pushed = await startPlugin(stage.world.kubeconfig, ['schema', 'push', '-I', PROTO, ...files]).done;
    expect({ code: pushed.code, stderr: pushed.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('knows commands, flags and devices', async () => {
    expect(await complete('ref')).toEqual(['refresh\tAsk devices to send all their reports again', ':4']);
    expect(await complete('get', '--sel')).toEqual(['--selector\tdevices by label: type=sensor,floor!=2', ':4']);
    expect(await complete('describe', '')).toEqual(['away', 'one', 'two', ':4']);
    expect(await complete('get', '-l', 'fl')).toEqual(['floor=first', ':4']);
    expect(await complete('get', '-n', stage.namespace)).toEqual([stage.namespace, ':4']);
    expect(await complete('apply', '-f', '')).toEqual([':0']);
  });

  it('knows messages and fields of the schemas', async () => {
    expect(await complete('set', 'one', 'sensor.v1.S')).toEqual([':4']);
    expect(await complete('set', '-l', 'floor=first', 'sensor.v1.S')).toEqual([`${RATE}\tmessage`, ':4']);
    expect(await complete('set', '-A', RATE, 'int')).toEqual(['intervalSeconds=', ':6']);
  });

  it('leaves out the flag of a value, which shells put before it', async () => {
    expect(await complete('set', '--wait=')).toEqual(['Synced', 'Acknowledged', ':4']);
    expect(await complete('wait', '--for=Sy')).toEqual(['Synced', ':4']);
    expect(await complete('get', '--selector=fl')).toEqual(['floor=first', ':4']);
  });

  it('offers nothing, and says nothing, without a cluster', async () => {
    const run = startPlugin('/nowhere', ['__complete', 'get', '']);
    expect(await run.done).toEqual({ code: 0, stdout: ':4\n', stderr: '' });
  });
});

describe('colours', () => {
  it.each([
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [{ FORCE_COLOR: '1', TERM: 'dumb' }, false],
    [{}, false],
  ])('with %j: %s', async (env, hasColor) => {
    const run = startPlugin(stage.world.kubeconfig, ['get', '-n', stage.namespace], undefined, env);
    expect((await run.done).stdout.includes('\u001B[')).toBe(hasColor);
  });
});
