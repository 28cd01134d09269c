/** How many documents without an object may be withdrawn at one go. */
export interface SweepLimits {
  readonly maxFraction: number;
  readonly minimum: number;
  /** A person has seen the alarm and wants the sweep to go on. */
  readonly isConfirmed: boolean;
}

/**
 * Whether `orphans` documents may be withdrawn in a fleet of `devices` objects. A sweep larger than a small share of the fleet is
 * more likely a wrong kubeconfig, a wrong namespace or a restored cluster than a clean-up.
 */
export function maySweep(orphans: number, devices: number, limits: SweepLimits): boolean {
  return limits.isConfirmed || orphans <= Math.max(limits.minimum, limits.maxFraction * devices);
}
