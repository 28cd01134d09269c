import type { NamedRevisions } from '../document/compose.ts';
import { MAX_REVISION } from '../protocol/envelopes.ts';
import { RevisionBudget } from './revision-budget.ts';

const NOTHING_NAMED: NamedRevisions = { birth: 0, reports: new Map(), reissued: new Set() };

/** The revisions of the owner's uid: those the device named, and the greatest one that anybody knows of. */
export class Revisions {
  #named = NOTHING_NAMED;
  #greatest = 0;
  /** Undefined while the device has named no revision above it. */
  #budget: RevisionBudget | undefined;

  get named(): NamedRevisions {
    return this.#named;
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
  nameByBirth(revision: number): boolean {
    if (revision <= this.#named.birth) return false;
    this.#named = { ...this.#named, birth: revision };
    return true;
  }

  /** A report names a higher revision of `message` than the document has. */
  nameByReport(message: string, revision: number): void {
    this.#named = { ...this.#named, reports: new Map(this.#named.reports).set(message, revision) };
  }

  /** A document was published; `messages` got a new revision in it because the device named a higher one. */
  noteReissued(messages: readonly string[]): void {
    if (messages.length === 0) return;
    this.#named = { ...this.#named, reissued: new Set([...this.#named.reissued, ...messages]) };
  }

  beginSession(): void {
    if (this.#named.reissued.size > 0) this.#named = { ...this.#named, reissued: new Set() };
  }

  /** Another object has another uid. What the device may use up stays what it is. */
  forgetOwner(): void {
    this.#named = NOTHING_NAMED;
    this.#greatest = 0;
  }
}
