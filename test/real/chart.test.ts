/** The chart, as people install it: real Helm against a fresh real API server, the operator with the service account's own token. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import type { MqttClient } from 'mqtt';
import { come, tryCrossings } from '../integration/support/crossings.ts';
import { PAGE_FILES, PASSWORDS, startPageBroker } from '../integration/support/page-broker.ts';
import type { PageBroker, PageFiles } from '../integration/support/page-broker.ts';
import { readKubeconfig } from '../world/kubeconfig.ts';
import type { CommandResult, Kubectl } from '../world/kubectl.ts';
import { REFUSED_VALUES, TAKEN_VALUES } from './chart-cases.ts';
import { MONITORING_CRDS } from './monitoring-crds.ts';
import { succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { findHelm } from './binaries.ts';
import { RELEASE, SYSTEM, openInstallWorld, progress } from './install-world.ts';
import type { InstallWorld } from './install-world.ts';
import { AUTHOR_POLICY, INSTALL_MANIFEST, renderAuthorPolicy, renderInstallManifest } from '../tools/manifests.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import { eventually } from '../world/eventually.ts';
import { routeView, viewFlag } from '../world/view-service.ts';
import { startSubprocess } from './subprocess.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const CRD_CHART = join(ROOT, 'helm/mir-operator-crds');

let world: InstallWorld;
let helmBinary: string;
let helm: Helm;
let kubectl: Kubectl;
let kube: KubeClient;

beforeAll(async () => {
  world = await openInstallWorld('chart');
  ({ kubectl } = world);
  helmBinary = await findHelm(progress);
  helm = await world.helm();
  kube = createKubeClient(await loadKubeconfig({ kubeconfig: world.kubeconfig }));
}, 600_000);

afterAll(async () => {
  await kube?.close();
  await world?.close();
});

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface AlertGroup {
  readonly name: string;
  readonly rules: readonly { readonly alert: string; readonly annotations: Readonly<Record<string, string>> }[];
}

interface HookObject {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
}

const install = ['--namespace', SYSTEM, '--set', `mqtt.url=mqtt://127.0.0.1:1883`] as const;

const BROKER = ['broker.enabled=true', 'broker.credentialsSecret=c', 'broker.tls.secretName=t', 'mqtt.url='];

async function renderBroker<T>(template: 'configmap' | 'statefulset', ...sets: readonly string[]): Promise<T> {
  const flags = [...BROKER, ...sets].flatMap((set) => ['--set', set]);
  const only = ['--show-only', `templates/broker/${template}.yaml`];
  return load(await succeed(helm('template', RELEASE, CHART, ...install, ...flags, ...only))) as T;
}

/** The chart's mosquitto. Files of several volumes lie in one folder here, and the operator's listener needs an address of this machine. */
async function startChartBroker(...sets: readonly string[]): Promise<PageBroker> {
  const { data } = await renderBroker<{ data: PageFiles }>('configmap', ...sets);
  expect([data['devices.acl'], data['operator.acl']]).toEqual([PAGE_FILES['devices.acl'], PAGE_FILES['operator.acl']]);
  const conf = data['mosquitto.conf']
    .replaceAll(/\/mosquitto\/(run|data)\//g, '/mosquitto/config/')
    .replaceAll('/mosquitto/tls/tls.', '/mosquitto/config/server.')
    .replace('listener 1883\n', 'listener 1883 10.0.0.5\n');
  return startPageBroker({ ...data, 'mosquitto.conf': conf });
}

/** What the container beside mosquitto runs, for this broker and no other of the machine, which here runs as another user. */
function reloadScript({ spec }: StatefulSet, { directory, pid }: PageBroker, secret: string): string {
  const script = spec.template.spec.containers.find(({ name }) => name === 'reload')?.args?.[0] ?? '';
  const here: readonly (readonly [string, string])[] = [
    ['/mosquitto/credentials', secret],
    ['/mosquitto/run', directory],
    ['/mosquitto/tls/*', `${directory}/server.crt`],
    ['"$(pidof mosquitto)"', String(pid)],
    ['umask 077', 'umask 022'],
    ['sleep 5', 'sleep 0.2'],
  ];
  return here.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replaceAll(from, to);
  }, script);
}

const closing = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', resolve));

interface StatefulSet {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly name: string; readonly args?: readonly string[] }[] };
    };
  };
}

describe('the chart', () => {
  it('passes helm lint', async () => {
    const out = await succeed(helm('lint', '--strict', CHART, '--set', 'mqtt.url=mqtt://b:1883'));
    expect(out).toContain('0 chart(s) failed');
    await succeed(helm('lint', '--strict', CRD_CHART));
  });

  it('is what manifests/install.yaml was rendered from', () => {
    expect(readFileSync(INSTALL_MANIFEST, 'utf8')).toBe(renderInstallManifest(helmBinary));
    expect(readFileSync(AUTHOR_POLICY, 'utf8')).toBe(renderAuthorPolicy(helmBinary));
  });

  it.each(REFUSED_VALUES)('refuses %s with a message that names it', async (_what, set, message) => {
    const { code, stderr } = await helm('template', RELEASE, CHART, ...install, ...set);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it("installs by the README's command, and tells the next one", async () => {
    const command = /^helm (install .*)$/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1]?.split(' ') ?? [];
    const out = await succeed(helm(...command.map((word) => (word === 'helm/mir-operator' ? CHART : word))));
    expect(out).toContain(`kubectl rollout status -n ${SYSTEM} deployment/${RELEASE}`);
    const crds = await world.run(
      'wait',
      '--for=condition=Established',
      'crd/devices.iot.mir',
      'crd/schemas.iot.mir',
      'crd/devicehistories.iot.mir',
    );
    expect(crds).toContain('devices.iot.mir condition met');
  });

  it('grants what serves mir/v1alpha, once the Service leads to a pod', async () => {
    await routeView({ kube }, await world.startPod({ name: 'first', viewFlag: viewFlag() }));
    const twin = 'apiVersion: mir/v1alpha\nkind: device\nmeta: {name: seen}\nspec: {deviceId: seen}\n';
    await succeed(kubectl(['create', '-f', '-'], twin));
    expect(await world.run('get', 'devices.v1alpha.mir', 'seen', '-o', 'jsonpath={.meta.name}')).toBe('seen');
    await world.run('delete', 'devices.v1alpha.mir', 'seen');
    expect(await world.run('get', 'devices', '-o', 'name')).toBe('');
  });

  it.each([
    ['create devices.iot.mir', 'yes'],
    ['delete devices.iot.mir', 'yes'],
    ['patch devices.mir', 'yes'],
    ['patch devices.iot.mir --subresource=status', 'no'],
    ['patch devices.mir --subresource=status', 'no'],
    ['get devices.iot.mir --subresource=status', 'yes'],
    ['list devicehistories.iot.mir', 'yes'],
    ['update devicehistories.iot.mir', 'no'],
    ['create devices.iot.mir --namespace=kube-system', 'no'],
  ])('gives people with the role edit in a namespace what they need: may they %s? %s', async (what, expected) => {
    const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'editors' } };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' };
    await world.apply({ ...binding, roleRef, subjects: [{ kind: 'User', name: 'erika' }] });
    // The cluster's controller puts the chart's roles into its own.
    await eventually('edit has been aggregated', async () => {
      const edit = await world.run('get', 'clusterrole', 'edit', '-o', 'json');
      expect(edit).toContain('devicehistories');
      expect(edit).toContain('deletecollection');
    });
    const question = ['auth', 'can-i', '--namespace=default', '--as=erika', ...what.split(' ')];
    expect((await kubectl(question)).stdout.trim()).toBe(expected);
  });

  it('is beside a Prometheus operator, as far as its kinds go', async () => {
    for (const crd of MONITORING_CRDS) await world.apply(crd);
    const names = MONITORING_CRDS.map(({ metadata }) => `crd/${metadata.name}`);
    await world.run('wait', '--for=condition=Established', ...names);
  });

  it.each(TAKEN_VALUES)('renders what the API server takes: %s', async (_what, sets, kinds = []) => {
    const flags = [...sets.flatMap((set) => ['--set', set]), ...kinds.flatMap((kind) => ['--api-versions', kind])];
    const rendered = await succeed(helm('template', RELEASE, CHART, '--skip-tests', ...install, ...flags));
    const names = (loadAll(rendered) as (Named | null)[]).flatMap((one) =>
      one === null ? [] : `${one.kind} ${one.metadata.namespace ?? ''}/${one.metadata.name}`,
    );
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    const file = join(world.directory, 'rendered.yaml');
    writeFileSync(file, rendered);
    // Server-side, as Helm 4 upgrades: unknown and duplicate fields are errors.
    const result = await kubectl([
      'apply',
      '--server-side',
      '--field-manager=helm',
      '--force-conflicts',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      file,
    ]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });

  it("runs mosquitto as the page's configuration does: no device crosses, and each attempt is logged", async () => {
    const page = await startChartBroker('broker.logPackets=true');
    try {
      const outcomes = await tryCrossings(page, 5);
      expect(outcomes.filter(({ isCrossed, trace }) => isCrossed || trace === undefined)).toEqual([]);
      expect(outcomes.length).toBeGreaterThanOrEqual(20);
    } finally {
      await page.close();
    }
  });

  it('has mosquitto take up changed passwords without a restart', async () => {
    const page = await startChartBroker();
    const secret = join(world.directory, 'credentials');
    mkdirSync(secret);
    const write = (operator: string, ...devices: readonly string[]): void => {
      writeFileSync(join(secret, 'operator-password'), operator);
      const file = join(secret, 'devices.passwords');
      writeFileSync(file, '');
      for (const device of devices) execFileSync('mosquitto_passwd', ['-b', file, device, 'new'], { stdio: 'ignore' });
    };
    write('new', 'pump-b', 'pump-c');
    const { certPem: ca } = page.authority;
    const gone = await come(page.devicesUrl, { ca, username: 'pump-a', password: PASSWORDS['pump-a'] });
    const isCutOff = closing(gone);
    const script = reloadScript(await renderBroker('statefulset'), page, secret);
    const reloading = await startSubprocess('sh', ['-ec', script]);
    try {
      await isCutOff;
      const operator = await come(page.operatorUrl, { username: 'mir-operator', password: 'new' });
      const added = await come(page.devicesUrl, { ca, username: 'pump-c', password: 'new' });
      const isRemoved = closing(added);
      write('newer', 'pump-b');
      await isRemoved;
      await expect(come(page.operatorUrl, { username: 'mir-operator', password: 'new' })).rejects.toThrow(/Not auth/);
      (await come(page.operatorUrl, { username: 'mir-operator', password: 'newer' })).end(true);
      for (const client of [gone, operator, added]) client.end(true);
    } finally {
      await reloading.kill();
      await page.close();
    }
  });

  it('makes pods that fit the restricted Pod Security Standard', async () => {
    await world.run('label', 'namespace', SYSTEM, 'pod-security.kubernetes.io/warn=restricted', '--overwrite');
    const sets = [
      'mqtt.url=',
      'broker.enabled=true',
      'broker.credentialsSecret=c',
      'broker.tls.secretName=t',
      'broker.persistence.enabled=false',
    ];
    const flags = sets.flatMap((set) => ['--set', set]);
    const rendered = loadAll(await succeed(helm('template', RELEASE, CHART, '--skip-tests', ...install, ...flags)));
    const templates = rendered.flatMap((one) => (one as { spec?: { template?: object } } | null)?.spec?.template ?? []);
    expect(templates).toHaveLength(2);
    for (const [index, template] of templates.entries()) {
      const metadata = { name: `probe-${index}`, namespace: SYSTEM };
      const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...template, metadata });
      const { code, stderr } = await kubectl(['apply', '--dry-run=server', '-f', '-'], pod);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  it('gives a service account that runs the operator, and helm test passes', async () => {
    const { url, caPem } = readKubeconfig(world.kubeconfig);
    const hooks = await succeed(helm('get', 'hooks', RELEASE, '-n', SYSTEM));
    const objects = loadAll(hooks).filter((one): one is HookObject => one !== null);
    // Without a kubelet no pod runs: what the pod of `helm test` would do is done here, with its account and its script.
    const setup = { apiVersion: 'v1', kind: 'List', items: objects.filter(({ kind }) => kind !== 'Pod') };
    await world.apply(setup);
    const pod = objects.find(({ kind }) => kind === 'Pod');
    await succeed(kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], JSON.stringify(pod)));
    const script = objects.find((object) => object.kind === 'ConfigMap')?.data?.['device-becomes-ready.mjs'];
    const account = join(world.directory, 'account');
    mkdirSync(account);
    writeFileSync(join(account, 'token'), await world.run('create', 'token', `${RELEASE}-test`, '-n', SYSTEM));
    writeFileSync(join(account, 'ca.crt'), caPem);
    writeFileSync(join(account, 'test.mjs'), script ?? '');
    const { hostname, port } = new URL(url);
    const env = {
      SERVICE_ACCOUNT_DIRECTORY: account,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      NODE_EXTRA_CA_CERTS: join(account, 'ca.crt'),
      NAMESPACE: SYSTEM,
    };
    const run = await new Promise<CommandResult>((resolve) => {
      execFile(process.execPath, [join(account, 'test.mjs')], { env }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : 1, stdout, stderr }),
      );
    });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('became Ready');
  });

  it('upgrades, rolls back and uninstalls without a conflict, and leaves the devices', async () => {
    const device = {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'kept', namespace: 'default' },
      spec: { deviceId: 'kept' },
      properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } } },
    };
    await world.apply(device);
    await world.run('wait', '--for=condition=Ready', 'dev/kept', '--timeout=30s');
    await succeed(helm('upgrade', RELEASE, CHART, ...install, '--set', 'config.pageSize=100'));
    const config = await world.run('get', 'configmap', RELEASE, '-n', SYSTEM, '-o', 'yaml');
    expect(config).toContain('pageSize: 100');
    const alone = ['--set', 'config.leaderElection=false', '--set', 'replicaCount=1'];
    await succeed(helm('upgrade', RELEASE, CHART, ...install, ...alone));
    const strategy = ['get', 'deployment', RELEASE, '-n', SYSTEM, '-o', 'jsonpath={.spec.strategy}'];
    expect(await world.run(...strategy)).toBe('{"type":"Recreate"}');
    await succeed(helm('rollback', RELEASE, '1', '-n', SYSTEM));
    expect(await world.run(...strategy)).toContain('"type":"RollingUpdate"');
    await succeed(helm('uninstall', RELEASE, '-n', SYSTEM, '--wait'));
    expect(await world.run('get', 'dev', 'kept', '-o', 'name')).toBe('device.iot.mir/kept\n');
    expect([...(await world.broker.retained('mir/v1alpha/kept/desired')).keys()]).toHaveLength(1);
    await world.run('create', 'namespace', 'leftover');
    await world.run('delete', 'namespace', 'leftover', '--timeout=60s');
  });

  it('installs again over the CRDs that it kept', async () => {
    await succeed(helm('install', RELEASE, CHART, ...install));
    await succeed(helm('uninstall', RELEASE, '-n', SYSTEM));
  });

  it('brings every alert into the cluster, with the address of its entry in the runbook', async () => {
    const flags = ['--api-versions', 'monitoring.coreos.com/v1/PrometheusRule', '-s', 'templates/monitoring.yaml'];
    const set = ['--set', 'metrics.prometheusRule.runbookUrl=https://docs.example/operations.md'];
    const rendered = await succeed(helm('template', RELEASE, CHART, ...install, ...flags, ...set));
    const rule = (loadAll(rendered) as { kind: string; spec: { groups: readonly AlertGroup[] } }[]).find(
      ({ kind }) => kind === 'PrometheusRule',
    );
    const { groups } = load(readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8')) as { groups: AlertGroup[] };
    const expected = groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((alert) => ({
        ...alert,
        annotations: {
          ...alert.annotations,
          runbook_url: `https://docs.example/operations.md#${alert.alert.toLowerCase()}`,
        },
      })),
    }));
    expect(rule?.spec.groups).toEqual(expected);
  });

  it('has an entry in the runbook for every alert, and for no other', () => {
    const { groups } = load(readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8')) as { groups: AlertGroup[] };
    const runbook = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const entries = [...runbook.matchAll(/^### (Mir\w+)$/gm)].map(([, name]) => name);
    expect(entries).toEqual(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)));
  });

  it('leaves the CRDs to a chart of their own', async () => {
    await succeed(helm('install', 'crds', CRD_CHART, '-n', SYSTEM, '--take-ownership'));
    await succeed(helm('install', RELEASE, CHART, ...install, '--set', 'crds.install=false'));
    await (await world.startPod({ name: 'second' })).stop();
    await succeed(helm('uninstall', RELEASE, '-n', SYSTEM));
    expect(await world.run('get', 'crd', 'devices.iot.mir', '-o', 'name')).toContain('devices.iot.mir');
  });

  it('installs without Helm', async () => {
    await world.run('apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', INSTALL_MANIFEST);
    await world.startPod({ name: 'plain' });
    await world.run('wait', '--for=condition=Ready', 'dev/kept', '--timeout=30s');
  });
});
