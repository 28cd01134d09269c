import type { DeviceStatus } from '../api/device.ts';
import { WriteRefusal } from './write-refusal.ts';
import type { WriteScope } from './write-refusal.ts';

/** A status that somebody wrote, and what stood there before. */
export interface StrangeStatus {
  readonly formerStatus: DeviceStatus | undefined;
  /** Resource version of the object with the strange status. */
  readonly version: string;
}

/** What is remembered of the writes of one object's status, and of what others wrote there. */
export class StatusMemory {
  #isWriting = false;
  /** Resource version of a status that came during a write: its echo, or somebody else's. */
  #strangeVersion: string | undefined;
  #trueStatus: DeviceStatus | undefined;
  /** The last write was answered with another status than it meant: the next one mends it. */
  #isMending = false;
  #answerAwaitedUntil = 0;
  #isHeartbeatDue = false;
  #isObserved = false;
  #refusal: WriteRefusal | undefined;

  /** What the status was before somebody else wrote one; undefined: the one in the cache is ours. */
  get trueStatus(): DeviceStatus | undefined {
    return this.#trueStatus;
  }

  /** Until then (monotonic ms) a published change may wait for the device's answer before Pending is worth a write. */
  get answerAwaitedUntil(): number {
    return this.#answerAwaitedUntil;
  }

  /** The object has a status of an operator's: something may stand at the broker. */
  get isObserved(): boolean {
    return this.#isObserved;
  }

  /** A heartbeat's turn has come to be written by itself. */
  get isHeartbeatDue(): boolean {
    return this.#isHeartbeatDue;
  }

  /** Present from a status that the API server refused to the next that it took as a whole. */
  get refusal(): Pick<WriteRefusal, 'message' | 'scope' | 'waitMs'> | undefined {
    return this.#refusal;
  }

  noteStatus(status: DeviceStatus | undefined): void {
    this.#isObserved = (status?.observedGeneration ?? -1) >= 0;
  }

  awaitAnswer(untilMs: number): void {
    this.#answerAwaitedUntil = untilMs;
  }

  dueHeartbeat(): void {
    this.#isHeartbeatDue = true;
  }

  noteHeartbeatWritten(): void {
    this.#isHeartbeatDue = false;
  }

  beginWrite(): void {
    this.#isWriting = true;
  }

  endWrite(): void {
    this.#isWriting = false;
  }

  /** While a write of ours is under way it may be its echo, which came before its answer; the answer tells. */
  noteStrange({ formerStatus, version }: StrangeStatus): void {
    if (this.#isWriting) this.#strangeVersion = version;
    else this.#trueStatus ??= formerStatus ?? {};
  }

  /**
   * A write was answered: `version` is the object's now, `meant` what its status should be, and `isOther` tells that it is not. True when
   * the next look has to mend it. Mended once, and no more until the next write: what the API server itself makes of a status stays so
   * (decision 0075).
   */
  noteAnswer(version: string, meant: DeviceStatus, isOther: boolean): boolean {
    const isBeside = this.#strangeVersion !== undefined && this.#strangeVersion !== version;
    const isStrange = isBeside || (isOther && !this.#isMending);
    this.#strangeVersion = undefined;
    this.#isMending = isOther && !this.#isMending;
    this.#trueStatus = isStrange ? meant : undefined;
    return isStrange;
  }

  /** What stands is what should. */
  noteUnchanged(): void {
    this.#trueStatus = undefined;
    this.#isMending = false;
  }

  /** `now` in monotonic milliseconds. */
  noteRefused(refused: Parameters<WriteRefusal['note']>[0], scope: WriteScope, generation: number, now: number): void {
    this.#refusal ??= new WriteRefusal();
    this.#refusal.note(refused, scope, generation, now);
  }

  noteTaken(): void {
    this.#refusal = undefined;
  }

  /** What is about the object goes with it. */
  forgetOwner(): void {
    this.#refusal = undefined;
    this.#trueStatus = undefined;
    this.#isMending = false;
    this.#strangeVersion = undefined;
    this.#isObserved = false;
  }
}
