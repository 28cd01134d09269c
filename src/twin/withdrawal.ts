/** What is to be taken out of the broker's store of an id without an object. */
export class Withdrawal {
  /** Objects that are known to be gone, by uid. Bounded by the documents that were seen for the id. */
  readonly #gone = new Set<string>();
  /** Bounded by what the broker stores below the id. */
  #reports = new Set<string>();
  #clearings = 0;

  /** Retained report topics that were seen since the page for them was asked for. */
  get reports(): readonly string[] {
    return [...this.#reports];
  }

  /** How often they were cleared since the object went. */
  get clearings(): number {
    return this.#clearings;
  }

  /** The deletion of the object with this uid was told, or it does not answer to its name any more. */
  isGone(uid: string): boolean {
    return this.#gone.has(uid);
  }

  noteGone(uid: string): void {
    this.#gone.add(uid);
  }

  noteReport(topic: string): void {
    this.#reports.add(topic);
  }

  /** What was seen is cleared; another page shows what is left. */
  noteCleared(): void {
    this.#clearings += 1;
    this.#reports = new Set();
  }
}
