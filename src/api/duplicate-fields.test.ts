import { describe, expect, it } from '@jest/globals';
import { duplicateFields } from './duplicate-fields.ts';

describe('duplicateFields', () => {
  it.each([
    ['{}', []],
    ['{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 1}]}', []],
    ['{"a": 1, "a" : 2, "a": 3}', ['a']],
    ['{"spec": {"x": {}, "y": [1, [2, 3], {"b": "}", "b": ",]"}], "x": {"z": 1}}}', ['spec.y[2].b', 'spec.x']],
    ['{"a": "\\"a\\": ", "b": ["a", "a"]}', []],
    ['{"a": 1, "\\u0061": 2}', ['a']],
    ['[{"a": 1}, {"b": 1, "b": 2}]', ['[1].b']],
    ['{"": 1, "": 2}', ['']],
  ])('finds in %s: %j', (text, expected) => {
    JSON.parse(text);
    expect(duplicateFields(text)).toEqual(expected);
  });
});
