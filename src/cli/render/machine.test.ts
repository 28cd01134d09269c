import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readJson } from '../../api/exact-json.ts';
import { loadExactYaml } from '../../api/exact-yaml.ts';
import { printable } from '../base/printable.ts';
import { asJson, asYaml } from './machine.ts';

const misleading = fc.constantFrom(
  '\u202e',
  '\u2067',
  '\u009b',
  '\u007f',
  '\u0085',
  '\u001b',
  '\r',
  '\\',
  '"',
  'a',
  '\n',
  ' ',
);
const text = fc.oneof(
  fc.array(misleading).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }).filter((one) => one.isWellFormed()),
  fc.constantFrom('\\x01mark202e', 'mark\u202e', '\u0001mark2067'),
);
/** After an object with the key `\\`, V8 13.6 reads a key of one escaped character in its place as `\\` too. */
const key = text.filter((one) => !['__proto__', '<<', '\\'].includes(one));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, text, fc.integer(), fc.boolean(), fc.array(tie('value')), tie('object')),
  object: fc.dictionary(key, tie('value')),
}));

describe('a document for programs', () => {
  it('is read as it was, and a terminal has nothing of it to obey', () => {
    fc.assert(
      fc.property(value, (one) => {
        for (const [shown, read] of [
          [asYaml(one), loadExactYaml],
          [asJson(one), readJson],
        ] as const) {
          expect(printable(shown)).toBe(shown);
          expect(read(shown)).toEqual(JSON.parse(JSON.stringify(one)));
        }
      }),
    );
  });

  it('has such characters in its own escapes, in values and in keys', () => {
    expect(asYaml({ note: 'a\u202eb', plain: '\\u202e' })).toBe('note: "a\\u202eb"\nplain: \\u202e\n');
    expect(asYaml({ 'k\u2067': 1 })).toBe('"k\\u2067": 1\n');
    expect(asJson({ note: '\u009b' })).toBe('{\n  "note": "\\u009b"\n}\n');
  });

  it('keeps numerals to the digit', () => {
    expect(asYaml(readJson('{"a":9007199254740993,"b":"\u202e"}'))).toBe('a: 9007199254740993\nb: "\\u202e"\n');
  });
});
