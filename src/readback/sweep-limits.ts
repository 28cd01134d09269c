import { maySweep } from './sweep.ts';
import type { SweepLimits } from './sweep.ts';

/** The options of the sweep. */
interface SweepConfig {
  readonly sweepMaxFraction: number;
  readonly sweepMinimum: number;
  readonly sweepConfirm: boolean;
}

export function sweepLimits(config: SweepConfig): SweepLimits {
  return { maxFraction: config.sweepMaxFraction, minimum: config.sweepMinimum, isConfirmed: config.sweepConfirm };
}

/** Whether so many objects may be taken for gone because a LIST lacks them: as many as a sweep may withdraw. */
export function mayForget(config: SweepConfig): (absent: number, known: number) => boolean {
  const limits = sweepLimits(config);
  return (absent, known) => maySweep(absent, known, limits);
}
