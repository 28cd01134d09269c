/** What each alert is for, made to happen for real, and mended again. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { OperatorOptions } from '../world/operator-process.ts';
import { createAuthority } from '../../src/certificates/issue.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startMosquitto } from '../world/mosquitto.ts';
import { viewFlag } from '../world/view-service.ts';
import { limitProcessor } from './processor.ts';
import { RATE } from './site.ts';
import type { Site } from './site.ts';

export interface Fault {
  readonly alert: string;
  readonly what: string;
  readonly options?: OperatorOptions;
  /** Brings the site where all is well, before the fault. */
  readonly prepare?: (site: Site) => Promise<unknown>;
  /** Makes it happen; resolves with how it is mended. What has to go on for it goes on until `signal` aborts. */
  readonly cause: (site: Site, signal: AbortSignal) => Promise<() => Promise<unknown>>;
}

const CLIENT_ID = 'mir-operator-observed';
const BIRTH = { online: true, session: 's1', heartbeat: 600 };
const CA_FILE = join(scratchDirectory('authority'), 'ca.pem');
writeAuthority(3650);
const SWEEP_FEW = ['--sweep-minimum=3', '--sweep-max-fraction=0'];

export const FAULTS: readonly Fault[] = [
  {
    alert: 'MirOperatorDown',
    what: 'the API server is gone',
    cause: ({ world }) => {
      world.api.cut();
      return Promise.resolve(() => world.api.restore());
    },
  },
  {
    alert: 'MirBrokerDisconnected',
    what: 'the broker is gone',
    cause: async ({ world }) => {
      await world.broker.stop();
      return () => world.broker.start();
    },
  },
  {
    alert: 'MirBrokerUnstable',
    what: 'somebody else uses its client id',
    options: { flags: [`--mqtt-client-id=${CLIENT_ID}`] },
    cause: async ({ world }) => {
      const other = await world.broker.connect({ clientId: CLIENT_ID, reconnectPeriod: 200 });
      return () => other.endAsync(true);
    },
  },
  {
    alert: 'MirSweepBlocked',
    what: 'many objects were deleted while nobody watched',
    options: { flags: SWEEP_FEW },
    prepare: async (site) => {
      await site.publishFleet(10);
    },
    cause: async (site) => {
      await site.stopOperators();
      await Promise.all(Array.from({ length: 10 }, (_, at) => site.world.kube.delete(site.path(`twin-${at}`))));
      await site.startOperator();
      return async () => {
        await site.stopOperators();
        await site.startOperator(['--sweep-confirm']);
      };
    },
  },
  {
    alert: 'MirObjectsAbsent',
    what: 'the API server lists nothing',
    options: { flags: SWEEP_FEW },
    prepare: async (site) => {
      await site.publishFleet(10);
    },
    cause: async (site, signal) => {
      site.world.api.emptyLists(Number.POSITIVE_INFINITY);
      repeat(signal, 500, () => Promise.resolve(site.world.api.expireWatches()));
      await site.untilMetric('mir_absent_objects', { resource: 'devices' }, 10);
      return () => site.world.api.restore();
    },
  },
  {
    alert: 'MirStatusWritesFail',
    what: 'its role lost the right to write statuses',
    cause: async (site, signal) => {
      const restore = await revokeStatusWrites(site);
      let created = 0;
      repeat(signal, 300, () => site.create(`refused-${created++}`));
      return restore;
    },
  },
  {
    alert: 'MirHistoriesFail',
    what: 'a policy of the house refuses histories',
    cause: async (site, signal) => {
      const restore = await refuseHistories(site);
      let created = 0;
      repeat(signal, 300, () => site.create(`unrecorded-${created++}`, { [RATE]: { intervalSeconds: 60 } }));
      return restore;
    },
  },
  {
    alert: 'MirPublishesFail',
    what: 'the access file of the broker forgets the desired documents',
    cause: async (site) => {
      const allowed = [
        'topic readwrite mir/v1alpha/mir-operator/#',
        'topic read mir/#',
        'topic write mir/v1alpha/+/get',
      ];
      let file = '';
      const broker = await startMosquitto(
        (folder) => {
          file = join(folder, 'acl');
          return ['allow_anonymous true', `acl_file ${file}`];
        },
        { acl: `${allowed.join('\n')}\n` },
      );
      site.onClose(() => broker.close());
      await site.stopOperators();
      await site.startOperator([`--mqtt-url=${broker.url}`]);
      await site.createFleet(3);
      return async () => {
        writeFileSync(file, 'topic readwrite mir/#\n');
        await broker.restart();
      };
    },
  },
  {
    alert: 'MirReportsLag',
    what: 'the API server takes three seconds for an answer',
    // On a busy machine a Lease is lost at three seconds more for each request, and with it what is to lag.
    options: { flags: ['--no-leader-election'] },
    prepare: (site) => site.publishFleet(20),
    cause: (site, signal) => {
      site.world.api.latency(3000);
      let said = 0;
      repeat(signal, 100, () =>
        site.say(`twin-${said % 20}`, `reported/${RATE}`, { value: { intervalSeconds: 60 + said++ } }),
      );
      return Promise.resolve(() => site.world.api.restore());
    },
  },
  {
    alert: 'MirWorkStuck',
    what: 'the API server takes requests and answers none',
    options: { flags: ['--no-leader-election'] },
    prepare: (site) => site.publishFleet(6),
    cause: async (site) => {
      site.world.api.hang();
      await site.say('twin-0', 'state', BIRTH);
      return () => site.world.api.restore();
    },
  },
  {
    alert: 'MirViewDown',
    what: 'the Service of the view leads to a pod that is gone',
    options: { flags: [viewFlag()] },
    prepare: (site) => site.serveView(),
    cause: async (site) => {
      await site.misrouteView();
      return () => site.routeView();
    },
  },
  {
    alert: 'MirDevicesStalled',
    what: 'a device rejects what is desired',
    prepare: (site) => site.publishFleet(1),
    cause: async (site) => {
      await answer(site, 'twin-0', { status: 'rejected', reason: 'not today' });
      return () => answer(site, 'twin-0', { status: 'applied', value: { intervalSeconds: 60 } });
    },
  },
  {
    alert: 'MirFleetOutOfSync',
    what: 'a device is there and answers nothing',
    prepare: (site) => site.publishFleet(1),
    cause: async (site) => {
      await site.say('twin-0', 'state', BIRTH);
      return () => answer(site, 'twin-0', { status: 'applied', value: { intervalSeconds: 60 } });
    },
  },
  {
    alert: 'MirTwinsTruncated',
    what: 'a device reports more than an object holds',
    options: { flags: ['--max-document-bytes=262144'] },
    prepare: (site) => site.publishFleet(1),
    cause: async (site) => {
      await site.say('twin-0', 'state', BIRTH);
      await answer(site, 'twin-0', { status: 'applied', value: { intervalSeconds: 60 } });
      for (let at = 10; at < 50; at += 1)
        await site.say('twin-0', `reported/a.v1.M${at}`, { value: { text: 'x'.repeat(60_000 - at * 10) } });
      return () => site.say('twin-0', 'state', { ...BIRTH, session: 's2', reports: [RATE] });
    },
  },
  {
    alert: 'MirManyDevicesOffline',
    what: 'the network of a site is gone',
    prepare: async (site) => {
      const names = await site.publishFleet(15);
      await Promise.all(names.map((name) => site.say(name, 'state', BIRTH)));
      await site.untilMetric('mir_devices_online', {}, 15);
      await Promise.all(names.map((name) => answer(site, name, { status: 'applied', value: { intervalSeconds: 60 } })));
    },
    cause: async (site) => {
      const names = Array.from({ length: 12 }, (_, at) => `twin-${at}`);
      const will = { online: false, session: 's1', will: true };
      await Promise.all(names.map((name) => site.say(name, 'state', will)));
      return () => Promise.all(names.map((name) => site.say(name, 'state', { ...BIRTH, session: 's2' })));
    },
  },
  {
    alert: 'MirBadInput',
    what: 'a device sends what is no JSON, forty times a second',
    prepare: (site) => site.publishFleet(1),
    cause: async (site, signal) => {
      const client = await site.world.broker.connect();
      repeat(signal, 25, () => client.publishAsync(site.topic('twin-0', `reported/${RATE}`), '{', { qos: 1 }));
      return () => client.endAsync();
    },
  },
  {
    alert: 'MirOperatorBusy',
    what: 'devices flood it, and its container may use 3 % of a core',
    prepare: (site) => site.publishFleet(6),
    cause: (site) => {
      const giveBack = limitProcessor(site.operatorPids, 3);
      const floods = Array.from({ length: 6 }, (_, at) => flood(site, `twin-${at}`));
      return Promise.resolve(async () => {
        giveBack();
        await Promise.all(floods.map((end) => end()));
      });
    },
  },
  {
    alert: 'MirCertificateExpires',
    what: 'nobody renews the authority of the broker',
    options: { flags: [`--mqtt-ca-file=${CA_FILE}`] },
    cause: async () => {
      writeAuthority(3);
      return async () => writeAuthority(3650);
    },
  },
  {
    alert: 'MirLeaderChanges',
    what: 'somebody edits the Lease again and again',
    prepare: (site) => site.startOperator(),
    cause: (site, signal) => {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${site.namespace}/leases/mir-operator`;
      repeat(signal, 2500, () =>
        site.world.kube.patch(path, 'application/merge-patch+json', { spec: { holderIdentity: '' } }),
      );
      return Promise.resolve(() => Promise.resolve());
    },
  },
];

/** The device says something of the revision that stands at the broker for it. */
async function answer(site: Site, name: string, decision: object): Promise<void> {
  const topic = site.topic(name, 'desired');
  const text = (await site.world.broker.retained(topic)).get(topic) ?? '{}';
  const { owner, messages } = JSON.parse(text) as {
    owner?: { uid: string };
    messages?: Record<string, { revision: number }>;
  };
  const revision = messages?.[RATE]?.revision ?? 1;
  await site.say(name, `reported/${RATE}`, { version: 1, uid: owner?.uid, revision, ...decision });
}

/** Does `act` over and over until `signal` aborts; one that fails is tried again at its next turn. */
function repeat(signal: AbortSignal, everyMs: number, act: () => Promise<unknown>): void {
  const timer = setInterval(() => void act().catch(() => undefined), everyMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

async function revokeStatusWrites({ world }: Site): Promise<() => Promise<unknown>> {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/mir-operator';
  const { rules } = await world.kube.get<{ rules: readonly { resources: readonly string[] }[] }>(path);
  const set = (left: readonly object[]): Promise<unknown> =>
    world.kube.patch(path, 'application/merge-patch+json', { rules: left });
  await set(rules.filter(({ resources }) => !resources.includes('devices/status')));
  return () => set(rules);
}

async function refuseHistories({ world }: Site): Promise<() => Promise<unknown>> {
  const [name, apiVersion] = ['no-histories', 'admissionregistration.k8s.io/v1'];
  const path = `/apis/${apiVersion}/validatingadmissionpolic`;
  const resources = ['devicehistories'];
  const rule = { apiGroups: ['iot.mir'], apiVersions: ['*'], resources, operations: ['CREATE', 'UPDATE'] };
  const validations = [{ expression: 'false', message: 'no histories in this house' }];
  await world.kube.create(`${path}ies`, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { matchConstraints: { resourceRules: [rule] }, validations },
  });
  await world.kube.create(`${path}ybindings`, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
  return async () => {
    await world.kube.delete(`${path}ybindings/${name}`);
    await world.kube.delete(`${path}ies/${name}`);
  };
}

/** A device that sends thousands of messages a second for minutes; the returned function ends it. */
function flood(site: Site, name: string): () => Promise<void> {
  const program = join(import.meta.dirname, '..', 'integration', 'support', 'flood-device.ts');
  const { port } = site.world.broker;
  // It needs no schema to send what is no JSON, but a file to read.
  const words = [program, String(port), site.id(name), 'reports that cannot be read', '600000', program];
  const child = spawn(process.execPath, words, { stdio: 'ignore' });
  return async () => {
    if (child.exitCode !== null)
      throw new Error(`the flood of ${name} ended by itself, with exit code ${child.exitCode}`);
    await end(child);
  };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}

function writeAuthority(days: number): void {
  writeFileSync(CA_FILE, createAuthority('broker', Date.now(), days * 86_400_000).certPem);
}
