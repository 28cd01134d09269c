import { describe, expect, it } from '@jest/globals';
import { canonicalElement, compareElements, keyElement, printPath } from './path-element.ts';

describe('an element of a path', () => {
  it('is printed as people read it', () => {
    const path = ['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:tags', 'v:"a\\"b"', 'i:3'];
    expect(printPath(path)).toBe('.spec.ports[port=80,protocol="TCP"].tags[="a\\"b"][3]');
  });

  it('has one spelling, whatever order its keys are sent in', () => {
    expect(canonicalElement('k:{"protocol": "TCP", "port": 80}')).toBe(keyElement({ port: 80, protocol: 'TCP' }));
    expect(canonicalElement('v: 1.0')).toBe('v:1');
    expect(canonicalElement('x:y')).toBeUndefined();
    expect(() => canonicalElement('spec')).toThrow(SyntaxError);
    expect(() => canonicalElement('k:{')).toThrow(SyntaxError);
  });

  it('is sorted: fields, keys, values; each by what it says', () => {
    const sorted = ['f:a', 'f:b', 'k:{"n":"a"}', 'k:{"n":"b"}', 'k:{"o":1}', 'v:2', 'v:10', 'v:"a"', 'v:true'];
    expect(sorted.toReversed().sort(compareElements)).toEqual(sorted);
  });
});
