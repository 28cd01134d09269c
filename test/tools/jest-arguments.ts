/** Options of Jest after which the next word is a value; the others that people pass take none, or `=`. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  '-t',
  '--testNamePattern',
  '--seed',
  '--shard',
  '--testTimeout',
  '--maxWorkers',
  '-w',
  '--reporters',
]);
const PATHS = /^--(?:testPathPatterns?|testPathIgnorePatterns|runTestsByPath)(?:=|$)/;

/** True when the caller says which files are run: by a bare word, which is a pattern of paths, or by an option. */
export function chooseFiles(jestArguments: readonly string[]): boolean {
  return jestArguments.some((word, at) => {
    if (word.startsWith('-')) return PATHS.test(word);
    return !WITH_VALUE.has(jestArguments[at - 1] ?? '');
  });
}
