/** A history that was lost (etcd put back, the broker emptied) is rarely longer; beyond is a defect or an attack. */
const MOST = 1_000_000;
/** What naming a higher revision costs at least: each one may have everything issued anew. */
const LEAST_COST = 1000;
/** More than people change, and so few that a device needs 68 years to reach the end of revisions. */
const REGAINED_PER_SECOND = 1;

/**
 * How far a device may raise the revisions of its object by naming higher ones than anyone knows of. It may know more than a cluster that was
 * restored, but only people's changes use revisions up (decision 0057).
 */
export class RevisionBudget {
  #left = MOST;
  #at = 0;

  /** True when revisions may be raised by `raise` at `now` (monotonic milliseconds). */
  take(raise: number, now: number): boolean {
    this.#left = Math.min(MOST, this.#left + ((now - this.#at) / 1000) * REGAINED_PER_SECOND);
    this.#at = now;
    const cost = Math.max(LEAST_COST, raise);
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }
}
