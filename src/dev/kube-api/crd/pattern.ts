/** Go regular expressions (RE2) as JavaScript ones, as far as schemas use them. */

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
};

/** Throws SyntaxError for what JavaScript cannot express. */
export function compilePattern(pattern: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const body = flags === null ? pattern : pattern.slice(flags[0].length);
  return new RegExp(translate(body), `${flags?.[1] ?? ''}u`);
}

function translate(pattern: string): string {
  return pattern
    .replace(/\[:(\w+):\]/g, (whole, name: string) => POSIX_CLASSES[name] ?? whole)
    .replaceAll('(?P<', '(?<')
    .replace(
      /\\([AzQE_"'`@#%&~:;,<>=! -])/g,
      (whole, char: string) => ESCAPES_ONLY_GO_KNOWS.get(char) ?? unescape(whole, char),
    );
}

/** The `u` flag refuses needless escapes, which Go allows before any punctuation. */
const ESCAPES_ONLY_GO_KNOWS: ReadonlyMap<string, string> = new Map([
  ['A', '^'],
  ['z', '$'],
  ['-', '\\x2d'],
]);

function unescape(whole: string, char: string): string {
  return /[QE]/.test(char) ? whole : char;
}
