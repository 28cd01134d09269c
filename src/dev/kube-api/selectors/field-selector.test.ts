import { describe, expect, it } from '@jest/globals';
import { parseFieldSelector } from './field-selector.ts';

describe('a field selector', () => {
  it.each([
    ['', []],
    ['a.b=c', [{ field: 'a.b', value: 'c', isEqual: true }]],
    ['a==c', [{ field: 'a', value: 'c', isEqual: true }]],
    ['a!=c', [{ field: 'a', value: 'c', isEqual: false }]],
    ['a=', [{ field: 'a', value: '', isEqual: true }]],
    ['a=x\\,y\\=z\\\\', [{ field: 'a', value: 'x,y=z\\', isEqual: true }]],
    [
      'a=b,c!=d',
      [
        { field: 'a', value: 'b', isEqual: true },
        { field: 'c', value: 'd', isEqual: false },
      ],
    ],
  ])('%j is read as %j', (text, expected) => {
    expect(parseFieldSelector(text)).toEqual(expected);
  });

  it.each(['a', 'a,b=c', 'a=\\x'])('%j is refused with 400', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ code: 400 }));
  });
});
