import { isDeepStrictEqual } from 'node:util';
import { stampOf, stampedAuthor } from '../api/author.ts';
import type { Device, DeviceKey, ObjectMeta } from '../api/device.ts';
import type { DesiredState, HistoryBody } from '../api/history.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { authorOf, isNoneSince, lastManager, textOf, together } from './author.ts';
import type { Author, LastWrite } from './author.ts';
import { stateOf } from './record.ts';
import type { Step } from './record.ts';

interface ChangeAuthor {
  /** Undefined: nobody has stamped it. */
  readonly user: string | undefined;
  readonly stamp: string | undefined;
  /** Which the change led to. */
  readonly generation: number;
  readonly write: LastWrite;
}

/** A change that was seen and is not recorded yet. */
export interface SeenStep {
  readonly uid: string;
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The newest last; more than one where there was no room to keep their changes apart. */
  readonly authors: readonly ChangeAuthor[];
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
    const user = stampedAuthor(annotations, generation, last.formerStamp);
    const known = last.authors.at(-1);
    if (user === undefined || user === known?.user) return;
    const stamp = stampOf(annotations);
    const authors = [...last.authors.slice(0, -1), { user, stamp, generation, write: last.write }];
    this.#steps.set(key, [...steps.slice(0, -1), { ...last, authors, stamp }]);
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
    const write = lastManager(managedFields);
    const stamp = stampOf(annotations);
    const user = stampedAuthor(annotations, generation, formerStamp);
    return {
      uid,
      generation,
      at,
      authors: [{ user, stamp, generation, write }],
      write,
      stamp,
      formerStamp,
      state: this.#states < MOST_STATES ? stateOf(object) : undefined,
    };
  }

  #set(key: DeviceKey, steps: readonly SeenStep[]): void {
    this.#states += statesIn(steps) - statesIn(this.#steps.get(key));
    this.#steps.set(key, steps);
  }
}

/** Changes of one author are one step; where there is no room to keep two steps apart, they are one of both authors. */
function withStep(before: readonly SeenStep[], step: SeenStep): readonly SeenStep[] {
  const last = before.at(-1);
  if (last === undefined) return [step];
  if (!isSameAuthor(last, step) && last.state !== undefined && before.length < MOST_STEPS) return [...before, step];
  return [...before.slice(0, -1), { ...step, authors: joined(last.authors, step.authors) }];
}

function isSameAuthor(a: SeenStep, b: SeenStep): boolean {
  return a.write.manager === b.write.manager && isDeepStrictEqual(namesOf(a), namesOf(b));
}

const namesOf = ({ authors }: SeenStep): string[] => [...new Set(authors.map(nameOf))];

/** Tells one author from another. */
const nameOf = ({ user, write }: ChangeAuthor): string => (user === undefined ? `(${write.manager})` : user);

/** True when `step` led to what the object is. */
export function isOf(step: SeenStep, { uid, generation }: Pick<ObjectMeta, 'uid' | 'generation'>): boolean {
  return step.uid === uid && step.generation === generation;
}

/** One of each name, as far as there is room. The newest one stays as it is: its author may be stamped a moment later. */
function joined(former: readonly ChangeAuthor[], since: readonly ChangeAuthor[]): readonly ChangeAuthor[] {
  const all = [...former, ...since];
  const earlier = [...new Map(all.slice(0, -1).map((author) => [nameOf(author), author])).values()];
  const [oldest] = earlier;
  const kept = [...earlier.slice(1 - MOST_STEPS), ...all.slice(-1)];
  if (oldest === undefined || earlier.length < MOST_STEPS) return kept;
  // It stands for all that are not kept, until the newest of them is recorded.
  const generation = Math.max(...earlier.slice(0, 2 - MOST_STEPS).map((author) => author.generation));
  return [{ ...oldest, generation, user: undefined, write: { manager: undefined, time: undefined } }, ...kept.slice(1)];
}

const statesIn = (steps: readonly SeenStep[] = []): number => steps.filter(({ state }) => state !== undefined).length;

/** Who made a step, as far as it is not recorded yet. A stamp that is recorded is that of a change before it. */
export function authorOfStep({ authors }: SeenStep, recorded: Recorded = {}): Author {
  const { generation: done = 0, stamp: known, managed } = recorded;
  const own = authors.filter(({ generation }) => generation > done);
  return together(
    own.map(({ user, stamp, write }) =>
      authorOf(stamp === known ? undefined : user, isNoneSince(write, managed) ? undefined : write.manager),
    ),
  );
}

type Recorded = Partial<HistoryBody['device']>;

/** What is to be recorded of what was seen, of which the last is what `device` desires. `recorded`: what its history has already. */
export function toSteps(seen: readonly SeenStep[], device: Device, recorded: Recorded = {}): Step[] {
  const { generation: done = 0 } = recorded;
  const steps: Step[] = [];
  let known = recorded.stamp;
  // What is recorded already was written and not answered.
  const fresh = seen.filter(({ uid, generation }) => uid === device.metadata.uid && generation > done);
  for (const [at, step] of fresh.entries()) {
    const state = at === fresh.length - 1 ? stateOf(device) : step.state;
    if (state !== undefined)
      steps.push({
        ...authorOfStep(step, { ...recorded, ...(known !== undefined && { stamp: known }) }),
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
