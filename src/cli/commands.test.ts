/** Commands against an API server, without an operator. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { historiesPath } from '../api/history.ts';
import { PluginBed } from '../../test/fakes/plugin-bed.ts';
import { RATE, rate } from '../../test/gen/device.ts';

let bed: PluginBed;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mir-cli-'));
  bed = await PluginBed.open();
}, 60_000);
afterEach(() => bed.api.restore());
afterAll(async () => {
  await bed.close();
  rmSync(folder, { recursive: true });
});

const NOTE = 'sensor.v1.Note';
const MISLEADING = 'safe\u202eevil\u2067\u009b2J';

describe('a twin that holds what turns the order of letters', () => {
  beforeAll(() => bed.create('default/odd', { [NOTE]: { text: MISLEADING, [`k\u202e`]: 'key' } }));

  it.each(['get odd -o yaml', 'get odd -o mir', 'get odd -o json'])(
    'stays as it is when %s is applied',
    async (words) => {
      const { stdout } = await bed.mir(words);
      expect(stdout).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u009b]/);
      expect((await bed.mir('apply -f - --force-conflicts', { stdin: stdout })).code).toBe(0);
      expect((await bed.read('default/odd')).properties?.desired?.[NOTE]).toEqual({
        text: MISLEADING,
        [`k\u202e`]: 'key',
      });
      const converted = await bed.mir('convert -f -', { stdin: stdout });
      expect((await bed.mir('diff -f -', { stdin: converted.stdout })).stdout).toBe('');
    },
  );
});

describe('apply --dry-run', () => {
  const document = (label: string): string =>
    JSON.stringify({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      meta: { name: 'labelled', namespace: 'default', labels: { floor: label }, annotations: { by: label } },
      spec: { deviceId: 'labelled' },
    });

  it('tells of a label as the apply would', async () => {
    await bed.mir('apply -f -', { stdin: document('1') });
    const tried = async (label: string): Promise<string> =>
      (await bed.mir('apply --dry-run -f -', { stdin: document(label) })).stdout;
    expect(await tried('1')).toBe('device.iot.mir/labelled unchanged (server dry run)\n');
    expect(await tried('2')).toBe('device.iot.mir/labelled configured (server dry run)\n');
    expect((await bed.read('default/labelled')).metadata.labels).toEqual({ floor: '1' });
  });
});

describe('the history of a device that was deleted', () => {
  beforeAll(() =>
    bed.kube.create(historiesPath('default'), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'devicehistory',
      metadata: { name: 'gone', namespace: 'default', labels: { 'iot.mir/deleted': 'true' } },
      device: { uid: 'u', deviceId: 'gone', generation: 2, deleted: '2024-11-21T00:00:00Z' },
      recorded: { disabled: false, messages: {} },
      changes: [
        {
          revision: 2,
          time: '2024-11-20T00:00:00Z',
          author: 'anna',
          authorKind: 'User',
          messages: { [RATE]: { before: { intervalSeconds: 60 }, after: { intervalSeconds: 30 } } },
          outcome: { state: 'InSync' },
        },
      ],
    }),
  );

  it('is shown where it was kept', async () => {
    expect(await bed.mir('history gone')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/anna +InSync/),
      stderr: 'default/gone was deleted 2024-11-21T00:00:00Z; its history is kept.\n',
    });
    expect(await bed.mir('history gone --revision 2')).toMatchObject({ stdout: expect.stringContaining('60 → 30') });
    expect(JSON.parse((await bed.mir('history gone -o json')).stdout)).toMatchObject({ changes: [{ author: 'anna' }] });
  });

  it('is missed where there is none', async () => {
    expect(await bed.mir('history nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no device "nobody"'),
    });
  });
});

describe('a change of many', () => {
  const create = (set: string): Promise<unknown> =>
    Promise.all(['1', '2', '3', '4'].map((n) => bed.create(`default/${set}${n}`, rate(60), { labels: { set } })));
  const values = (set: string): Promise<unknown[]> =>
    Promise.all(
      ['1', '2', '3', '4'].map(async (n) => (await bed.read(`default/${set}${n}`)).properties?.desired?.[RATE]),
    );
  const [old, fresh] = [{ intervalSeconds: 60 }, { intervalSeconds: 30 }];

  it('makes no more requests a second than --rate', async () => {
    await create('slow');
    bed.api.log.forget();
    const startedAt = performance.now();
    expect((await bed.mir(`set -l set=slow ${RATE} intervalSeconds=30 --rate 10`)).code).toBe(0);
    const times = bed.api.log.find({ method: 'PATCH' }).map(({ at }) => at - startedAt);
    expect(times.length).toBe(4);
    // A timer may be a millisecond early.
    times.toSorted((a, b) => a - b).forEach((time, at) => expect(time).toBeGreaterThan(at * 100 - 2));
  });

  it('ends at the first device that fails', async () => {
    await create('strict');
    bed.api.refuse(422, ({ method, path }) => method === 'PATCH' && path.endsWith('strict2'));
    expect(await bed.mir(`set -l set=strict ${RATE} intervalSeconds=30 --concurrency 1`)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^1 of 4 devices changed, 1 failed, 2 not tried: run the same command again/),
      stderr: expect.stringContaining('✗ default/strict2: the proxy refuses PATCH'),
    });
    expect(await values('strict')).toEqual([fresh, old, old, old]);
  });

  it('goes on to the others with --continue-on-error', async () => {
    await create('lenient');
    bed.api.refuse(422, ({ method, path }) => method === 'PATCH' && path.endsWith('lenient2'));
    const words = `set -l set=lenient ${RATE} intervalSeconds=30 --concurrency 1 --continue-on-error`;
    expect(await bed.mir(words)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^3 of 4 devices changed, 1 failed in /),
    });
    expect(await values('lenient')).toEqual([fresh, old, fresh, fresh]);
  });

  it.each(['file', 'standard input'])('takes its values from a %s', async (source) => {
    const set = source === 'file' ? 'filed' : 'piped';
    await create(set);
    const text = `${RATE}: {intervalSeconds: 30}\n${NOTE}: {text: hello}\n`;
    const path = join(folder, 'values.yaml');
    writeFileSync(path, text);
    const where = source === 'file' ? path : '-';
    expect(await bed.mir(`set ${set}1 ${set}2 -f ${where}`, { stdin: text })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 of 2 devices changed'),
    });
    expect(await values(set)).toEqual([fresh, fresh, old, old]);
    expect((await bed.read(`default/${set}1`)).properties?.desired?.[NOTE]).toEqual({ text: 'hello' });
  });

  it.each([
    ['[1, 2]', 'is no map of message names'],
    [`${RATE}: 5`, 'a message is a map of fields'],
  ])('refuses the file %s', async (text, error) => {
    expect(await bed.mir('set a -f -', { stdin: text })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(error),
    });
  });
});
