/** Reasons that are told each by itself: a person reads no more of them. */
const MOST_REASONS = 20;
const MOST_EXAMPLES = 3;

/** What was told of devices, one line for each reason: how many, and which for instance; that of most devices first. */
export function groupedLines(told: readonly (readonly [key: string, why: string])[], sign: string): string {
  const groups = [...Map.groupBy(told, ([, why]) => why)].toSorted(([, a], [, b]) => b.length - a.length);
  const lines = groups.slice(0, MOST_REASONS).map(([why, ones]) => {
    const keys = ones.map(([key]) => key);
    return keys.length === 1
      ? `${sign} ${keys[0]}: ${why}`
      : `${sign} ${keys.length} devices: ${why} (${someOf(keys)})`;
  });
  const rest = groups.slice(MOST_REASONS);
  if (rest.length > 0) {
    const count = rest.reduce((sum, [, ones]) => sum + ones.length, 0);
    lines.push(`${sign} ${count} more, for ${rest.length} other reasons; kubectl mir describe tells that of each`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** `a, b, c and 1994 more` */
export function someOf(keys: readonly string[]): string {
  const some = keys.slice(0, MOST_EXAMPLES).join(', ');
  return keys.length <= MOST_EXAMPLES ? some : `${some} and ${keys.length - MOST_EXAMPLES} more`;
}
