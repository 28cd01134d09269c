/** Commands that wait for devices: in any namespace, with few rights, and for devices that go. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceStatus } from '../api/device.ts';
import { PluginBed } from '../../test/fakes/plugin-bed.ts';
import { RATE, rate, syncOf } from '../../test/gen/device.ts';
import { eventually } from '../../test/world/eventually.ts';

let bed: PluginBed;
beforeAll(async () => {
  bed = await PluginBed.open();
  await bed.namespace('building-a');
  await bed.namespace('building-b');
}, 60_000);
afterEach(() => bed.api.restore());
afterAll(() => bed.close());

const inSync = (seconds: number): DeviceStatus => ({
  sync: syncOf(seconds),
  conditions: [
    { type: 'Synced', status: 'True', reason: 'InSync', message: '', lastTransitionTime: '2024-11-20T00:00:00Z' },
  ],
});
const rejected: DeviceStatus = { sync: syncOf(1, { state: 'Rejected', message: 'too fast' }) };
const desires = async (key: string): Promise<unknown> => (await bed.read(key)).properties?.desired?.[RATE];

describe('a device of another namespace', () => {
  const isElsewhere = ({ path, method }: { readonly path: string; readonly method: string }): boolean =>
    method === 'GET' && path.endsWith('/devices') && !path.includes('/building-b/');

  it('is changed and waited for without a right in this one, and nothing but it is read', async () => {
    await bed.create('building-b/one', rate(60));
    await bed.create('building-b/other', rate(60));
    bed.api.refuse(403, isElsewhere);
    bed.api.log.forget();
    const run = bed.start(`set one/building-b ${RATE} intervalSeconds=30 --wait --timeout 60s`);
    await eventually('it is changed', async () =>
      expect(await desires('building-b/one')).toEqual({ intervalSeconds: 30 }),
    );
    await bed.tell('building-b/one', inSync(30));
    expect(await run.done).toMatchObject({ code: 0, stdout: expect.stringContaining('1 in sync') });
    const lists = bed.api.log.find({ method: 'GET', path: /\/devices$/ });
    expect(lists.length).toBeGreaterThan(1);
    expect(lists.filter(({ query }) => query.get('fieldSelector') !== 'metadata.name=one')).toEqual([]);
  });

  it('may stand beside one of this', async () => {
    await bed.create('default/here', rate(60));
    await bed.create('building-b/there', rate(60));
    bed.api.log.forget();
    const run = bed.start('wait here there/building-b --timeout 60s');
    await bed.tell('default/here', inSync(60));
    await bed.tell('building-b/there', inSync(60));
    expect(await run.done).toMatchObject({ code: 0, stderr: '' });
    const paths = bed.api.log.find({ isWatch: true }).map(({ path }) => path);
    expect(paths).not.toContain('/apis/iot.mir/v1alpha/devices');
  });

  it('is found among many', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `m${at}`);
    for (const name of names) await bed.create(`building-a/${name}`, rate(60));
    const run = bed.start(`wait ${names.map((name) => `${name}/building-a`).join(' ')} --timeout 60s`);
    for (const name of names) await bed.tell(`building-a/${name}`, inSync(60));
    expect(await run.done).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a device that is deleted meanwhile', () => {
  it('has not met what was waited for', async () => {
    await bed.create('default/leaving', rate(60));
    bed.api.log.forget();
    const run = bed.start('wait leaving --timeout 60s');
    await eventually('it is watched', () =>
      expect(bed.api.log.count({ isWatch: true, path: /default\/devices$/ })).toBeGreaterThan(0),
    );
    await bed.delete('default/leaving');
    expect(await run.done).toMatchObject({ code: 1, stderr: 'device.iot.mir/leaving was deleted meanwhile\n' });
  });

  it('is missed where it goes between two reads', async () => {
    await bed.create('default/fleeting', rate(60));
    const release = bed.api.holdLists();
    const run = bed.start('wait fleeting --timeout 60s');
    await eventually('it was read', () =>
      expect(bed.api.log.count({ path: /devices\/fleeting$/, status: 200 })).toBe(1),
    );
    await bed.delete('default/fleeting');
    release();
    expect(await run.done).toMatchObject({ code: 1, stderr: expect.stringContaining('deleted meanwhile') });
  });
});

describe.each([
  ['few', 2],
  ['many', 12],
])('devices, %s of them, that leave the selection while they are waited for', (word, count) => {
  const names = Array.from({ length: count }, (_, at) => `default/${word}${at}`);
  const leave = async (label: string): Promise<void> => {
    for (const name of names) await bed.write(name, { metadata: { labels: { [label]: null } } });
    for (const name of names) await bed.tell(name, inSync(30));
  };

  it('are waited for by set', async () => {
    for (const name of names) await bed.create(name, rate(60), { labels: { [word]: 'yes' } });
    const run = bed.start(`set -l ${word}=yes ${RATE} intervalSeconds=30 --yes --wait --timeout 60s`);
    for (const name of names)
      await eventually('it is changed', async () => expect(await desires(name)).toEqual({ intervalSeconds: 30 }));
    await leave(word);
    expect(await run.done).toMatchObject({ code: 0, stdout: expect.stringContaining(`${count} in sync`) });
  });

  it('are waited for by wait', async () => {
    for (const name of names)
      await bed.write(name, {
        metadata: { labels: { [word]: 'yes' } },
        properties: { desired: { [RATE]: { intervalSeconds: 20 } } },
      });
    bed.api.log.forget();
    const run = bed.start(`wait -l ${word}=yes --timeout 60s`);
    await eventually('they are watched', () => expect(bed.api.log.count({ isWatch: true })).toBeGreaterThan(0));
    await leave(word);
    expect(await run.done).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a change of many that waits', () => {
  it('says at its end that it may not watch, and makes the change all the same', async () => {
    for (const name of ['w1', 'w2', 'w3']) await bed.create(`default/${name}`, rate(60), { labels: { blind: 'yes' } });
    bed.api.refuse(403, ({ isWatch }) => isWatch);
    const run = bed.mir(`set -l blind=yes ${RATE} intervalSeconds=30 --rate 20 --wait --timeout 60s`);
    const { code, stdout, stderr } = await run;
    expect(stdout).toContain('3 of 3 devices changed');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('what becomes of the devices cannot be seen: the proxy'),
    ]);
    expect(await desires('default/w3')).toEqual({ intervalSeconds: 30 });
  });

  it('does not wait for devices that were never tried', async () => {
    for (const name of ['a1', 'a2', 'a3', 'a4'])
      await bed.create(`default/${name}`, rate(60), { labels: { stop: 'yes' } });
    bed.api.refuse(422, ({ method, path }) => method === 'PATCH' && path.endsWith('/a3'));
    const started = bed.start(`set -l stop=yes ${RATE} intervalSeconds=1 --concurrency 1 --rate 2 --wait --timeout 1h`);
    for (const name of ['a1', 'a2']) {
      await eventually(`${name} is changed`, async () =>
        expect(await desires(`default/${name}`)).toEqual({ intervalSeconds: 1 }),
      );
      await bed.tell(`default/${name}`, rejected);
    }
    expect(await started.done).toMatchObject({ code: 1, stdout: expect.stringContaining('1 not tried') });
  });
});
