import { authorStamp, stampOf, stampedAuthor } from '../api/author.ts';
import type { Device, DeviceKey } from '../api/device.ts';
import type { DesiredState } from '../api/history.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { lastManager } from './author.ts';
import { stateOf } from './record.ts';

/** A change that was seen and is not recorded yet. */
export interface SeenStep {
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly user: string | undefined;
  readonly manager: string | undefined;
  readonly stamp: string | undefined;
  /** Undefined: there was no room to keep it. Of the last step it is what the cache holds. */
  readonly state: DesiredState | undefined;
}

/** Devices with changes that wait to be recorded; what is not held here is found by comparing, with the author that its object names. */
const MOST_DEVICES = 10_000;
/** Devices of which is kept what they desired meanwhile, so that two people who follow each other fast stay apart. */
const MOST_STATES = 200;
/** Authors in a row that stay apart. */
const MOST_STEPS = 4;

/** Who has just changed which device: bounded, and lost without harm. */
export class SeenSteps {
  readonly #steps = new Map<DeviceKey, readonly SeenStep[]>();
  #states = 0;

  has(key: DeviceKey): boolean {
    return this.#steps.has(key);
  }

  /** `object` as the API server has just told of it, with its managed fields. */
  note(key: DeviceKey, object: Device, at: number): void {
    const before = this.#steps.get(key) ?? [];
    if (before.length === 0 && this.#steps.size >= MOST_DEVICES) return;
    const last = before.at(-1);
    const step = this.#seen(object, at, last);
    if (last === undefined || isSameAuthor(last, step)) return this.#set(key, [...before.slice(0, -1), step]);
    if (last.state !== undefined && before.length < MOST_STEPS) return this.#set(key, [...before, step]);
    this.#set(key, [...before.slice(0, -1), { ...step, user: joined(last.user, step.user) }]);
  }

  /** The author of the newest change may be stamped a moment after it. */
  restamp(key: DeviceKey, { metadata }: Device): void {
    const steps = this.#steps.get(key);
    const last = steps?.at(-1);
    if (steps === undefined || last === undefined || last.generation !== metadata.generation) return;
    const user = stampedAuthor(metadata.annotations, last.generation, steps.at(-2)?.stamp);
    if (user === undefined || user === last.user) return;
    this.#steps.set(key, [...steps.slice(0, -1), { ...last, user, stamp: stampOf(metadata.annotations) }]);
  }

  take(key: DeviceKey): readonly SeenStep[] {
    const steps = this.#steps.get(key) ?? [];
    this.drop(key);
    return steps;
  }

  /** What could not be recorded waits again, before what has been seen since. */
  putBack(key: DeviceKey, steps: readonly SeenStep[]): void {
    if (steps.length === 0) return;
    const since = this.#steps.get(key) ?? [];
    this.#set(key, [...steps, ...since].slice(-MOST_STEPS));
  }

  drop(key: DeviceKey): void {
    this.#states -= statesIn(this.#steps.get(key));
    this.#steps.delete(key);
  }

  #seen(object: Device, at: number, last: SeenStep | undefined): SeenStep {
    const { annotations, generation } = object.metadata;
    const { managedFields } = object.metadata as { readonly managedFields?: readonly ManagedFields[] };
    return {
      generation,
      at,
      user: stampedAuthor(annotations, generation, last?.stamp),
      manager: lastManager(managedFields)?.name,
      stamp: stampOf(annotations),
      state: this.#states < MOST_STATES ? stateOf(object) : undefined,
    };
  }

  #set(key: DeviceKey, steps: readonly SeenStep[]): void {
    this.#states += statesIn(steps) - statesIn(this.#steps.get(key));
    this.#steps.set(key, steps);
  }
}

function isSameAuthor(a: SeenStep, b: SeenStep): boolean {
  return a.user === b.user && a.manager === b.manager;
}

function joined(...users: readonly (string | undefined)[]): string | undefined {
  const names = new Set(users.flatMap((user) => user?.split(', ') ?? []));
  return names.size === 0 ? undefined : [...names].slice(-MOST_STEPS).join(', ');
}

const statesIn = (steps: readonly SeenStep[] = []): number => steps.filter(({ state }) => state !== undefined).length;

/** The user of a step, unless the stamp is that of a change before it. */
export function userOf({ user, stamp, generation }: SeenStep, known: string | undefined): string | undefined {
  if (user === undefined || stamp === undefined || user.includes(', ')) return user;
  return stampedAuthor(authorStamp(user, stamp), generation, known);
}
