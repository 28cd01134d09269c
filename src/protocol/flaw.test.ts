import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readJson } from '../api/exact-json.ts';
import type { JsonObject } from '../api/device.ts';
import { encodeDesired, parseDesired } from './desired-document.ts';
import { DOCUMENT_LEVELS, flawOf } from './flaw.ts';

const LIMITS = { maxPayloadBytes: 1_000_000, maxNesting: 32 };
const flaw = (json: string, isTyped = false) => flawOf(readJson(json) as JsonObject, { maxNesting: 29, isTyped });

describe('a flaw of a value', () => {
  it.each([
    ['{"a":{"b":[0,{"constructor":1}]}}', 'a.b[1].constructor is a name that no field may have'],
    ['{"__proto__":1}', '__proto__ is a name that no field may have'],
    [
      '{"two words":1e400}',
      '["two words"] is 1e400, which a number of JSON does not hold to the last digit; write it as a string',
    ],
    [
      '{"n":[1,-9007199254740993]}',
      'n[1] is -9007199254740993, which a number of JSON does not hold to the last digit; write it as a string',
    ],
    ['{"t":"\\ud800x"}', 't is not valid Unicode'],
    [`{"${'k'.repeat(300)}":"\\ud800"}`, `["${'k'.repeat(38)}…] is not valid Unicode`],
  ])('%s is named with its path', (json, expected) => {
    expect(flaw(json)).toBe(expected);
  });

  it.each(['{}', '{"toString":1,"a":[null,true,"\\ud83d\\ude00",1e20,0.1,9007199254740992]}'])(
    '%s has none',
    (json) => {
      expect(flaw(json)).toBeUndefined();
    },
  );

  it('is not a long whole number where a schema says what it is, but one without end', () => {
    expect(flaw('{"n":9223372036854775807}', true)).toBeUndefined();
    expect(flaw('{"n":1e400}', true)).toContain('n is 1e400');
    expect(flaw('{"n":1e-400}', true)).toContain('n is 1e-400');
  });

  it('is the only reason why a document cannot be read back as it was written', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('constructor', '__proto__', 'toString', '\ud800'),
    );
    const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.double(),
        fc.boolean(),
        fc.constantFrom('\ud800', Number.NaN, 2 ** 60),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const owner = { cluster: 'c', namespace: 'n', name: 'd', uid: 'u' };
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (entries) => {
        const value = Object.fromEntries(entries) as JsonObject;
        if (flawOf(value, { maxNesting: LIMITS.maxNesting - DOCUMENT_LEVELS }) !== undefined) return;
        const messages = { 'a.A': { revision: 1, time: '', value } };
        const payload = Buffer.from(encodeDesired({ version: 1, owner, disabled: false, messages }));
        const parsed = parseDesired(payload, LIMITS);
        if (!parsed.ok) throw new Error(parsed.message);
        const again = encodeDesired(parsed.value);
        expect(again).toBe(payload.toString());
      }),
      { numRuns: 500 },
    );
  });
});
