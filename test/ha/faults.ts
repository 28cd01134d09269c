/** What breaks in this story. Each fault resolves when it is over: everything runs again and can reach everything. */
import type { Random } from '../../src/simulator/random.ts';
import { pause } from '../integration/support/pause.ts';
import type { TestBroker } from '../world/broker.ts';
import { eventually } from '../world/eventually.ts';
import type { Replica } from './replica.ts';

export interface Scene {
  readonly replicas: readonly Replica[];
  readonly broker: TestBroker;
  /** Names the holder of the Lease, as the API server has it; empty after a release. */
  holder(): Promise<string>;
  /** A leader has been killed just now. */
  noteKill(replica: Replica): void;
}

export type Fault = (scene: Scene) => Promise<void>;

const LONG_MS = 30_000;

async function leaderOf(scene: Scene): Promise<Replica> {
  return eventually('a running replica leads', async () => {
    const name = await scene.holder();
    const leader = scene.replicas.find((replica) => replica.name === name && replica.isRunning);
    if (leader === undefined) throw new Error(`the Lease is ${name}'s`);
    return leader;
  });
}

async function standbyOf(scene: Scene): Promise<Replica> {
  const leader = await leaderOf(scene);
  const standby = scene.replicas.find((replica) => replica !== leader);
  if (standby === undefined) throw new Error('there is only one replica');
  return standby;
}

async function anotherLeads(scene: Scene, former: Replica): Promise<Replica> {
  return eventually('another replica leads', async () => {
    const leader = await leaderOf(scene);
    if (leader === former) throw new Error(`${former.name} still leads`);
    return leader;
  });
}

async function killLeader(scene: Scene): Promise<void> {
  const leader = await leaderOf(scene);
  scene.noteKill(leader);
  await leader.end();
  await anotherLeads(scene, leader);
  await leader.begin();
}

/** As the container of a pod that crashed: the same name leads on. */
async function crashLeader(scene: Scene): Promise<void> {
  const leader = await leaderOf(scene);
  await leader.end();
  await leader.begin();
}

async function killStandby(scene: Scene): Promise<void> {
  const standby = await standbyOf(scene);
  await standby.end();
  await standby.begin();
}

async function replaceLeader(scene: Scene): Promise<void> {
  const leader = await leaderOf(scene);
  await leader.end('SIGTERM');
  await leader.begin();
}

const freezeLeader =
  (ms: number): Fault =>
  async (scene) => {
    const leader = await leaderOf(scene);
    leader.process.freeze();
    await pause(ms);
    leader.process.thaw();
  };

async function freezeStandby(scene: Scene): Promise<void> {
  const standby = await standbyOf(scene);
  standby.process.freeze();
  await pause(LONG_MS);
  standby.process.thaw();
}

/** Of three replicas one is frozen, the next is killed, the third leads, and then the first goes on. */
async function freezeLeaderAndKillTheNext(scene: Scene): Promise<void> {
  const first = await leaderOf(scene);
  first.process.freeze();
  const second = await anotherLeads(scene, first);
  scene.noteKill(second);
  await second.end();
  await eventually('the third leads', async () => {
    const third = await leaderOf(scene);
    if (third === first || third === second) throw new Error(`${third.name} leads`);
  });
  first.process.thaw();
  await second.begin();
}

type Way = 'cut' | 'hang';
type End = 'api' | 'broker';

const breakLeader =
  (way: Way, ends: readonly End[], ms: number): Fault =>
  async (scene) => {
    const leader = await leaderOf(scene);
    await Promise.all(ends.map((end) => leader[end][way]()));
    await pause(ms);
    await Promise.all(ends.map((end) => leader[end].restore()));
  };

const breakAll =
  (way: Way, end: End, ms: number): Fault =>
  async ({ replicas }) => {
    await Promise.all(replicas.map((replica) => replica[end][way]()));
    await pause(ms);
    await Promise.all(replicas.map((replica) => replica[end].restore()));
  };

/** The devices lose it too. */
async function restartBroker({ broker }: Scene): Promise<void> {
  await broker.stop();
  await pause(5000);
  await broker.start();
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'kill -9 of the leader': killLeader,
  'leader frozen, 30 s': freezeLeader(LONG_MS),
  'API server cut off from the leader, 25 s': breakLeader('cut', ['api'], 25_000),
  'API server and broker cut off from the leader, 25 s': breakLeader('cut', ['api', 'broker'], 25_000),
  'leader frozen, the next one killed': freezeLeaderAndKillTheNext,
  'API server silent to the leader, 25 s': breakLeader('hang', ['api'], 25_000),
  'kill -9 of the leader, which starts again at once': crashLeader,
  'leader frozen, 12 s': freezeLeader(12_000),
  'API server and broker silent to the leader, 25 s': breakLeader('hang', ['api', 'broker'], 25_000),
  'broker cut off from the leader, 10 s': breakLeader('cut', ['broker'], 10_000),
  'broker silent to the leader, 15 s': breakLeader('hang', ['broker'], 15_000),
  'API server cut off from all, 20 s': breakAll('cut', 'api', 20_000),
  'API server silent to all, 20 s': breakAll('hang', 'api', 20_000),
  'broker restarts': restartBroker,
  'kill -9 of a standby': killStandby,
  'standby frozen, 30 s': freezeStandby,
  'leader replaced in good order': replaceLeader,
};

/** The two that matter most first, then the rest in random order, then all of them again. */
export function* inSomeOrder(random: Random): Generator<readonly [name: string, fault: Fault]> {
  const [first, second, ...others] = Object.entries(FAULTS);
  if (first !== undefined && second !== undefined) yield* [first, second];
  for (let rest = others; ; rest = Object.entries(FAULTS)) {
    while (rest.length > 0) {
      const [next] = rest.splice(Math.floor(random() * rest.length), 1);
      if (next !== undefined) yield next;
    }
  }
}
