import { describe, expect, it } from '@jest/globals';
import { conforms } from './value.ts';
import type { ValueSchema } from './value.ts';

const whole: ValueSchema = { type: 'integer', minimum: 1, maximum: 10 };
const word: ValueSchema = { type: 'string', minLength: 1, pattern: '^[^+#/\\p{C}]*$' };

describe('the value of an option', () => {
  it.each<[string, ValueSchema, readonly unknown[], readonly unknown[]]>([
    ['a boolean', { type: 'boolean' }, [true, false], ['true', 0, null, undefined]],
    ['a whole number', whole, [1, 10], [0, 11, 1.5, '1', Number.NaN, Number.POSITIVE_INFINITY]],
    ['a number', { type: 'number', minimum: 0.1, maximum: 1 }, [0.1, 1], [0, 1.01, '0.5', Number.NaN]],
    ['one of a few numbers', { type: 'number', enum: [4, 5] }, [4, 5], [3, 4.5, '4']],
    ['a text', word, ['a', 'ä b'], ['', 'a/b', 'a\u0000', 1, null]],
    ['one of a few words', { type: 'string', enum: ['info', 'warn'] }, ['info'], ['Info', '', 3]],
    ['a list', { type: 'array', items: word }, [[], ['a', 'b']], [['a', ''], 'a', [1], null]],
  ])('is %s', (_name, schema, good, bad) => {
    for (const value of good) expect([value, conforms(value, schema)]).toEqual([value, true]);
    for (const value of bad) expect([value, conforms(value, schema)]).toEqual([value, false]);
  });
});
