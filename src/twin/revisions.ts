import type { ClaimedRevisions } from '../document/compose.ts';
import { MAX_REVISION } from '../protocol/envelopes.ts';
import { RevisionBudget } from './revision-budget.ts';

const NOTHING_CLAIMED: ClaimedRevisions = { birth: 0, reports: new Map(), reissued: new Set() };

/** The revisions of the owner's uid: those the device named, and the greatest one that anybody knows of. */
export class Revisions {
  #claimed = NOTHING_CLAIMED;
  #greatest = 0;
  /** Undefined while the device has named no revision above it. */
  #budget: RevisionBudget | undefined;

  get claimed(): ClaimedRevisions {
    return this.#claimed;
  }

  /** Status, document or object name this one. */
  noteKnown(revision: number): void {
    this.#greatest = Math.max(this.#greatest, revision);
  }

  /** What the device names above all that is known is believed as far as its budget goes, and known from then on. `now` in monotonic milliseconds. */
  isPlausible(revision: number, now: number): boolean {
    const raise = revision - this.#greatest;
    if (raise <= 0) return true;
    this.#budget ??= new RevisionBudget();
    if (revision > MAX_REVISION || !this.#budget.take(raise, now)) return false;
    this.#greatest = revision;
    return true;
  }

  /** True when the birth names a higher revision than births did before. */
  claimByBirth(revision: number): boolean {
    if (revision <= this.#claimed.birth) return false;
    this.#claimed = { ...this.#claimed, birth: revision };
    return true;
  }

  /** A report names a higher revision of `message` than the document has. */
  claimByReport(message: string, revision: number): void {
    this.#claimed = { ...this.#claimed, reports: new Map(this.#claimed.reports).set(message, revision) };
  }

  /** A document was published; `messages` got a new revision in it because the device named a higher one. */
  noteReissued(messages: readonly string[]): void {
    if (messages.length === 0) return;
    this.#claimed = { ...this.#claimed, reissued: new Set([...this.#claimed.reissued, ...messages]) };
  }

  beginSession(): void {
    if (this.#claimed.reissued.size > 0) this.#claimed = { ...this.#claimed, reissued: new Set() };
  }

  /** Another object has another uid. What the device may use up stays what it is. */
  forgetOwner(): void {
    this.#claimed = NOTHING_CLAIMED;
    this.#greatest = 0;
  }
}
