import { describe, expect, it } from '@jest/globals';
import { MAX_BODY_LEVELS, readJsonBody, readYamlBody } from './request-body.ts';

const nested = (levels: number, open = '{"a":', close = '}'): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;
const tooDeep = { code: 400, message: expect.stringContaining(`max depth of ${MAX_BODY_LEVELS}`) };

describe('a body of JSON', () => {
  it('is as deep as it may be', () => {
    expect(JSON.stringify(readJsonBody(nested(MAX_BODY_LEVELS)))).toBe(nested(MAX_BODY_LEVELS));
    expect(() => readJsonBody(nested(MAX_BODY_LEVELS + 1))).toThrow(expect.objectContaining(tooDeep));
    expect(() => readJsonBody(nested(100_000, '[', ']'))).toThrow(expect.objectContaining(tooDeep));
  });

  it.each(['[', '{', '\\"[', '\\\\'])('is not deep for what its texts say: %s', (text) => {
    expect(() => readJsonBody(`["${text.repeat(1000)}"]`)).not.toThrow();
  });

  it('that is long and flat is read', () => {
    expect(readJsonBody(`[${'[],'.repeat(1000)}{}]`)).toHaveLength(1001);
  });
});

describe('a body of YAML', () => {
  const levels = Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`);
  it.each<[what: string, text: string, code: number, message: string]>([
    ['aliases that multiply', ['a0: &a0 x', ...levels].join('\n'), 413, 'limit is 3145728'],
    ['an alias to itself', 'a: &a [*a]', 400, 'error converting YAML to JSON'],
    ['deep flow', nested(600, '[', ']'), 400, 'nesting exceeded'],
    ['deep JSON', nested(600), 400, 'max depth'],
    ['a number that JSON has not', 'a: .inf', 400, 'unsupported value: Infinity'],
  ])('of %s is refused', (_, text, code, message) => {
    expect(() => readYamlBody(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('may be JSON, or begin as JSON does', () => {
    expect(readYamlBody('{"a": 1}')).toEqual({ a: 1 });
    expect(readYamlBody('{a: 1}')).toEqual({ a: 1 });
  });
});
