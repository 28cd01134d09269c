import type { BadInputReason } from '../api/bad-input.ts';
import { schemaName } from '../api/schema.ts';
import type { Clock } from '../base/clock.ts';
import { loadSchema } from '../schema/load-schema.ts';
import { DelayHeap } from '../workqueue/delay-heap.ts';
import type { Announcers } from './announcers.ts';
import type { SchemaKeeper } from './keeper.ts';
import type { SchemaLibrary } from './library.ts';
import { SchemaShares } from './shares.ts';

export interface SchemaFetchDeps {
  readonly clock: Clock;
  readonly library: Pick<SchemaLibrary, 'isHeld'>;
  readonly keeper: Pick<SchemaKeeper, 'keep'>;
  readonly devices: Announcers;
  /** What `status` says of a hash has changed. */
  readonly onChanged: (hash: string) => void;
}

/** Milliseconds a device has to send its schema before it is asked again. */
const ANSWER_MS = 10_000;
/** Milliseconds after which other devices with the same schema are asked too: the first ones may never answer. */
const OTHERS_MS = 5000;
/** Devices asked at once. The number doubles with every round, from one up to this. */
const MAX_AT_ONCE = 8;
/** Milliseconds after which devices are served without their schema, when it has not come. */
const HOPE_MS = 40_000;
/** Milliseconds between two requests from then on. */
const RETRY_MS = 300_000;
/** Milliseconds after which a schema that could not be stored is asked for again. */
const OBSTACLE_MS = 60_000;
/** Requests in one turn, 256 kB each; hashes that many devices announce come first. */
const MAX_ASKS = 16;

interface Wanted {
  /** Device ids, in the order in which they are asked. */
  readonly candidates: Set<string>;
  /** Candidates that were started again since they were asked: they may answer now. */
  readonly restarted: Set<string>;
  askedAt: number;
  dueAt: number;
  /** How many who were never asked are asked next. */
  wave: number;
  hopeUntil: number | undefined;
  isHopeless: boolean;
  /** The bytes came and are of no use: the hash says that nobody has others. */
  refusal: string | undefined;
  /** The bytes came and could not be stored. */
  obstacle: string | undefined;
}

/** Where a schema that no object holds stands: on its way, or not to be had for now. */
export type FetchStatus =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

export type Receipt =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: BadInputReason; readonly message: string };

/**
 * Gets the schemas that devices announce and no object holds: asks one device a hash, then others, checks what comes and has it stored;
 * ten thousand devices of one firmware are asked once. A device counts for the one hash that it announced last, so the table is bounded
 * by the devices, and none of them can fill it (decision 0038).
 */
export class SchemaFetch {
  readonly #deps: SchemaFetchDeps;
  readonly #wanted = new Map<string, Wanted>();
  /** Device id → the hash it is a candidate of. */
  readonly #hashOf = new Map<string, string>();
  readonly #shares: SchemaShares;
  readonly #storing = new Set<string>();
  /** When each hash is to be looked at; what has come to its time waits in `#due` for as long as others take all requests. */
  readonly #agenda = new DelayHeap();
  readonly #due = new Set<string>();

  constructor(deps: SchemaFetchDeps) {
    this.#deps = deps;
    this.#shares = new SchemaShares(deps.devices);
  }

  /** A device announced `hash`, and no object holds it. */
  want(hash: string, deviceId: string): void {
    if (this.#hashOf.get(deviceId) === hash) return;
    this.leave(deviceId);
    const now = this.#deps.clock.monotonic();
    const wanted = this.#wanted.get(hash) ?? newWanted(now);
    this.#wanted.set(hash, wanted);
    wanted.candidates.add(deviceId);
    this.#hashOf.set(deviceId, hash);
    if (this.#isFresh(deviceId)) wanted.dueAt = Math.min(wanted.dueAt, this.#soonest(wanted));
    this.#plan(hash, wanted);
  }

  /** The device was started again, and may answer what it did not answer before. */
  restarted(deviceId: string): void {
    const hash = this.#hashOf.get(deviceId);
    const wanted = hash === undefined ? undefined : this.#wanted.get(hash);
    if (hash === undefined || wanted === undefined || this.#isFresh(deviceId)) return;
    wanted.restarted.add(deviceId);
    wanted.dueAt = Math.min(wanted.dueAt, this.#soonest(wanted));
    this.#plan(hash, wanted);
  }

  #soonest({ askedAt }: Wanted): number {
    return Math.max(this.#deps.clock.monotonic(), askedAt + OTHERS_MS);
  }

  /** The device announces something else now, or is not there. */
  leave(deviceId: string): void {
    const hash = this.#hashOf.get(deviceId);
    if (hash === undefined) return;
    this.#hashOf.delete(deviceId);
    const wanted = this.#wanted.get(hash);
    wanted?.candidates.delete(deviceId);
    wanted?.restarted.delete(deviceId);
    if (wanted?.candidates.size !== 0) return;
    this.#wanted.delete(hash);
    this.#agenda.remove(hash);
    this.#due.delete(hash);
  }

  status(hash: string): FetchStatus {
    const wanted = this.#wanted.get(hash);
    if (wanted === undefined) return NOT_ASKED;
    if (wanted.refusal !== undefined) return { kind: 'refused', message: wanted.refusal };
    if (this.#storing.has(hash)) return { kind: 'asking' };
    if (wanted.obstacle !== undefined) return { kind: 'unavailable', message: wanted.obstacle };
    const isThere = hasAny(wanted.candidates, (deviceId) => this.#deps.devices.canAsk(deviceId, hash));
    if (!isThere) return { kind: 'unavailable', message: 'no object holds it, and no device that has it is online' };
    if (!wanted.isHopeless) return { kind: 'asking' };
    const message = `no device answers the request for it; register it with kubectl, as ${schemaName(hash)}`;
    return { kind: 'unavailable', message };
  }

  /** Asks whom it is time to ask; to be called every so often. */
  tick(): void {
    const now = this.#deps.clock.monotonic();
    this.#shares.sweep(now);
    for (const hash of this.#agenda.takeDue(now)) this.#due.add(hash);
    let left = MAX_ASKS;
    for (const hash of this.#inTurn()) {
      if (left <= 0) return;
      this.#due.delete(hash);
      const wanted = this.#wanted.get(hash);
      if (wanted === undefined) continue;
      if (now >= wanted.dueAt && !this.#storing.has(hash)) left -= this.#look(hash, wanted, now, left);
      this.#loseHope(hash, wanted, now);
      this.#plan(hash, wanted);
    }
  }

  /** What is due: hashes that several devices announce first, the more the sooner. */
  #inTurn(): string[] {
    const candidates = (hash: string): number => this.#wanted.get(hash)?.candidates.size ?? 0;
    const due = [...this.#due];
    const popular = due.filter((hash) => candidates(hash) > 1).toSorted((a, b) => candidates(b) - candidates(a));
    return popular.length === 0 ? due : [...popular, ...due.filter((hash) => candidates(hash) <= 1)];
  }

  /** It is looked at when somebody may be asked, or when hope is lost, whatever is sooner. */
  #plan(hash: string, { dueAt, hopeUntil, isHopeless }: Wanted): void {
    if (!this.#wanted.has(hash)) return;
    this.#agenda.add(hash, isHopeless ? dueAt : Math.min(dueAt, hopeUntil ?? dueAt));
  }

  /** The number of devices that were asked. */
  #look(hash: string, wanted: Wanted, now: number, most: number): number {
    const { library, devices } = this.#deps;
    const isRefused = wanted.refusal !== undefined;
    for (const deviceId of wanted.candidates) {
      const mayStay = isRefused ? devices.announces(deviceId, hash) : devices.canAsk(deviceId, hash);
      if (!mayStay) this.leave(deviceId);
    }
    if (library.isHeld(hash)) for (const deviceId of wanted.candidates) this.leave(deviceId);
    else if (wanted.candidates.size === 0) this.#deps.onChanged(hash);
    else if (isRefused) wanted.dueAt = now + RETRY_MS;
    else return this.#ask(hash, wanted, now, most);
    return 0;
  }

  #ask(hash: string, wanted: Wanted, now: number, most: number): number {
    wanted.hopeUntil ??= now + HOPE_MS;
    const asked = this.#next(wanted, now).slice(0, most);
    for (const deviceId of asked) {
      this.#shares.noteAsked(deviceId, hash, now);
      wanted.restarted.delete(deviceId);
      // In turns, so that a device that never answers does not keep the others from being asked.
      wanted.candidates.delete(deviceId);
      wanted.candidates.add(deviceId);
      this.#deps.devices.ask(deviceId);
    }
    wanted.askedAt = now;
    const hasOthers = hasAny(wanted.candidates, (deviceId) => this.#isFresh(deviceId));
    const pauseMs = now + ANSWER_MS < wanted.hopeUntil ? ANSWER_MS : RETRY_MS;
    wanted.dueAt = now + (hasOthers ? OTHERS_MS : pauseMs);
    return asked.length;
  }

  /** Those that were not asked in vain before; when there is none, the one that was so the least, and those that were started again since. */
  #next(wanted: Wanted, now: number): string[] {
    const able = [...wanted.candidates].filter((deviceId) => this.#shares.peek(deviceId)?.asks.has(now) ?? true);
    const fresh = able.filter((deviceId) => this.#isFresh(deviceId));
    if (fresh.length === 0) {
      const silences = (deviceId: string): number => this.#shares.peek(deviceId)?.silences ?? 0;
      const [least] = able.toSorted((a, b) => silences(a) - silences(b));
      const restarted = able.filter((deviceId) => wanted.restarted.has(deviceId) && deviceId !== least);
      return [...(least === undefined ? [] : [least]), ...restarted].slice(0, MAX_AT_ONCE);
    }
    const next = fresh.slice(0, wanted.wave);
    wanted.wave = Math.min(wanted.wave * 2, MAX_AT_ONCE);
    return next;
  }

  #isFresh(deviceId: string): boolean {
    return (this.#shares.peek(deviceId)?.silences ?? 0) === 0;
  }

  #loseHope(hash: string, wanted: Wanted, now: number): void {
    if (wanted.isHopeless || wanted.hopeUntil === undefined || now < wanted.hopeUntil) return;
    wanted.isHopeless = true;
    this.#deps.onChanged(hash);
  }

  /** What the device was asked for and has not answered yet; undefined: nothing. */
  takeAsked(deviceId: string): string | undefined {
    const share = this.#shares.peek(deviceId);
    if (share === undefined || share.owed === 0) return undefined;
    share.owed -= 1;
    return share.asked;
  }

  /** A device that was asked for `hash` sent something else: others are asked, and this one after them. */
  disappointed(hash: string): void {
    const wanted = this.#wanted.get(hash);
    if (wanted === undefined || !hasAny(wanted.candidates, (deviceId) => this.#isFresh(deviceId))) return;
    wanted.dueAt = this.#deps.clock.monotonic();
    this.#plan(hash, wanted);
  }

  /** A device that was asked sent `bytes`, whose hash is `hash`. Resolves when they are stored, or are of no use. Never rejects. */
  async receive(hash: string, bytes: Buffer, deviceId: string): Promise<Receipt> {
    const wanted = this.#wanted.get(hash);
    if (wanted === undefined || this.#storing.has(hash)) return { ok: true };
    this.#storing.add(hash);
    try {
      return this.#check(hash, bytes, wanted) ?? (await this.#keep(hash, bytes, wanted, deviceId));
    } finally {
      this.#storing.delete(hash);
    }
  }

  #check(hash: string, bytes: Buffer, wanted: Wanted): Receipt | undefined {
    const loaded = loadSchema(bytes);
    if (loaded.ok) return undefined;
    const message = `${loaded.reason}: ${loaded.message}`;
    wanted.refusal = message;
    this.#deps.onChanged(hash);
    return { ok: false, reason: 'InvalidSchema', message };
  }

  async #keep(hash: string, bytes: Buffer, wanted: Wanted, deviceId: string): Promise<Receipt> {
    const { keeper, clock, onChanged } = this.#deps;
    const share = this.#shares.of(deviceId, clock.monotonic());
    share.silences = 0;
    const kept = await keeper.keep(hash, bytes, share, wanted.candidates.size > 1);
    const obstacle = kept.ok ? undefined : kept.obstacle;
    wanted.dueAt = clock.monotonic() + (obstacle === undefined ? ANSWER_MS : OBSTACLE_MS);
    const isNews = wanted.obstacle !== obstacle;
    wanted.obstacle = obstacle;
    this.#plan(hash, wanted);
    if (isNews) onChanged(hash);
    if (kept.ok || kept.isOverLimit !== true) return { ok: true };
    return { ok: false, reason: 'TooManySchemas', message: kept.obstacle ?? '' };
  }
}

/** Without a copy: every look at a device whose schema is on its way asks this, and its firmware may be everyone's. */
function hasAny(deviceIds: ReadonlySet<string>, is: (deviceId: string) => boolean): boolean {
  for (const deviceId of deviceIds) if (is(deviceId)) return true;
  return false;
}

function newWanted(now: number): Wanted {
  return {
    candidates: new Set(),
    restarted: new Set(),
    askedAt: Number.NEGATIVE_INFINITY,
    dueAt: now,
    wave: 1,
    hopeUntil: undefined,
    isHopeless: false,
    refusal: undefined,
    obstacle: undefined,
  };
}

const NOT_ASKED: FetchStatus = {
  kind: 'unavailable',
  message: 'no object holds it, and no device could be asked yet',
};
