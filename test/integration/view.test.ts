/** `mir/v1alpha` as a Kubernetes API: what kubectl, controllers and people do with it, through the API server's own aggregator. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/api/json-value.ts';
import { READ_ONLY_REPORTED, READ_ONLY_STATUS } from '../../src/mir-shape/take.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { seedDocuments } from '../seed/page.ts';
import { eventually } from '../world/eventually.ts';
import { request } from '../world/http.ts';
import { ViewStage } from './support/view-stage.ts';
import type { MirDevice } from './support/view-stage.ts';

let stage: ViewStage;
let folder: string;
beforeAll(async () => {
  stage = await ViewStage.open();
  folder = scratchDirectory('view');
}, 120_000);
afterAll(() => stage?.close(), 120_000);

const documentOf = (name: string, interval = 60): string => stage.document(name, interval);

describe("the page's document", () => {
  it('is taken to the letter, and shown as the page shows it', async () => {
    const [{ text, content } = { text: '', content: {} }] = seedDocuments();
    const own = stage.id('temp-sensor-01');
    const written = text.replaceAll('building-a', stage.namespace).replaceAll('temp-sensor-01', own);
    const file = join(folder, 'seed.yaml');
    writeFileSync(file, written);
    const { code, stdout, stderr } = await stage.kubectl('create', '-f', file);
    expect([code, stdout]).toEqual([0, 'device.mir/temperature-sensor-01 created\n']);
    expect(stderr.trim().split('\n')).toEqual([`Warning: ${READ_ONLY_REPORTED}`, `Warning: ${READ_ONLY_STATUS}`]);
    await stage.startDevice(own);
    await eventually('it is in sync', async () => {
      const { stdout: shown } = await stage.kubectl(
        'get',
        'devices.v1alpha.mir',
        'temperature-sensor-01',
        '-o',
        'json',
      );
      const twin = JSON.parse(shown) as Record<string, JsonObject>;
      const { meta, spec, properties } = JSON.parse(
        JSON.stringify(content).replaceAll('building-a', stage.namespace).replaceAll('temp-sensor-01', own),
      ) as Record<string, JsonObject>;
      expect(twin).toMatchObject({ apiVersion: 'mir/v1alpha', kind: 'device', meta, spec, properties });
      expect(twin['status']).toMatchObject({ online: true, properties: { reported: expect.anything() } });
      expect(twin['status']).not.toHaveProperty('reported');
    });
  });

  it('has the order of the page where nobody sorts it', async () => {
    const { text } = await request(stage.world.kubeconfig, 'GET', stage.mirPath('temperature-sensor-01'));
    const keys = Object.keys(JSON.parse(text) as object);
    expect(keys).toEqual(['apiVersion', 'kind', 'meta', 'metadata', 'spec', 'properties', 'status']);
  });
});

describe('kubectl', () => {
  it('applies, compares, and says unchanged of what is', async () => {
    const said = async (manifest: string): Promise<string> => {
      const { code, stdout, stderr } = await stage.apply(manifest);
      expect([code, stderr]).toEqual([0, '']);
      return stdout.trim();
    };
    expect(await said(documentOf('applied'))).toBe('device.mir/applied created');
    expect(await said(documentOf('applied'))).toBe('device.mir/applied unchanged');
    expect(await said(documentOf('applied', 30))).toBe('device.mir/applied configured');
    const file = join(folder, 'applied.yaml');
    writeFileSync(file, documentOf('applied', 30));
    expect(await stage.kubectl('diff', '-f', file)).toMatchObject({ code: 0, stdout: '' });
    writeFileSync(file, documentOf('applied', 31));
    const { code, stdout } = await stage.kubectl('diff', '-f', file);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/-\s+intervalSeconds: 30\n\+\s+intervalSeconds: 31/)]);
  });

  it('applies what it has read, and changes nothing', async () => {
    await stage.apply(documentOf('read'));
    await eventually('the operator has looked', async () => {
      expect(await stage.mir('read')).toMatchObject({ status: { observedGeneration: 1 } });
    });
    const before = await stage.mir('read');
    const { metadata, ...document } = before;
    const written = JSON.stringify({ ...document, metadata: { name: metadata['name'], namespace: stage.namespace } });
    const applied = await stage.apply(written);
    expect([applied.code, applied.stdout]).toEqual([0, 'device.mir/read configured\n']);
    const again = await stage.apply(written);
    expect([again.code, again.stdout]).toEqual([0, 'device.mir/read unchanged\n']);
    const after = await stage.mir('read');
    expect(after).toMatchObject({
      meta: before['meta'],
      spec: before['spec'],
      properties: before['properties'],
      status: before['status'],
      metadata: { generation: before.metadata.generation },
    });
  });

  it('removes with the next document what the last one said under meta', async () => {
    await stage.apply(documentOf('moves'));
    await stage.apply(documentOf('moves').replace('labels: {type: sensor}', 'labels: {site: a}'));
    expect(await stage.mir('moves')).toMatchObject({
      meta: { labels: { site: 'a' } },
      metadata: { labels: { site: 'a' } },
    });
    // The same label under the other name: it stays.
    const moved = documentOf('moves')
      .replace('{name: moves}', '{name: moves, labels: {site: a}}')
      .replace(/^meta:.*$/m, '');
    expect(await stage.apply(moved)).toMatchObject({ code: 0 });
    expect((await stage.mir('moves')).metadata['labels']).toEqual({ site: 'a' });
  });

  it.each<[what: string, args: readonly string[], change: JsonObject]>([
    ['label', ['label', 'T', 'a=b'], { meta: { labels: { a: 'b' } }, metadata: { labels: { a: 'b' } } }],
    ['annotate', ['annotate', 'T', 'note=y'], { meta: { annotations: { note: 'y' } } }],
    [
      'patch --type merge',
      ['patch', 'T', '--type=merge', '-p', '{"meta":{"labels":{"c":"d"}},"properties":{"desired":{"x.v1.M":{"a":1}}}}'],
      { metadata: { labels: { c: 'd' } }, properties: { desired: { 'x.v1.M': { a: 1 } } } },
    ],
    [
      'patch --type json',
      ['patch', 'T', '--type=json', '-p', '[{"op":"add","path":"/meta/labels","value":{"e":"f"}}]'],
      { metadata: { labels: { e: 'f' } } },
    ],
    [
      'wait',
      ['wait', 'T', '--for=condition=Ready', '--timeout=30s'],
      { status: { conditions: expect.anything() as unknown as JsonObject } },
    ],
    ['get -l', ['get', 'devices.v1alpha.mir', '-l', 'made=for-verbs'], {}],
    ['get --field-selector', ['get', 'devices.v1alpha.mir', '--field-selector', 'status.online=false'], {}],
    ['describe', ['describe', 'T'], {}],
    ['get -o wide', ['get', 'T', '-o', 'wide'], {}],
  ])('%s', async (what, args, change) => {
    const name = what.replaceAll(/\W+/g, '-');
    await stage.create(name, { made: 'for-verbs' });
    const { code, stderr } = await stage.kubectl(
      ...args.map((arg) => (arg === 'T' ? `devices.v1alpha.mir/${name}` : arg)),
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(await stage.mir(name)).toMatchObject(change);
  });

  it('explains, lists the resource once, and leaves the plain name to the CRD', async () => {
    const explained = await stage.kubectl('explain', 'device.properties', '--api-version=mir/v1alpha');
    expect(explained.stdout).toMatch(/GROUP: +mir[\s\S]*desired[\s\S]*reported/);
    const { stdout } = await stage.kubectl('api-resources', '--api-group=mir', '--no-headers');
    expect(stdout.trim().split(/\s+/)).toEqual(['devices', 'mir/v1alpha', 'true', 'device']);
    await stage.create('plain');
    expect((await stage.kubectl('get', 'devices', 'plain', '-o', 'name')).stdout).toBe('device.iot.mir/plain\n');
    expect((await stage.kubectl('get', 'dev', 'plain', '-o', 'name')).stdout).toBe('device.iot.mir/plain\n');
  });

  it('is told in its own words what is wrong', async () => {
    expect((await stage.kubectl('get', 'devices.v1alpha.mir', 'nobody')).stderr).toContain(
      'devices.mir "nobody" not found',
    );
    await stage.create('wrong');
    const patch = ['patch', 'devices.v1alpha.mir/wrong', '-p'];
    const immutable = await stage.kubectl(...patch, '{"spec":{"deviceId":"other"}}', '--type=merge');
    expect(immutable.stderr).toContain('spec.deviceId: Invalid value');
    expect(immutable.stderr).toContain('The device "wrong" is invalid');
    expect((await stage.kubectl(...patch, '{}', '--type=strategic')).stderr).toContain('is not supported');
    const unknown = await stage.apply(documentOf('unknown').replace('meta: {', 'meta: {label: {a: b}, '));
    expect(unknown.stderr).toContain('unknown field "meta.label"');
    const disputed = '{"meta":{"labels":{"a":"1"}},"metadata":{"labels":{"a":"2"}}}';
    expect((await stage.kubectl(...patch, disputed, '--type=merge')).stderr).toContain('metadata.labels[a] says "2"');
  });

  it('deletes', async () => {
    await stage.create('gone');
    expect((await stage.kubectl('delete', 'devices.v1alpha.mir', 'gone')).stdout).toContain(
      'device.mir "gone" deleted',
    );
    await expect(stage.stored('gone')).rejects.toThrow('not found');
    await stage.create('gone-too', { group: 'g' });
    await stage.world.kube.delete(`${stage.mirPath()}?labelSelector=group%3Dg`);
    await expect(stage.stored('gone-too')).rejects.toThrow('not found');
  });
});

describe('a controller', () => {
  /** As controllers do: read, change, put back, and again after a conflict. */
  const update = async (name: string, change: (metadata: JsonObject) => JsonObject): Promise<MirDevice[]> =>
    eventually('it is written', async () => {
      const before = await stage.mir(name);
      const changed = { ...before, metadata: { ...before.metadata, ...change(before.metadata) } };
      return [before, await stage.world.kube.replace<MirDevice>(stage.mirPath(name), changed)];
    });

  it('reads, changes and puts back, and nothing else changes', async () => {
    await stage.create('put', { old: '1', kept: '2' });
    const [before, after] = await update('put', () => ({
      labels: { kept: '2', new: '3' },
      finalizers: ['test.example/hold'],
    }));
    expect(after).toMatchObject({ spec: before?.['spec'], properties: before?.['properties'] });
    expect(after?.metadata['labels']).toEqual({ kept: '2', new: '3' });
    expect(after?.['meta']).toMatchObject({ labels: { kept: '2', new: '3' } });
    expect(after?.metadata.generation).toBe(1);
    await expect(stage.world.kube.replace(stage.mirPath('put'), before)).rejects.toMatchObject({ status: 409 });
    const [, released] = await update('put', () => ({ finalizers: [], labels: {} }));
    expect(released?.metadata).not.toHaveProperty('finalizers');
    expect(released?.metadata).not.toHaveProperty('labels');
  });

  it('cannot write the status', async () => {
    await stage.create('status');
    expect(await stage.world.kube.get(`${stage.mirPath('status')}/status`)).toMatchObject({ kind: 'device' });
    const write = stage.world.kube.patch(`${stage.mirPath('status')}/status`, 'application/merge-patch+json', {
      status: { online: true },
    });
    await expect(write).rejects.toMatchObject({ status: 405 });
  });

  it('lists page by page, and watches from there', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await stage.create(name, { paged: 'yes' });
    const query = { labelSelector: 'paged=yes', limit: 2 };
    const first = await stage.world.kube.get<{
      metadata: { continue: string; resourceVersion: string };
      items: unknown[];
    }>(stage.mirPath(), query);
    const second = await stage.world.kube.get<{ items: unknown[] }>(stage.mirPath(), {
      ...query,
      continue: first.metadata.continue,
    });
    expect([...first.items, ...second.items]).toMatchObject(
      ['page-1', 'page-2', 'page-3'].map((name) => ({ apiVersion: 'mir/v1alpha', meta: { name }, metadata: { name } })),
    );
    const stop = new AbortController();
    const since = { labelSelector: 'paged=yes', resourceVersion: first.metadata.resourceVersion };
    const events = stage.world.kube.watch<MirDevice>(stage.mirPath(), since, stop.signal);
    await stage.kubectl('label', 'devices.v1alpha.mir', 'page-1', 'seen=yes');
    const isSeen = (event: object): boolean =>
      JSON.stringify(event).includes('"meta":{"name":"page-1","namespace"') &&
      JSON.stringify(event).includes('"seen":"yes"');
    expect(await firstOf(events, isSeen)).toMatchObject({
      type: 'MODIFIED',
      object: { apiVersion: 'mir/v1alpha', kind: 'device', metadata: { labels: { seen: 'yes' } } },
    });
    stop.abort();
  });

  it('is told that its version is too old', async () => {
    const path = `${stage.mirPath()}?watch=true&resourceVersion=999999999&timeoutSeconds=1`;
    const answer = await request(stage.world.kubeconfig, 'GET', path);
    expect(JSON.stringify(answer.json ?? answer.text)).toMatch(/Timeout|Too large|Expired|^""$/);
    const stale = `${stage.mirPath()}?limit=1&continue=nonsense`;
    expect((await request(stage.world.kubeconfig, 'GET', stale)).status).toBe(400);
  });

  it('gets tables, metadata and YAML where it asks for them', async () => {
    await stage.create('forms');
    const as = async (accept: string, path = stage.mirPath('forms')): Promise<string> =>
      (await request(stage.world.kubeconfig, 'GET', path, { headers: { accept } })).text;
    expect(JSON.parse(await as('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'))).toMatchObject({
      kind: 'PartialObjectMetadata',
      metadata: { name: 'forms' },
    });
    const table = 'application/json;as=Table;g=meta.k8s.io;v=v1,application/json';
    expect(JSON.parse(await as(table, `${stage.mirPath()}?includeObject=Object&limit=1`))).toMatchObject({
      kind: 'Table',
      rows: [{ object: { apiVersion: 'mir/v1alpha' } }],
    });
    expect(await as('application/yaml')).toContain('apiVersion: mir/v1alpha\nkind: device\nmeta:\n');
    const protobufFirst =
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
    expect(JSON.parse(await as(protobufFirst, stage.mirPath()))).toMatchObject({ kind: 'deviceList' });
  });
});

async function firstOf<T>(events: AsyncIterable<T>, isIt: (event: T) => boolean): Promise<T | undefined> {
  for await (const event of events) if (isIt(event)) return event;
  return undefined;
}
