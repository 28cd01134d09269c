import { messageOf } from '../base/message-of.ts';
import type { Clock } from '../base/clock.ts';
import { codecOf } from '../sdk/codec.ts';
import type { DeviceCodec } from '../sdk/codec.ts';
import type { BrokerOptions, DeviceEvent, SchemaOptions } from '../sdk/index.ts';
import type { Behaviour } from './behaviours/behaviour.ts';
import { createBehaviour } from './behaviours/kinds.ts';
import type { DeviceModel } from './models.ts';
import type { Group } from './profile/profile.ts';
import { seededRandom } from './random.ts';
import { createSimulatedDevice } from './simulated-device.ts';
import type { SimulatedDevice, SimulatedDeviceOptions } from './simulated-device.ts';
import { countAct, countEvent, countProblem, countingCodec } from './tally.ts';
import type { Tally } from './tally.ts';

interface MemberOptions {
  readonly deviceId: string;
  /** Its number within its group. */
  readonly n: number;
  readonly squad: SharedByGroup;
  readonly device: {
    readonly broker: BrokerOptions;
    readonly model: DeviceModel & { readonly applyDelayMs?: number };
    readonly store?: string;
  };
  readonly seed: string;
  readonly life: { readonly clock: Clock; readonly signal: AbortSignal; readonly elapsedMs: () => number };
  readonly onEvent?: (event: DeviceEvent) => void;
}

/** What the devices of one group share. */
export interface SharedByGroup {
  readonly group: Group;
  readonly tally: Tally;
  /** Undefined: they speak plain JSON. */
  readonly typed: TypedCodec | undefined;
}

/** A schema, and what reads and writes by it. */
export interface TypedCodec {
  readonly schema: SchemaOptions;
  readonly codec: DeviceCodec;
}

/** One device of a fleet with its behaviours. */
export class Member {
  readonly #options: MemberOptions;
  readonly #behaviours: readonly Behaviour[];
  readonly #pending = new Set<string>();
  #lives: Promise<unknown> = Promise.resolve();
  #device: SimulatedDevice | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    const { squad, seed, deviceId, n, life } = options;
    const { group, tally } = squad;
    this.#behaviours = group.behaviours.map((settings, index) =>
      createBehaviour(settings, {
        deviceId,
        n,
        clock: life.clock,
        elapsedMs: life.elapsedMs,
        random: seededRandom(seed, deviceId, index),
        count: () => countAct(tally, settings.kind),
      }),
    );
  }

  get isOnline(): boolean {
    return this.#device?.isOnline === true;
  }

  /** Desired values that it has taken and not decided. */
  get pending(): number {
    return this.#pending.size;
  }

  async start(): Promise<void> {
    let body = this.#bareBody();
    for (const behaviour of this.#behaviours) body = (await behaviour.equip?.(body)) ?? body;
    const device = createSimulatedDevice({
      ...body,
      parts: { ...body.parts, codec: countingCodec(body.parts?.codec ?? codecOf(), this.#options.squad.tally) },
    });
    this.#device = device;
    await device.start();
    const { signal } = this.#options.life;
    this.#lives = Promise.all(this.#behaviours.map((behaviour) => this.#live(behaviour, device, signal)));
  }

  /** A behaviour that fails ends, and is told of; the device lives on. */
  async #live(behaviour: Behaviour, device: SimulatedDevice, signal: AbortSignal): Promise<void> {
    try {
      await behaviour.live?.(device, signal);
    } catch (error) {
      countProblem(this.#options.squad.tally, `a behaviour failed: ${messageOf(error)}`);
    }
  }

  /** Says goodbye; the behaviours must have been told to end. */
  async leave(): Promise<void> {
    await this.#lives;
    await this.#device?.goOffline();
    for (const behaviour of this.#behaviours) await behaviour.close?.(false);
  }

  kill(): void {
    this.#device?.die();
    for (const behaviour of this.#behaviours) void behaviour.close?.(true);
  }

  #bareBody(): SimulatedDeviceOptions {
    const { squad, device, deviceId, life, onEvent } = this.#options;
    const { group, tally, typed } = squad;
    const { broker, model, store } = device;
    const has = (kind: string): boolean => group.behaviours.some((behaviour) => behaviour.kind === kind);
    return {
      device: {
        deviceId,
        broker: { ...broker, keepaliveSeconds: group.keepalive / 1000 },
        announce: {
          heartbeatSeconds: group.heartbeat / 1000,
          ...(group.maxBytes !== undefined && { maxBytes: group.maxBytes }),
        },
        ...(typed !== undefined && { schema: typed.schema }),
        ...(store !== undefined && { store }),
        onEvent: (event) => {
          countEvent(tally, this.#pending, event);
          onEvent?.(event);
        },
      },
      parts: { clock: life.clock, ...(typed !== undefined && { codec: typed.codec }) },
      ...(has('apply') ? { applies: [] } : model),
      initialReports: has('report') ? {} : model.initialReports,
    };
  }
}
