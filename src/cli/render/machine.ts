/* oxlint-disable no-control-regex -- they are what it is about */
/**
 * Documents for programs. What a terminal would obey, or what turns the order of letters, is written in JSON's and YAML's own escapes:
 * who reads the text has every character as it was, and who looks at it is not misled.
 */
import { isJsonObject } from '../../api/exact-json.ts';
import { dumpExactYaml } from '../../api/exact-yaml.ts';

/** Those that JSON.stringify, or js-yaml, leave as they are. */
const MISLEADING = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

export function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replaceAll(MISLEADING, escapeOf)}\n`;
}

/** js-yaml quotes a text only for characters it takes for unprintable: a mark with one stands for each of the others until it has. */
export function asYaml(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  if (text.search(MISLEADING) === -1) return dumpExactYaml(value);
  let word = 'mark';
  while (text.includes(word)) word += '_';
  const marked = withTexts(value, (one) => one.replaceAll(MISLEADING, (found) => `\u0001${word}${codeOf(found)}`));
  return dumpExactYaml(marked).replaceAll(new RegExp(`\\\\x01${word}([0-9a-f]{4})`, 'g'), '\\u$1');
}

function withTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => withTexts(item, change));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), withTexts(item, change)]));
}

const codeOf = (found: string): string => found.charCodeAt(0).toString(16).padStart(4, '0');
const escapeOf = (found: string): string => `\\u${codeOf(found)}`;
