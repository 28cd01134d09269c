import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/** What everything that runs needs of the process. */
export interface Runtime {
  readonly clock: Clock;
  readonly log: Logger;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
}
