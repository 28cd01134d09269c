/** The chart's rules with a minute of theirs in two seconds, so that each alert can be seen to fire by its real fault. */

const SECONDS_A_MINUTE = 2;

/** Thresholds that are times, too. */
const THRESHOLDS: readonly (readonly [from: RegExp, to: string])[] = [
  [/> 10$/gm, '> 1'],
  [/> 120$/gm, '> 2'],
];

/** Everything else stays: shares, rates and counts mean the same. */
export function compressRules(rules: string): string {
  const shorter = rules
    .replaceAll(/\[(\d+)m(?::30s)?\]/g, (window, minutes: string) => {
      const range = `${Number(minutes) * SECONDS_A_MINUTE}s`;
      return window.includes(':') ? `[${range}:1s]` : `[${range}]`;
    })
    .replaceAll(
      /^( *for: )(\d+)m$/gm,
      (_, word: string, minutes: string) => `${word}${Number(minutes) * SECONDS_A_MINUTE}s`,
    );
  return THRESHOLDS.reduce((text, [from, to]) => {
    const found = text.match(from)?.length ?? 0;
    // A threshold that was changed or moved must not silently keep its real time, which no test waits for.
    if (found !== 1) throw new Error(`${String(from)} is ${found} times in the rules, not once: adapt the thresholds`);
    return text.replace(from, to);
  }, shorter);
}
