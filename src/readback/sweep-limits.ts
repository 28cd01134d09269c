import type { Config } from '../config/load.ts';
import { maySweep } from '../downstream/sweep.ts';
import type { SweepLimits } from '../downstream/sweep.ts';

export function sweepLimits(config: Config): SweepLimits {
  return { maxFraction: config.sweepMaxFraction, minimum: config.sweepMinimum, isConfirmed: config.sweepConfirm };
}

/** Whether so many objects may be taken for gone because a LIST lacks them: as many as a sweep may withdraw. */
export function mayForget(config: Config): (absent: number, known: number) => boolean {
  const limits = sweepLimits(config);
  return (absent, known) => maySweep(absent, known, limits);
}
