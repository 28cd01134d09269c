import { defineScalarTag, dump, DUMP_SCHEMA, intCoreTag, intYaml11Tag, load, loadAll, NOT_RESOLVED } from 'js-yaml';
import { isNumeral, readJson } from './exact-json.ts';
import { KUBERNETES_YAML } from './kubernetes-yaml.ts';

/** Reads YAML as kubectl does; a whole number beyond 2^53 keeps its digits, as in JSON. Throws a YAMLException, also above `maxDepth` levels. */
export function loadExactYaml(text: string, maxDepth?: number): unknown {
  return load(text, { schema: EXACT_YAML, ...(maxDepth !== undefined && { maxDepth }) });
}

/** The same for a text of several documents; empty ones are left out. */
export function loadAllExactYaml(text: string): unknown[] {
  return loadAll(text, { schema: EXACT_YAML }).filter((document) => document !== null && document !== undefined);
}

/** A value of JSON as YAML, digit by digit. */
export function dumpExactYaml(value: unknown): string {
  return dump(value, { schema: EXACT_DUMP, lineWidth: -1, noRefs: true });
}

const exactIntTag = defineScalarTag<unknown>(intYaml11Tag.tagName, {
  ...intYaml11Tag,
  resolve: (source, isExplicit, tagName) => {
    const number = intYaml11Tag.resolve(source, isExplicit, tagName);
    if (number === NOT_RESOLVED || Number.isSafeInteger(number)) return number;
    return readJson(String(wholeOf(source.replaceAll('_', ''))));
  },
});

const EXACT_YAML = KUBERNETES_YAML.withTags(exactIntTag);

const numeralTag = defineScalarTag<unknown>(intYaml11Tag.tagName, {
  ...intYaml11Tag,
  // As in DUMP_SCHEMA: text that a reader of either version would take for a number is quoted.
  resolve: (source, isExplicit, tagName) => {
    const number = intYaml11Tag.resolve(source, isExplicit, tagName);
    return number === NOT_RESOLVED ? intCoreTag.resolve(source, isExplicit, tagName) : number;
  },
  identify: (value) => isNumeral(value) || intYaml11Tag.identify(value),
  represent: (value) => (isNumeral(value) ? value.rawJSON : intYaml11Tag.represent(value)),
});

const EXACT_DUMP = DUMP_SCHEMA.withTags(numeralTag);

/** Every spelling of YAML 1.1: `0b…`, `0x…`, octal with a leading 0, and base 60 (`190:20:30`). */
function wholeOf(source: string): bigint {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(source) ?? [];
  const size = digits.includes(':')
    ? digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
    : BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  return sign === '-' ? -size : size;
}
