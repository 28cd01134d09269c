import { describe, expect, it } from '@jest/globals';
import { parseLabelSelector } from './label-selector.ts';

const labels = { type: 'sensor', 'mir.io/floor': '4', empty: '', in: 'x' };

describe('a label selector', () => {
  it.each([
    ['', true],
    ['type', true],
    ['!type', false],
    ['absent', false],
    ['!absent', true],
    ['! absent', true],
    ['type=sensor', true],
    ['type==sensor', true],
    ['type = sensor , mir.io/floor=4', true],
    ['type!=sensor', false],
    ['absent!=sensor', true],
    ['empty=', true],
    ['empty=,type=sensor', true],
    ['type in (valve, sensor)', true],
    ['type in (valve)', false],
    ['empty in (,x)', true],
    ['type notin (valve,sensor)', false],
    ['absent notin (valve)', true],
    ['mir.io/floor>3', true],
    ['mir.io/floor<4', false],
    ['type>3', false],
    ['in=x', true],
  ])('%j selects: %s', (text, expected) => {
    expect(parseLabelSelector(text)(labels)).toBe(expected);
  });

  it.each(['=', 'a=b=c', 'a in b', 'a in (b', 'a b', 'a,', ',a', '-a=b', 'a=b c', 'a in (b) c', 'a>x', 'A_/b', 'a=-'])(
    '%j is refused with 400',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: 400 }));
    },
  );
});
