import { defineScalarTag, intYaml11Tag, load, NOT_RESOLVED } from 'js-yaml';
import { readJson } from '../../../api/exact-json.ts';
import { KUBERNETES_YAML } from '../../../kube/kubernetes-yaml.ts';

/** Reads YAML as kubectl does; a whole number beyond 2^53 keeps its digits, as in JSON. Throws a YAMLException. */
export function loadExactYaml(text: string): unknown {
  return load(text, { schema: EXACT_YAML });
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

/** Every spelling of YAML 1.1: `0b…`, `0x…`, octal with a leading 0, and base 60 (`190:20:30`). */
function wholeOf(source: string): bigint {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(source) ?? [];
  const size = digits.includes(':')
    ? digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
    : BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  return sign === '-' ? -size : size;
}
