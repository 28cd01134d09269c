import type { Clock } from '../base/clock.ts';
import { onTick, untouchedMs } from '../presence/presence.ts';
import type { LivenessRules, Moment } from '../presence/presence.ts';
import type { ReadingClock } from './reading-clock.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';

/** Looks that fall into the same so many milliseconds are made together: as often as the term turns. */
const SLOT_MS = 250;
/** Nobody is left alone for longer: a wall clock that is set forward oversleeps a sleeper by no more. */
const LONGEST_MS = 300_000;

/**
 * Who is online, and whose presence time may have changed. What it costs follows what happens, not how many devices there are.
 *
 * Each device has one look ahead, at the earliest moment at which the passing of time alone can change anything (decision 0032). A sign of
 * life moves that moment away and leaves the look where it is; when its turn comes it finds nothing due, and the next one is planned from
 * there. So a heartbeat costs a comparison. Only an earlier moment (a last will) plans anew, and the look it replaces is found outdated.
 */
export class PresenceWatch {
  readonly #rules: LivenessRules;
  readonly #clock: Clock;
  readonly #reading: ReadingClock;
  /** Slot of the monotonic clock → device ids. Bounded by one a device and slot, for the slots of the longest wait. */
  readonly #slots = new Map<number, string[]>();
  #online = 0;

  constructor(rules: LivenessRules, clock: Clock, reading: ReadingClock) {
    this.#rules = rules;
    this.#clock = clock;
    this.#reading = reading;
  }

  /** Devices that are online and not disabled. */
  get online(): number {
    return this.#online;
  }

  /** Looks that are planned, outdated ones with them. */
  get planned(): number {
    let planned = 0;
    for (const slot of this.#slots.values()) planned += slot.length;
    return planned;
  }

  get reading(): number {
    return this.#reading.reading;
  }

  /** Presence may have changed, or whether the device is disabled. */
  note(memory: DeviceMemory): void {
    this.#count(memory, memory.presence.online && !memory.isDisabled);
    // What it says is dropped, so its silence means nothing.
    if (memory.isDisabled) return;
    const wait = untouchedMs(memory.presence, this.#moment(), this.#rules);
    if (wait === undefined) return;
    const slot = this.#slotAfter(Math.min(wait, LONGEST_MS));
    if (slot < memory.presenceSlot.lookSlot) this.#plan(memory, slot);
  }

  forget(memory: DeviceMemory): void {
    this.#count(memory, false);
    memory.presenceSlot.planLook(Number.POSITIVE_INFINITY);
  }

  /** Lets time act on those whose look has come, and returns whose presence it changed. To be called when the reading clock has ticked. */
  judge(memoryOf: (deviceId: string) => DeviceMemory | undefined): DeviceMemory[] {
    const changed: DeviceMemory[] = [];
    const at = this.#moment();
    for (const { deviceId, slot } of this.#takeDue()) {
      const memory = memoryOf(deviceId);
      if (memory?.presenceSlot.lookSlot !== slot) continue;
      memory.presenceSlot.planLook(Number.POSITIVE_INFINITY);
      if (memory.isDisabled) continue;
      const before = memory.presence;
      const after = onTick(before, at, this.#rules);
      memory.changePresence(after, this.#clock.monotonic());
      if (after === before) continue;
      changed.push(memory);
    }
    return changed;
  }

  #takeDue(): { readonly deviceId: string; readonly slot: number }[] {
    const due: { readonly deviceId: string; readonly slot: number }[] = [];
    const now = slotOf(this.#reading.tickedAt);
    for (const [slot, deviceIds] of this.#slots) {
      if (slot > now) continue;
      this.#slots.delete(slot);
      for (const deviceId of deviceIds) due.push({ deviceId, slot });
    }
    return due;
  }

  #plan(memory: DeviceMemory, slot: number): void {
    memory.presenceSlot.planLook(slot);
    const present = this.#slots.get(slot);
    if (present === undefined) this.#slots.set(slot, [memory.deviceId]);
    else present.push(memory.deviceId);
  }

  /** A slot begins before what is due in it, so that nothing is judged late; what is not due yet is looked at again in the next. */
  #slotAfter(waitMs: number): number {
    const { tickedAt } = this.#reading;
    return Math.max(slotOf(tickedAt + waitMs), slotOf(tickedAt) + 1);
  }

  #count(memory: DeviceMemory, isOnline: boolean): void {
    if (memory.presenceSlot.isCounted === isOnline) return;
    memory.presenceSlot.count(isOnline);
    this.#online += isOnline ? 1 : -1;
  }

  #moment(): Moment {
    return { now: this.#clock.now(), reading: this.#reading.reading };
  }
}

function slotOf(monotonicMs: number): number {
  return Math.floor(monotonicMs / SLOT_MS);
}
