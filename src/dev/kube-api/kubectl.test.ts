/** What a real kubectl sees of the embedded API. One API and one CRD for all; every test has a namespace of its own. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startKubeApi } from './kube-api.ts';
import type { KubeApi } from './kube-api.ts';

const CRD = readFileSync(join(import.meta.dirname, '../../../crds/devices.iot.mir.yaml'), 'utf8');

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let api: KubeApi;
let directory: string;
let namespace: string;
let count = 0;

// Two dozen processes of a kubectl on a busy machine.
jest.setTimeout(30_000);

beforeAll(async () => {
  api = await startKubeApi();
  directory = mkdtempSync(join(tmpdir(), 'kube-api-'));
  writeFileSync(join(directory, 'kubeconfig'), api.kubeconfigYaml(), { mode: 0o600 });
  await kubectl(['apply', '-f', '-'], CRD);
});

afterAll(async () => {
  await api.close();
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  count += 1;
  namespace = `test-${count}`;
  await ok(['create', 'namespace', namespace]);
});

function start(args: readonly string[], stdin = '', environment: Record<string, string> = {}) {
  const base = ['--kubeconfig', join(directory, 'kubeconfig'), '--cache-dir', join(directory, 'cache')];
  const scope = namespace === undefined ? [] : ['--namespace', namespace];
  const child = spawn('kubectl', [...base, ...scope, ...args], { env: { ...process.env, ...environment } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(stdin);
  const done = new Promise<Result>((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return { child, done, output: () => stdout };
}

function kubectl(args: readonly string[], stdin?: string, environment?: Record<string, string>): Promise<Result> {
  return start(args, stdin, environment).done;
}

/** Standard output; fails the test when kubectl does. */
async function ok(args: readonly string[], stdin?: string, environment?: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, stdin, environment);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const device = (name: string, more: object = {}) =>
  JSON.stringify({
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, labels: { type: 'sensor' } },
    spec: { deviceId: `${name}-id` },
    properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } } },
    ...more,
  });

const apply = (name: string, more?: object) => ok(['apply', '-f', '-'], device(name, more));

const setStatus = (name: string, status: object) =>
  ok(['patch', 'dev', name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);

const condition = (type: string) => ({
  type,
  status: 'True',
  reason: 'InSync',
  message: 'as desired',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

describe('kubectl discovers', () => {
  it('resources with short names and kinds', async () => {
    const lines = (await ok(['api-resources', '--api-group=iot.mir', '--no-headers'])).trim().split('\n');
    expect(lines.map((line) => line.split(/\s+/))).toEqual([['devices', 'dev', 'iot.mir/v1alpha', 'true', 'device']]);
  });

  it('the description of every field', async () => {
    expect(await ok(['explain', 'device.spec.deviceId'])).toContain('Name of the device on MQTT');
    expect(await ok(['explain', 'namespace.status'])).toContain('phase');
  });

  it('what it may do', async () => {
    expect(await ok(['auth', 'can-i', 'create', 'devices'])).toBe('yes\n');
  });
});

describe('kubectl writes', () => {
  it('applies: created, unchanged, configured', async () => {
    expect(await apply('a')).toBe('device.iot.mir/a created\n');
    expect(await apply('a')).toBe('device.iot.mir/a unchanged\n');
    expect(await apply('a', { spec: { deviceId: 'a-id', disabled: true } })).toBe('device.iot.mir/a configured\n');
    expect(await ok(['get', 'dev', 'a', '-o', 'jsonpath={.metadata.generation} {.spec.disabled}'])).toBe('2 true');
  });

  it('tells what an apply would change, and changes nothing', async () => {
    await apply('a');
    expect((await kubectl(['diff', '-f', '-'], device('a'))).code).toBe(0);
    const changed = device('a', { spec: { deviceId: 'a-id', disabled: true } });
    const { code, stdout } = await kubectl(['diff', '-f', '-'], changed);
    expect(code).toBe(1);
    expect(stdout).toContain('+  disabled: true');
    expect(await ok(['apply', '--dry-run=server', '-f', '-'], changed)).toBe(
      'device.iot.mir/a configured (server dry run)\n',
    );
    expect(await ok(['get', 'dev', 'a', '-o', 'jsonpath={.metadata.generation}'])).toBe('1');
  });

  it('refuses unknown fields and what the schema forbids', async () => {
    const unknown = await kubectl(['create', '-f', '-'], device('a', { spec: { deviceId: 'a', colour: 'red' } }));
    expect(unknown.stderr).toContain('strict decoding error: unknown field "spec.colour"');
    const wrong = await kubectl(['create', '-f', '-'], device('a', { spec: { deviceId: '///' } }));
    expect(wrong.stderr).toContain('The device "a" is invalid: spec.deviceId: Invalid value: "///"');
    await apply('a');
    const moved = await kubectl(['patch', 'dev', 'a', '--type=merge', '-p', '{"spec":{"deviceId":"b"}}']);
    expect(moved.stderr).toContain('deviceId is immutable');
  });

  it('patches by merge and by JSON patch, and is told why a strategic one cannot be', async () => {
    await apply('a');
    const path = ['patch', 'dev', 'a'];
    await ok([...path, '--type=merge', '-p', '{"properties":{"desired":{"a.B":{"x":1}}}}']);
    const operations =
      '[{"op":"test","path":"/properties/desired/a.B/x","value":1},{"op":"add","path":"/properties/desired/a.B/y","value":2}]';
    await ok([...path, '--type=json', '-p', operations]);
    expect(await ok(['get', 'dev', 'a', '-o', 'jsonpath={.properties.desired.a\\.B}'])).toBe('{"x":1,"y":2}');
    const failed = await kubectl([...path, '--type=json', '-p', '[{"op":"remove","path":"/nowhere/at/all"}]']);
    expect(failed.code).toBe(1);
    const strategic = await kubectl([...path, '-p', '{}']);
    expect(strategic.stderr).toContain('application/strategic-merge-patch+json is not supported by iot.mir/v1alpha');
  });

  it('edits, labels, annotates', async () => {
    await apply('a');
    const editor = join(directory, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/intervalSeconds: 60/intervalSeconds: 7/" "$1"\n');
    chmodSync(editor, 0o755);
    expect(await ok(['edit', 'dev', 'a'], '', { KUBE_EDITOR: editor })).toBe('device.iot.mir/a edited\n');
    await ok(['label', 'dev', 'a', 'room=4']);
    await ok(['annotate', 'dev', 'a', 'note=x']);
    const path =
      'jsonpath={.properties.desired.sensor\\.v1\\.SampleRate.intervalSeconds} {.metadata.labels.room} {.metadata.annotations.note} {.metadata.generation}';
    expect(await ok(['get', 'dev', 'a', '-o', path])).toBe('7 4 x 2');
  });

  it('replaces what has not changed since it was read, and only that', async () => {
    await apply('a');
    const read = await ok(['get', 'dev', 'a', '-o', 'json']);
    const changed = read.replace('"intervalSeconds": 60', '"intervalSeconds": 8');
    expect(await ok(['replace', '-f', '-'], changed)).toBe('device.iot.mir/a replaced\n');
    const again = await kubectl(['replace', '-f', '-'], changed);
    expect(again.stderr).toContain(
      'Operation cannot be fulfilled on devices.iot.mir "a": the object has been modified',
    );
  });

  it('creates config maps and secrets, which it sends as protobuf, and applies over them', async () => {
    await ok(['create', 'configmap', 'c', '--from-literal=a=1']);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } };
    await ok(['apply', '-f', '-'], JSON.stringify({ ...map, data: { b: '2' } }));
    await ok(['apply', '-f', '-'], JSON.stringify({ ...map, data: { d: '3' } }));
    expect(await ok(['get', 'cm', 'c', '-o', 'jsonpath={.data}'])).toBe('{"a":"1","d":"3"}');
    await ok(['create', 'secret', 'generic', 's', '--from-literal=key=value']);
    expect(await ok(['get', 'secret', 's', '-o', 'jsonpath={.data.key} {.type}'])).toBe('dmFsdWU= Opaque');
  });

  it('restores a backup, which is a list, and checks what is in one', async () => {
    for (const name of ['a', 'b']) await apply(name);
    const backup = await ok(['get', 'dev', '-o', 'yaml']);
    expect(await ok(['apply', '-f', '-'], backup)).toBe('device.iot.mir/a configured\ndevice.iot.mir/b configured\n');
    expect(await ok(['diff', '-f', '-'], await ok(['get', 'dev', '-o', 'json']))).toBe('');
    await ok(['delete', 'dev', '--all']);
    expect(await ok(['create', '-f', '-'], backup)).toBe('device.iot.mir/a created\ndevice.iot.mir/b created\n');
    const wrong = await kubectl(['apply', '-f', '-'], backup.replace('deviceId:', 'colour: red\n    deviceId:'));
    expect(wrong.stderr).toContain(
      'ValidationError(device.spec): unknown field "colour" in mir.iot.v1alpha.device.spec',
    );
  });

  it('says that there is no Mir view, where there is none', async () => {
    for (const identity of ['metadata', 'meta']) {
      const document = {
        apiVersion: 'mir/v1alpha',
        kind: 'device',
        [identity]: { name: 'a' },
        spec: { deviceId: 'a' },
      };
      const { code, stderr } = await kubectl(['apply', '-f', '-'], JSON.stringify(document));
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('no matches for kind "device" in version "mir/v1alpha"'),
      ]);
    }
  });

  it('by server-side apply, and is told of conflicts', async () => {
    expect(await ok(['apply', '--server-side', '-f', '-'], device('a'))).toBe('device.iot.mir/a serverside-applied\n');
    const other = device('a').replace('a-id', 'b-id');
    const { code, stderr } = await kubectl(['apply', '--server-side', '--field-manager=b', '-f', '-'], other);
    expect(code).toBe(1);
    expect(stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.deviceId');
  });
});

describe('kubectl reads', () => {
  it('tables, wide tables, names', async () => {
    await apply('a');
    await setStatus('a', { online: true, conditions: [condition('Synced')] });
    const [head, row] = (await ok(['get', 'dev'])).split('\n');
    expect(head?.split(/\s{2,}/)).toEqual(['NAME', 'DEVICE ID', 'ONLINE', 'SYNCED', 'READY', 'HEARTBEAT']);
    expect(row?.split(/\s+/).slice(0, 4)).toEqual(['a', 'a-id', 'true', 'True']);
    expect(await ok(['get', 'dev', '-o', 'wide'])).toContain('InSync');
    expect(await ok(['get', 'mir', '-o', 'name'])).toBe('device.iot.mir/a\n');
  });

  it('by label, by field, in pages, across namespaces', async () => {
    for (const name of ['a', 'b', 'c']) await apply(name);
    await ok(['label', 'dev', 'b', 'type=valve', '--overwrite']);
    const names = async (...args: string[]) => (await ok(['get', 'dev', '-o', 'name', ...args])).match(/(?<=\/).*/g);
    expect(await names('-l', 'type in (sensor)')).toEqual(['a', 'c']);
    expect(await names('--field-selector', 'spec.deviceId=b-id')).toEqual(['b']);
    expect(await names('--chunk-size=2')).toEqual(['a', 'b', 'c']);
    expect(await names('--all-namespaces')).toEqual(expect.arrayContaining(['a', 'b', 'c']));
    const unknown = await kubectl(['get', 'dev', '--field-selector', 'spec.nothing=1']);
    expect(unknown.stderr).toContain('field label not supported: spec.nothing');
  });

  it('describes an object with its events', async () => {
    await apply('a');
    const uid = await ok(['get', 'dev', 'a', '-o', 'jsonpath={.metadata.uid}']);
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'a.1' },
      involvedObject: { apiVersion: 'iot.mir/v1alpha', kind: 'device', namespace, name: 'a', uid },
      reason: 'Online',
      message: 'born',
      type: 'Normal',
      source: { component: 'mir-operator' },
      lastTimestamp: new Date().toISOString(),
    };
    await ok(['create', '-f', '-'], JSON.stringify(event));
    expect(await ok(['describe', 'dev', 'a'])).toMatch(/Normal\s+Online\s+\S+\s+mir-operator\s+born/);
    expect(await ok(['get', 'events'])).toMatch(/Normal\s+Online\s+device\/a\s+born/);
  });

  it('watches', async () => {
    await apply('a');
    const watch = start(['get', 'dev', '-w', '--output-watch-events', '-o', 'name']);
    const seen = (text: string) =>
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!watch.output().includes(text)) return;
          watch.child.stdout.off('data', check);
          resolve();
        };
        watch.child.stdout.on('data', check);
        check();
      });
    await seen('device.iot.mir/a');
    await apply('b');
    await seen('device.iot.mir/b');
    watch.child.kill();
    expect((await watch.done).stderr).toBe('');
  });

  it('waits for a condition, a field, a deletion', async () => {
    await apply('a');
    const waiting = kubectl(['wait', '--for=condition=Synced', 'dev/a', '--timeout=20s']);
    await setStatus('a', { online: true, observedGeneration: 1, conditions: [condition('Synced')] });
    expect((await waiting).stdout).toBe('device.iot.mir/a condition met\n');
    await ok(['wait', '--for=jsonpath={.status.online}=true', 'dev/a', '--timeout=20s']);
    const gone = start(['wait', '--for=delete', 'dev/a', '--timeout=20s']);
    await ok(['delete', 'dev', 'a']);
    expect((await gone.done).code).toBe(0);
  });
});

describe('kubectl deletes', () => {
  it('by name, by label, all, and not in a dry run', async () => {
    for (const name of ['a', 'b', 'c']) await apply(name);
    await ok(['label', 'dev', 'b', 'type=valve', '--overwrite']);
    await ok(['delete', 'dev', 'a', '--dry-run=server']);
    expect(await ok(['delete', 'dev', '-l', 'type=valve'])).toBe('device.iot.mir "b" deleted\n');
    expect(await ok(['delete', 'dev', '--all'])).toBe('device.iot.mir "a" deleted\ndevice.iot.mir "c" deleted\n');
    expect((await kubectl(['get', 'dev', 'a'])).stderr).toBe(
      'Error from server (NotFound): devices.iot.mir "a" not found\n',
    );
  });

  it('only marks what a finalizer holds', async () => {
    await apply('a', { metadata: { name: 'a', finalizers: ['test.mir/hold'] } });
    await ok(['delete', 'dev', 'a', '--wait=false']);
    expect(await ok(['get', 'dev', 'a', '-o', 'jsonpath={.metadata.deletionTimestamp}'])).toMatch(/^\d{4}-/);
    await ok(['patch', 'dev', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    expect((await kubectl(['get', 'dev', 'a'])).code).toBe(1);
  });

  it('a namespace with all that is in it, which meanwhile takes nothing new', async () => {
    await apply('a', { metadata: { name: 'a', finalizers: ['test.mir/hold'] } });
    await ok(['create', 'configmap', 'c']);
    await ok(['delete', 'namespace', namespace, '--wait=false']);
    const refused = await kubectl(['create', '-f', '-'], device('late'));
    expect(refused.stderr).toContain(`because it is being terminated`);
    expect(await ok(['get', 'ns', namespace])).toContain('Terminating');
    await ok(['patch', 'dev', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await ok(['wait', '--for=delete', `ns/${namespace}`, '--timeout=20s']);
    const late = await kubectl(['create', '-f', '-'], device('late'));
    expect(late.stderr).toContain(`namespaces "${namespace}" not found`);
  });
});
