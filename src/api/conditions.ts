import type { ConditionType, Reason } from './reasons.ts';

/**
 * Without an `observedGeneration` of its own: all conditions are judged together, and where it is absent `kubectl wait` and kstatus go by
 * the one of the status.
 */
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  /** Empty where the reason says it all. */
  readonly message: string;
  /** When `status` last changed; a new reason or message alone leaves it. */
  readonly lastTransitionTime: string;
}

/** A condition before it is known whether it changes anything. */
export type ConditionVerdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The conditions that `verdicts` lead to: transition times are kept where the status is the same; types not named vanish (decision 0014). */
export function withTransitionTimes(
  previous: readonly Condition[],
  verdicts: readonly ConditionVerdict[],
  now: string,
): Condition[] {
  return verdicts.map((verdict) => {
    const before = previous.find(({ type }) => type === verdict.type);
    const { type, status, reason, message } = verdict;
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
    return { type, status, reason, message, lastTransitionTime };
  });
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
