import { isDeepStrictEqual } from 'node:util';
import { stampOf, stampedAuthor } from '../api/author.ts';
import type { Device, DeviceKey, ObjectMeta } from '../api/device.ts';
import type { DesiredState, HistoryBody } from '../api/history.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { authorOf, isNoneSince, lastManager, textOf } from './author.ts';
import type { LastWrite } from './author.ts';
import { stateOf } from './record.ts';
import type { Step } from './record.ts';

interface StampedAuthor {
  readonly user: string;
  readonly stamp: string | undefined;
  /** Which the change led to. */
  readonly generation: number;
}

/** A change that was seen and is not recorded yet. */
export interface SeenStep {
  readonly uid: string;
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** One of one change; more of several, where there was no room to keep them apart. */
  readonly authors: readonly StampedAuthor[];
  readonly write: LastWrite;
  readonly stamp: string | undefined;
  /** What the object was stamped with before. */
  readonly formerStamp: string | undefined;
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

  /** `object` as the API server has just told of it, with its managed fields. `formerStamp`: the one that it had before. */
  note(key: DeviceKey, object: Device, at: number, formerStamp?: string): void {
    const before = this.#steps.get(key) ?? [];
    if (before.length === 0 && this.#steps.size >= MOST_DEVICES) return;
    this.#set(key, withStep(before, this.#seen(object, at, before.at(-1)?.stamp ?? formerStamp)));
  }

  /** The author of the newest change may be stamped a moment after it. */
  restamp(key: DeviceKey, { metadata }: Device): void {
    const steps = this.#steps.get(key);
    const last = steps?.at(-1);
    if (steps === undefined || last === undefined || !isOf(last, metadata)) return;
    const { annotations, generation } = metadata;
    const own = authorsOf(annotations, generation, last.formerStamp);
    if (own.length === 0 || own[0]?.user === last.authors.find((author) => author.generation === generation)?.user)
      return;
    const others = last.authors.filter((author) => author.generation !== generation);
    const authors = joined([...others, ...own]);
    this.#steps.set(key, [...steps.slice(0, -1), { ...last, authors, stamp: stampOf(annotations) }]);
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
    const uid = (since.at(-1) ?? steps.at(-1))?.uid;
    this.#set(key, [...steps.filter((step) => step.uid === uid), ...since].reduce(withStep, []));
  }

  drop(key: DeviceKey): void {
    this.#states -= statesIn(this.#steps.get(key));
    this.#steps.delete(key);
  }

  #seen(object: Device, at: number, formerStamp: string | undefined): SeenStep {
    const { annotations, generation, uid } = object.metadata;
    const { managedFields } = object.metadata as { readonly managedFields?: readonly ManagedFields[] };
    return {
      uid,
      generation,
      at,
      authors: authorsOf(annotations, generation, formerStamp),
      write: lastManager(managedFields),
      stamp: stampOf(annotations),
      formerStamp,
      state: this.#states < MOST_STATES ? stateOf(object) : undefined,
    };
  }

  #set(key: DeviceKey, steps: readonly SeenStep[]): void {
    this.#states += statesIn(steps) - statesIn(this.#steps.get(key));
    this.#steps.set(key, steps);
  }
}

function authorsOf(
  annotations: Readonly<Record<string, string>> | undefined,
  generation: number,
  known: string | undefined,
): readonly StampedAuthor[] {
  const user = stampedAuthor(annotations, generation, known);
  return user === undefined ? [] : [{ user, stamp: stampOf(annotations), generation }];
}

/** Where there is no room to keep two steps apart, they are one of both authors. */
function withStep(before: readonly SeenStep[], step: SeenStep): readonly SeenStep[] {
  const last = before.at(-1);
  if (last === undefined || isSameAuthor(last, step)) return [...before.slice(0, -1), step];
  if (last.state !== undefined && before.length < MOST_STEPS) return [...before, step];
  return [...before.slice(0, -1), { ...step, authors: joined([...last.authors, ...step.authors]) }];
}

function isSameAuthor(a: SeenStep, b: SeenStep): boolean {
  return a.write.manager === b.write.manager && isDeepStrictEqual(usersOf(a.authors), usersOf(b.authors));
}

/** True when `step` led to what the object is. */
export function isOf(step: SeenStep, { uid, generation }: Pick<ObjectMeta, 'uid' | 'generation'>): boolean {
  return step.uid === uid && step.generation === generation;
}

/** One of each name, the latest that there is room for. */
function joined(authors: readonly StampedAuthor[]): readonly StampedAuthor[] {
  const byName = new Map(authors.map((author) => [author.user, author]));
  return [...byName.values()].slice(-MOST_STEPS);
}

const usersOf = (authors: readonly StampedAuthor[]): string[] => authors.map(({ user }) => user);

const statesIn = (steps: readonly SeenStep[] = []): number => steps.filter(({ state }) => state !== undefined).length;

/** Who made a step, unless the stamp is that of a change before it. */
export function userOf({ authors }: SeenStep, known: string | undefined): string | undefined {
  const own = authors.filter(({ stamp }) => stamp !== known);
  return own.length === 0 ? undefined : usersOf(own).join(', ');
}

/** What is to be recorded of what was seen, of which the last is what `device` desires. `recorded`: what its history has already. */
export function toSteps(
  seen: readonly SeenStep[],
  device: Device,
  recorded: Partial<HistoryBody['device']> = {},
): Step[] {
  const { generation: done = 0, managed } = recorded;
  const steps: Step[] = [];
  let known = recorded.stamp;
  // What is recorded already was written and not answered.
  const fresh = seen.filter(({ uid, generation }) => uid === device.metadata.uid && generation > done);
  for (const [at, step] of fresh.entries()) {
    const state = at === fresh.length - 1 ? stateOf(device) : step.state;
    if (state !== undefined)
      steps.push({
        ...authorOf(userOf(step, known), isNoneSince(step.write, managed) ? undefined : step.write.manager),
        generation: step.generation,
        time: new Date(step.at).toISOString(),
        stamp: step.stamp,
        managed: textOf(step.write),
        state,
      });
    known = step.stamp ?? known;
  }
  return steps;
}
