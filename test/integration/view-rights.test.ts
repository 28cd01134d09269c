/** Who may use `mir/v1alpha`, who is let in, and who is said to have changed what. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Device, ObjectMeta } from '../../src/api/device.ts';
import { historyPath } from '../../src/api/history.ts';
import type { DeviceHistory } from '../../src/api/history.ts';
import { createSelfSignedClient } from '../real/certificates.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startApiProxy } from '../world/api-proxy.ts';
import type { ApiProxy } from '../world/api-proxy.ts';
import { eventually } from '../world/eventually.ts';
import { request } from '../world/http.ts';
import { readKubeconfig, writeKubeconfig } from '../world/kubeconfig.ts';
import { kubectlFor } from '../world/kubectl.ts';
import { startPlugin } from '../world/plugin.ts';
import { viewAddressOf } from '../world/view-service.ts';
import { ViewStage } from './support/view-stage.ts';

const isReal = process.env['MIR_WORLD'] === 'real';
const onReal = isReal ? it : it.skip;

let stage: ViewStage;
let folder: string;
beforeAll(async () => {
  stage = await ViewStage.open();
  folder = scratchDirectory('view-rights');
}, 120_000);
const proxies: ApiProxy[] = [];
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await stage?.close();
}, 120_000);

const documentOf = (name: string, interval = 60): string => stage.document(name, interval);

describe('the author of a change', () => {
  const authorOf = async (name: string): Promise<string | undefined> =>
    (await stage.stored(name)).metadata.annotations?.['iot.mir/author'];

  const historyOf = (name: string): Promise<DeviceHistory> =>
    stage.world.kube.get(historyPath(`${stage.namespace}/${name}`));

  const SWITCHED_OFF = { spec: { disabled: true } };
  const patchFor = async (form: string, name: string, contentType: string, body: unknown): Promise<void> => {
    const path = `${stage.mirPath(name)}?fieldManager=test`;
    const headers = { 'content-type': contentType, accept: `application/json;as=${form};v=v1;g=meta.k8s.io` };
    const { status, json } = await request(stage.world.kubeconfig, 'PATCH', path, { headers, body });
    expect([status, json]).toEqual([200, expect.objectContaining({ kind: form })]);
  };

  it.each<[how: string, write: (name: string) => Promise<unknown>]>([
    ['an apply', (name) => stage.apply(documentOf(name, 30))],
    [
      'a JSON patch',
      (name) =>
        stage.world.kube.patch(stage.mirPath(name), 'application/json-patch+json', [
          { op: 'replace', path: '/properties/desired/sensor.v1.SampleRate/intervalSeconds', value: 30 },
        ]),
    ],
    [
      'a merge patch',
      (name) => stage.world.kube.patch(stage.mirPath(name), 'application/merge-patch+json', SWITCHED_OFF),
    ],
    ['a server-side apply', (name) => stage.apply(documentOf(name, 30), '--server-side', '--force-conflicts')],
    [
      'an apply that is answered with a table',
      (name) =>
        patchFor('Table', name, 'application/apply-patch+yaml', {
          apiVersion: 'mir/v1alpha',
          kind: 'device',
          ...SWITCHED_OFF,
        }),
    ],
    [
      'a JSON patch that is answered with metadata',
      (name) =>
        patchFor('PartialObjectMetadata', name, 'application/json-patch+json', [
          { op: 'add', path: '/spec/disabled', value: true },
        ]),
    ],
    [
      'a PUT',
      async (name) => {
        const { properties: _properties, ...rest } = await stage.mir(name);
        return stage.world.kube.replace(stage.mirPath(name), { ...rest, properties: { desired: {} } });
      },
    ],
  ])('by %s is stamped', async (how, write) => {
    const name = how.replaceAll(/\W+/g, '-').toLowerCase();
    await stage.create(name);
    expect(await authorOf(name)).toBeUndefined();
    // What one program changes in quick succession is one change in the history, and has all of its authors.
    await eventually('its creation is recorded', () => historyOf(name));
    await write(name);
    expect(await authorOf(name)).toBe(isReal ? 'admin' : 'kubernetes-admin');
    expect((await stage.mir(name))['meta']).not.toHaveProperty(['annotations', 'iot.mir/author']);
    await eventually('its history says so', async () => {
      const { changes } = await historyOf(name);
      expect(changes[0]).toMatchObject({ author: isReal ? 'admin' : 'kubernetes-admin', authorKind: 'User' });
    });
  });

  it('is nobody who changes labels only, and nobody whom a client names', async () => {
    await stage.create('labelled');
    await stage.kubectl('label', 'devices.v1alpha.mir', 'labelled', 'a=b');
    await stage.kubectl('annotate', 'devices.v1alpha.mir', 'labelled', 'iot.mir/author=mallory');
    expect(await authorOf('labelled')).toBeUndefined();
  });
});

/** All but the status, which the operator may write at any time. */
function ofPeople({ status: _status, metadata, ...rest }: Device): object {
  const managed: ObjectMeta & { managedFields?: readonly { subresource?: string }[] } = metadata;
  const { resourceVersion: _version, managedFields, ...kept } = managed;
  return {
    ...rest,
    metadata: { ...kept, managedFields: managedFields?.filter(({ subresource }) => subresource === undefined) },
  };
}

describe('rights', () => {
  onReal('on mir are enough for mir, and give nothing of iot.mir', async () => {
    const user = await makeUser('mir-only', ['mir']);
    expect((await user('get', 'devices.v1alpha.mir')).code).toBe(0);
    const made = await user('create', '-f', writeDocument('by-mir-user'));
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect((await user('get', 'devices.v1alpha.iot.mir')).stderr).toContain('Forbidden');
    expect((await stage.stored('by-mir-user')).metadata.annotations?.['iot.mir/author']).toContain(':mir-only');
    const other = await makeUser('iot-only', ['iot.mir']);
    expect((await other('get', 'devices.v1alpha.iot.mir')).code).toBe(0);
    expect((await other('get', 'devices.v1alpha.mir')).stderr).toContain('Forbidden');
  });

  it('on mir are enough for kubectl mir', async () => {
    const kubeconfig = await pluginUser();
    const mir = (words: string, stdin?: string) =>
      startPlugin(kubeconfig, [...words.split(' '), '-n', stage.namespace], stdin).done;
    expect(await mir('apply -f -', documentOf('by-plugin'))).toMatchObject({
      code: 0,
      stdout: 'device.iot.mir/by-plugin created\n',
      stderr: '',
    });
    expect((await mir('apply -f -', documentOf('by-plugin'))).stdout).toBe('device.iot.mir/by-plugin unchanged\n');
    const changed = await mir('set by-plugin sensor.v1.SampleRate intervalSeconds=7');
    expect([changed.code, changed.stderr]).toEqual([0, '']);
    expect((await stage.stored('by-plugin')).properties?.desired).toEqual({
      'sensor.v1.SampleRate': { intervalSeconds: 7 },
    });
    expect((await mir('list')).stdout).toMatch(/^NAME +DEVICE ID[^]*by-plugin/);
    expect((await mir('describe by-plugin')).stdout).toContain('sensor.v1.SampleRate');
    expect((await mir('wait by-plugin --for=Ready --timeout 60s')).code).toBe(0);
    expect((await mir('history by-plugin')).stderr).toMatch(/devicehistories.*; ask for that right/);
  });

  onReal('to patch are none to create, by an apply either', async () => {
    const patcher = await makeUser('patcher', ['mir'], { verbs: ['get', 'patch'] });
    const apply = (name: string, ...args: string[]): string[] => [
      'apply',
      '--server-side',
      ...args,
      '-f',
      writeDocument(name),
    ];
    const account = `system:serviceaccount:${stage.namespace}:patcher`;
    for (const args of [[], ['--force-conflicts'], ['--dry-run=server']]) {
      const refused = await patcher(...apply('by-patcher', ...args));
      expect(refused.stderr).toContain(
        `devices.mir "by-patcher" is forbidden: User "${account}" cannot create resource "devices" in API group "mir" in the namespace "${stage.namespace}"`,
      );
    }
    await expect(stage.stored('by-patcher')).rejects.toMatchObject({ status: 404 });
    await stage.create('by-another');
    const changed = await patcher(...apply('by-another', '--force-conflicts'));
    expect([changed.code, changed.stdout]).toEqual([0, 'device.mir/by-another serverside-applied\n']);
    // What the CRD's own API says of the same.
    const onCrd = await makeUser('crd-patcher', ['iot.mir'], { verbs: ['get', 'patch'] });
    const file = join(folder, 'crd.yaml');
    writeFileSync(
      file,
      documentOf('by-crd')
        .replace('mir/v1alpha', 'iot.mir/v1alpha')
        .replace(/^meta:.*$/m, ''),
    );
    expect((await onCrd('apply', '--server-side', '-f', file)).stderr).toContain(
      `devices.iot.mir "by-crd" is forbidden: User "system:serviceaccount:${stage.namespace}:crd-patcher" cannot create resource "devices" in API group "iot.mir" in the namespace "${stage.namespace}"`,
    );
    const creator = await makeUser('creator', ['mir'], { verbs: ['get', 'patch', 'create'] });
    const made = await creator(...apply('by-creator'));
    expect([made.code, made.stdout]).toEqual([0, 'device.mir/by-creator serverside-applied\n']);
    expect((await stage.stored('by-creator')).metadata.annotations?.['iot.mir/author']).toContain(':creator');
  });

  onReal('on everything in one namespace lead to no other, whatever the path', async () => {
    const other = await stage.world.namespace();
    await stage.world.kube.create(`/apis/iot.mir/v1alpha/namespaces/${other}/devices`, {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'theirs' },
      spec: { deviceId: `${other}-theirs` },
    });
    const user = await makeUser('all-here', ['*'], { resources: ['*'] });
    const paths = [`${stage.namespace}/../${other}/devices`, `${stage.namespace}/../${other}/devices/theirs`];
    for (const path of paths) {
      const { code, stdout } = await user('get', '--raw', `/apis/mir/v1alpha/namespaces/${path}`);
      expect([path, code === 0, stdout.includes('theirs')]).toEqual([path, false, false]);
    }
  });

  onReal('of two users who apply with managers of their own do not conflict over the author', async () => {
    const [one, two] = [await makeUser('applier-1', ['mir']), await makeUser('applier-2', ['mir'])];
    const file = writeDocument('shared');
    const apply = ['apply', '--server-side', '-f'];
    expect((await one(...apply, file, '--field-manager=one')).code).toBe(0);
    writeFileSync(file, documentOf('shared').replace('spec: {', 'spec: {disabled: true, '));
    const second = await two(...apply, file, '--field-manager=two');
    expect([second.code, second.stderr]).toEqual([0, '']);
    expect((await stage.stored('shared')).metadata.annotations?.['iot.mir/author']).toContain(':applier-2');
    const again = ofPeople(await stage.stored('shared'));
    await two(...apply, file, '--field-manager=two');
    expect(ofPeople(await stage.stored('shared'))).toEqual(again);
    writeFileSync(file, documentOf('shared', 5));
    const conflict = await two(...apply, file, '--field-manager=two');
    expect(conflict.stderr).toContain('conflict with "one"');
    const across = documentOf('shared', 6)
      .replaceAll('mir/v1alpha', 'iot.mir/v1alpha')
      .replace(/^meta:.*$/m, '');
    writeFileSync(file, across);
    expect((await stage.kubectl(...apply, file, '--field-manager=three')).stderr).toContain('with "one"');
  });

  it('are those of nobody whom the front proxy has not let in', async () => {
    const address = await viewAddressOf(stage.operator);
    const { caPem, credentials } = readKubeconfig(stage.world.kubeconfig);
    const forged = { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' };
    const answer = async (access: { certPem: string; keyPem: string } | Record<string, never>): Promise<number> => {
      const path = writeKubeconfig(join(folder, 'forged'), { url: `https://${address}`, caPem, credentials: access });
      return statusOf(path, forged);
    };
    expect(await answer({})).toBe(401);
    // Of the name that the front proxy has, on either of them.
    for (const name of ['front-proxy', 'front-proxy-client'])
      expect(await answer(await createSelfSignedClient(name))).toBe(401);
    // On the real one, of the very authority that signed the front proxy's, by another name.
    expect(await answer('certPem' in credentials ? credentials : {})).toBe(401);
  });
});

/** The certificate of the view is signed by an authority of its own. */
async function statusOf(kubeconfig: string, headers: Record<string, string>): Promise<number> {
  const { Agent, request: send } = await import('node:https');
  const { url, credentials } = readKubeconfig(kubeconfig);
  const certificate = 'certPem' in credentials ? { cert: credentials.certPem, key: credentials.keyPem } : {};
  const agent = new Agent({ rejectUnauthorized: false, ...certificate });
  return new Promise((resolve, reject) => {
    send(`${url}/apis/mir/v1alpha/devices`, { agent, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

/** A kubeconfig of somebody who may do everything with devices of `mir`, and nothing else. The embedded API knows no rights. */
async function pluginUser(): Promise<string> {
  if (isReal) {
    await makeUser('plugin-user', ['mir']);
    return join(folder, 'plugin-user.kubeconfig');
  }
  const proxy = await startApiProxy(stage.world.kubeconfig, join(folder, 'plugin-user.kubeconfig'));
  proxies.push(proxy);
  proxy.refuse(403, ({ path }) => path.startsWith('/apis/iot.mir/'));
  return proxy.kubeconfig;
}

function writeDocument(name: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, documentOf(name));
  return file;
}

/** A service account of the stage's namespace that may do everything with devices (or `resources`) of these groups. */
async function makeUser(
  name: string,
  apiGroups: readonly string[],
  { resources = ['devices'], verbs = ['*'] }: Partial<Record<'resources' | 'verbs', readonly string[]>> = {},
) {
  const { kube, kubeconfig } = stage.world;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${stage.namespace}`;
  const metadata = { name };
  const accounts = `/api/v1/namespaces/${stage.namespace}/serviceaccounts`;
  await kube.create(accounts, { metadata });
  await kube.create(`${rbac}/roles`, { metadata, rules: [{ apiGroups, resources, verbs }] });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const subjects = [{ kind: 'ServiceAccount', name, namespace: stage.namespace }];
  await kube.create(`${rbac}/rolebindings`, { metadata, roleRef, subjects });
  const { status } = await kube.create<{ status: { token: string } }>(`${accounts}/${name}/token`, { spec: {} });
  const { url, caPem } = readKubeconfig(kubeconfig);
  const path = writeKubeconfig(join(folder, `${name}.kubeconfig`), {
    url,
    caPem,
    credentials: { token: status.token },
  });
  const kubectl = kubectlFor(path, join(folder, `${name}-cache`));
  await eventually('the role is known', async () => {
    const { stdout } = await kubectl([
      '-n',
      stage.namespace,
      'auth',
      'can-i',
      'get',
      `devices.${apiGroups[0] === '*' ? 'mir' : apiGroups[0]}`,
    ]);
    expect(stdout.trim()).toBe('yes');
  });
  return (...args: string[]) => kubectl(['-n', stage.namespace, ...args]);
}
