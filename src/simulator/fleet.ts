import { join } from 'node:path';
import { delay, systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { codecOf } from '../sdk/codec.ts';
import type { BrokerOptions, DeviceEvent } from '../sdk/index.ts';
import { Member } from './member.ts';
import type { SharedByGroup, TypedCodec } from './member.ts';
import type { DeviceModel } from './models.ts';
import { deviceId } from './profile/profile.ts';
import type { Group, Profile } from './profile/profile.ts';
import { newTally } from './tally.ts';
import type { Tally } from './tally.ts';

export interface FleetOptions {
  readonly profile: Profile;
  readonly devices: DeviceSetup;
  /** What is drawn at random is the same for the same seed. */
  readonly seed: string;
  /** Group name → its serialized schema; groups that are not named speak plain JSON. */
  readonly schemas?: ReadonlyMap<string, Uint8Array>;
  /** First connects a second; 0: all at once. */
  readonly connectRate: number;
  readonly clock?: Clock;
  readonly onEvent?: (deviceId: string, event: DeviceEvent) => void;
}

/** What all devices of a fleet have in common. */
export interface DeviceSetup {
  readonly broker: BrokerOptions;
  /** What a device understands and says where its group does not tell. */
  readonly model: DeviceModel & { readonly applyDelayMs?: number };
  /** Folder of their stores; without it they are in memory. */
  readonly dataDir?: string;
}

/** How a group stands now. */
export interface GroupState {
  readonly group: Group;
  readonly tally: Readonly<Tally>;
  readonly started: number;
  readonly online: number;
  /** Desired values that were taken and not decided. */
  readonly pending: number;
}

export interface Fleet {
  readonly size: number;
  readonly elapsedMs: number;
  groups(): readonly GroupState[];
  /** Resolves when every device was started; rejects when one cannot be. */
  readonly started: Promise<void>;
  /** Says goodbye for every device, for at most `GOODBYE_MS`; then cuts off who is left. Resolves with their number. */
  stop(): Promise<number>;
  /** Cuts all off at once. */
  kill(): void;
}

/** Starts the devices of a profile one after the other, and lets them live until it is stopped. */
export function startFleet(options: FleetOptions): Fleet {
  return new PacedFleet(options);
}

interface Squad extends SharedByGroup {
  readonly members: Member[];
}

class PacedFleet implements Fleet {
  readonly size: number;
  readonly started: Promise<void>;
  readonly #options: FleetOptions;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #squads: readonly Squad[];
  readonly #stopping = new AbortController();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#startedAt = this.#clock.monotonic();
    this.#squads = options.profile.groups.map((group) => ({
      group,
      tally: newTally(),
      members: [],
      typed: typedCodecOf(group, options.schemas?.get(group.name)),
    }));
    this.size = options.profile.groups.reduce((sum, { count }) => sum + count, 0);
    this.started = this.#startAll();
  }

  get elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  groups(): readonly GroupState[] {
    return this.#squads.map(({ group, tally, members }) => ({
      group,
      tally,
      started: members.length,
      online: members.reduce((sum, { isOnline }) => sum + Number(isOnline), 0),
      pending: members.reduce((sum, { pending }) => sum + pending, 0),
    }));
  }

  async stop(): Promise<number> {
    this.#stopping.abort();
    await this.started.catch(() => {});
    const late = delay(this.#clock, GOODBYE_MS).then(() => 'late' as const);
    const leaving = this.#members();
    let left = leaving.length;
    const work = async (): Promise<void> => {
      for (let member = leaving.pop(); member !== undefined; member = leaving.pop()) {
        await member.leave();
        left -= 1;
      }
    };
    const all = Promise.all(Array.from({ length: GOODBYES_AT_ONCE }, work));
    if ((await Promise.race([all, late])) === 'late') this.kill();
    return left;
  }

  kill(): void {
    this.#stopping.abort();
    for (const member of this.#members()) member.kill();
  }

  async #startAll(): Promise<void> {
    const { signal } = this.#stopping;
    const { connectRate } = this.#options;
    let index = 0;
    for (const squad of this.#squads) {
      for (let n = 1; n <= squad.group.count; n += 1) {
        const dueMs = connectRate === 0 ? 0 : (index * 1000) / connectRate;
        index += 1;
        // A little ahead of time is on time: one timer starts several.
        if (dueMs > this.elapsedMs + TICK_MS) await delay(this.#clock, dueMs - this.elapsedMs, signal);
        if (signal.aborted) return;
        await this.#start(squad, n);
      }
    }
  }

  async #start(squad: Squad, n: number): Promise<void> {
    const { devices, seed, onEvent } = this.#options;
    const id = deviceId(squad.group.id, n);
    const { dataDir, ...common } = devices;
    const member = new Member({
      deviceId: id,
      n,
      squad,
      device: { ...common, ...(dataDir !== undefined && { store: join(dataDir, `${id}.db`) }) },
      seed,
      life: { clock: this.#clock, signal: this.#stopping.signal, elapsedMs: () => this.elapsedMs },
      ...(onEvent !== undefined && { onEvent: (event) => onEvent(id, event) }),
    });
    squad.members.push(member);
    await member.start();
  }

  #members(): Member[] {
    return this.#squads.flatMap(({ members }) => members);
  }
}

/** One for all devices of the group: a schema takes more memory than a device. */
function typedCodecOf({ encoding }: Group, descriptorSet: Uint8Array | undefined): TypedCodec | undefined {
  if (descriptorSet === undefined) return undefined;
  const schema = { descriptorSet, encoding };
  return { schema, codec: codecOf(schema) };
}

const TICK_MS = 10;
const GOODBYE_MS = 20_000;
const GOODBYES_AT_ONCE = 200;
