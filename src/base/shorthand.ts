/** Text that is shorter in memory: what almost every object of a kind has in common is one character each (decision 0067). */
export interface Shorthand {
  readonly shorten: (json: string) => string;
  /** The same text again, to the letter. */
  readonly lengthen: (short: string) => string;
}

/** Control characters: JSON escapes them, so none stands in its text. */
const FIRST_CODE = 0x01;
const LAST_CODE = 0x1f;
const CODES = /\p{Cc}/gu;

/** `fragments`: parts of JSON text, at most 31 of two characters or more. Throws a RangeError for more. */
export function shorthand(fragments: readonly string[]): Shorthand {
  if (fragments.length > LAST_CODE - FIRST_CODE + 1)
    throw new RangeError(`${fragments.length} fragments, 31 are possible`);
  // The longest first: of two that begin alike, the one that saves more is found.
  const ordered = fragments.toSorted((a, b) => b.length - a.length);
  const codes = new Map(ordered.map((fragment, at) => [fragment, String.fromCharCode(FIRST_CODE + at)]));
  const texts = new Map([...codes].map(([fragment, code]) => [code, fragment]));
  const found = new RegExp(ordered.map(escaped).join('|'), 'g');
  return {
    shorten: (json) => json.replace(found, (fragment) => codes.get(fragment) ?? fragment),
    lengthen: (short) => short.replace(CODES, (code) => texts.get(code) ?? code),
  };
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
