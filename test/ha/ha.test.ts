/**
 * Three replicas under faults, with a fleet that never stands still: for a minute, or MIR_HA_MINUTES. MIR_HA_SEED plays a sequence of
 * faults again. Judged from outside, by the API server's audit log, by what passed the wires, and by the devices.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { messageOf } from '../../src/base/message-of.ts';
import { canonicalJson } from '../../src/protocol/canonical.ts';
import type { MessageValue } from '../../src/sdk/index.ts';
import { seededRandom } from '../../src/simulator/random.ts';
import { pause } from '../integration/support/pause.ts';
import { unchangedPublishes } from '../integration/support/fault-publishes.ts';
import { AUDIT_FOLDER, grantChartRights } from '../real/operator-account.ts';
import { scratchDirectory } from '../real/reaper.ts';
import type { Recording } from '../world/broker-client.ts';
import { eventually } from '../world/eventually.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { actionLines, keepEvidence, messageLines } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { inSomeOrder } from './faults.ts';
import type { Scene } from './faults.ts';
import { Fleet } from './fleet.ts';
import { intrusions, readHistory, takeoverMs } from './history.ts';
import type { Action, History } from './history.ts';
import { Replica } from './replica.ts';
import { Wires } from './wires.ts';
import type { PassedPublish } from './wires.ts';

const MINUTES = Number(process.env['MIR_HA_MINUTES'] ?? 1);
const SEED = process.env['MIR_HA_SEED'] ?? 'mir';
const DEVICES = Number(process.env['MIR_HA_DEVICES'] ?? (MINUTES > 1 ? 200 : 60));
const LEASE_MS = 15_000;
const TAKEOVER_MS = LEASE_MS + 2000;
const HOUR_MS = 3_600_000;
const ROOT = join(import.meta.dirname, '..', '..');
const DEADLINE_MS = (MINUTES + 5) * 60_000;
const story: { readonly at: string; readonly line: string }[] = [];
const note = (line: string): void => void story.push({ at: new Date().toISOString(), line });
const say = (line: string): void => {
  note(line);
  process.stderr.write(`    ha: ${line}\n`);
};

let world: World;
let wires: Wires;
let fleet: Fleet;
let recording: Recording;
/** Of every topic. */
let conversation: Recording;
let publishes: readonly PassedPublish[];
let history: History;
const replicas: Replica[] = [];
/** Leaders that were killed, and when. */
const kills: { readonly at: number; readonly name: string }[] = [];

async function holder(): Promise<string> {
  const path = '/apis/coordination.k8s.io/v1/namespaces/mir-system/leases/mir-operator';
  const { spec } = await world.kube.get<{ spec: { holderIdentity?: string } }>(path);
  return spec.holderIdentity ?? '';
}

async function openEverything(): Promise<void> {
  const directory = scratchDirectory('ha');
  const audit = join(directory, 'audit');
  mkdirSync(audit);
  process.env[AUDIT_FOLDER] = audit;
  const bundle = join(directory, 'dist');
  execFileSync(process.execPath, [join(ROOT, 'test/tools/build.ts'), bundle], { stdio: 'ignore' });
  world = await openWorld({ kind: 'real', dedicated: true });
  await grantChartRights(world.kubeconfig);
  wires = new Wires();
  const random = seededRandom(SEED, 'fleet');
  const namespace = await world.namespace();
  fleet = new Fleet({ kube: world.kube, namespace, brokerUrl: world.broker.url, size: DEVICES, random });
  recording = await world.broker.watch('mir/v1alpha/+/desired');
  conversation = await world.broker.watch('mir/v1alpha/#');
  const common = { entry: join(bundle, 'main.js'), directory, kubeconfig: world.kubeconfig, wires };
  const place = { brokerPort: world.broker.port, podNamespace: 'mir-system' };
  for (const [index, clockSkewMs] of [0, HOUR_MS, -HOUR_MS].entries())
    replicas.push(await Replica.start({ ...common, ...place, name: `replica-${index}`, clockSkewMs }));
  await fleet.open();
  await converged();
}

async function converged(): Promise<void> {
  const convergence = eventually(
    'every object and every device holds the newest value',
    async () => {
      const found = await fleet.differences();
      if (found.length > 0) throw new Error([...found.slice(0, 10), `${found.length} differences in all`].join('\n'));
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  await convergence.catch(async (cause: unknown) => {
    throw new Error(`${messageOf(cause)}\nevidence: ${await keepEvidence(evidence())}`, { cause });
  });
}

async function expectNone(found: readonly unknown[]): Promise<void> {
  if (found.length > 0) say(`evidence: ${await keepEvidence(evidence())}`);
  expect(found).toEqual([]);
}

function evidence(): Evidence {
  return {
    story: () => story,
    objects: async () => [...(await fleet.objects()).values()],
    devices: () => fleet.all.map((device) => device.book()),
    retained: async () => [...(await world.broker.retained('mir/v1alpha/#'))],
    messages: () => messageLines(conversation.messages),
    documents: async () => actionLines(await wires.publishes()),
    leases: () => actionLines(readRun().renewals),
    statuses: () => actionLines(readRun().statusWrites),
    ...Object.fromEntries(replicas.map((replica) => [replica.name, () => replica.logs()])),
  };
}

function readRun(): History {
  const names = new Map(replicas.map(({ credential, name }) => [credential, name]));
  return readHistory(process.env[AUDIT_FOLDER] ?? '', names);
}

/** The faults, one after the other until the time is over; after each a change must get through. */
async function play(): Promise<void> {
  const random = seededRandom(SEED, 'faults');
  const scene: Scene = {
    replicas,
    broker: world.broker,
    holder,
    noteKill: ({ name }) => kills.push({ at: Date.now(), name }),
  };
  const endsAt = performance.now() + MINUTES * 60_000;
  for (const [name, fault] of inSomeOrder(random)) {
    if (performance.now() >= endsAt) return;
    note(`${name}: begins`);
    await fault(scene);
    say(`${name}: a change made then arrived after ${seconds(await fleet.probe())}`);
    await pause(random() * 3000);
  }
}

beforeAll(async () => {
  say(`seed ${SEED}, ${MINUTES} min, ${DEVICES} devices`);
  await openEverything();
  fleet.start();
  await play();
  await fleet.settle();
  await converged();
  publishes = await wires.publishes();
  history = readRun();
  const { changes, reports, departures, deletions } = fleet.tally;
  say(`${changes} changes, ${reports} reports, ${departures} devices went, ${deletions} objects were deleted`);
  say(`${history.statusWrites.length} status writes, ${publishes.length} documents, ${terms(history.renewals)} terms`);
}, DEADLINE_MS);

afterAll(async () => {
  fleet?.close();
  await Promise.all(replicas.filter(({ isRunning }) => isRunning).map((replica) => replica.end()));

  await wires?.close();

  await world?.close();
}, DEADLINE_MS);

describe('three replicas under faults', () => {
  it('lose nothing: every device has what was desired last, and every last report stands in its status', async () => {
    await expectNone(await fleet.differences());
  });

  it('send nothing that stood already, and give no handler a value twice', async () => {
    await expectNone(unchangedPublishes(conversation.messages));
    await expectNone(fleet.all.flatMap((device) => device.repeatedRuns()));
  });

  it('write status only while they hold the Lease, never two of them', async () => {
    expect(writersOf(history.statusWrites)).toBeGreaterThan(1);
    await expectNone(intrusions(history.renewals, history.statusWrites, LEASE_MS));
  });

  it('publish documents only while they hold the Lease, never two of them', async () => {
    expect(writersOf(publishes)).toBeGreaterThan(1);
    await expectNone(intrusions(history.renewals, publishes, LEASE_MS));
  });

  it('take over from a killed leader within the lease time and 2 s', async () => {
    const times = kills.map(({ at, name }) => takeoverMs(history.renewals, at, name));
    say(`takeovers after kill -9: ${times.map((ms) => seconds(ms ?? Number.NaN)).join(', ')}`);
    await expectNone(times.filter((ms) => ms === undefined || ms > TAKEOVER_MS));
  });

  it('give each message a time that grows with its revision, whatever their clocks say', async () => {
    await expectNone(timesThatGoBack());
  });

  it('give no two values of a message the same revision', async () => {
    await expectNone(revisionsOfTwoValues());
  });

  it('meet no error that they do not know', async () => {
    const errors = replicas.flatMap((replica) =>
      replica.logs().filter(({ level, text }) => text !== undefined || level === 'error' || level === 'fatal'),
    );
    await expectNone(errors);
  });
});

const writersOf = (actions: readonly Action[]): number => new Set(actions.map(({ by }) => by)).size;

const terms = (renewals: readonly Action[]): number =>
  renewals.filter(({ by }, at) => by !== renewals[at - 1]?.by).length;

interface Entry {
  readonly revision: number;
  readonly time: string;
  readonly value: MessageValue;
}

interface Document {
  readonly owner: { readonly uid: string };
  readonly messages: Readonly<Record<string, Entry>>;
}

/** Every entry of every document that was published, in order; `of` names device, object and message. */
function publishedEntries(): (Entry & { readonly of: string })[] {
  const documents = recording.messages.filter(({ text }) => text !== '');
  return documents.flatMap(({ topic, text }) => {
    const { owner, messages } = JSON.parse(text) as Document;
    return Object.entries(messages).map(([message, entry]) => ({ of: `${topic} ${owner.uid} ${message}`, ...entry }));
  });
}

function timesThatGoBack(): string[] {
  const latest = new Map<string, Entry>();
  const found: string[] = [];
  for (const entry of publishedEntries()) {
    const before = latest.get(entry.of);
    if (before !== undefined && entry.revision > before.revision && entry.time <= before.time)
      found.push(`${entry.of}: revision ${entry.revision} of ${entry.time} after ${before.revision} of ${before.time}`);
    if (before === undefined || entry.revision > before.revision) latest.set(entry.of, entry);
  }
  return found;
}

function revisionsOfTwoValues(): string[] {
  const values = new Map<string, string>();
  const found: string[] = [];
  for (const { of, revision, value } of publishedEntries()) {
    const key = `${of} revision ${revision}`;
    const text = canonicalJson(value);
    const before = values.get(key);
    if (before !== undefined && before !== text) found.push(`${key}: ${before}, then ${text}`);
    values.set(key, text);
  }
  return found;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
