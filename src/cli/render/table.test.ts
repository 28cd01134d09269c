import { describe, expect, it } from '@jest/globals';
import { Table, widthOf } from './table.ts';

const HEADERS = ['NAME', 'STATE', 'LAG'];
const ROW = [{ text: 'sensor' }, { text: 'InSync', paint: (text: string) => `<${text}>` }, { text: '5s' }];
const shown = (columns?: number): string[] => {
  const table = new Table(HEADERS, [ROW], columns);
  return [table.header(), table.line(ROW)];
};

describe('a table', () => {
  it.each([
    [undefined, ['NAME     STATE    LAG', 'sensor   <InSync>   5s']],
    [21, ['NAME     STATE    LAG', 'sensor   <InSync>   5s']],
    [20, ['NAME    STATE   LAG', 'sensor  <InSync>  5s']],
    [17, ['NAME   STATE  LAG', 'sensor <InSync> 5s']],
    [16, ['NAME     STATE', 'sensor   <InSync>']],
    [5, ['NAME     STATE', 'sensor   <InSync>']],
  ])('moves together, and leaves columns out, as the terminal has room: %s', (columns, expected) => {
    expect(shown(columns)).toEqual(expected);
  });

  it('is not made to fit where nobody looks at a terminal', () => {
    expect(widthOf({ isTerminal: false, columns: 80 })).toBe(Number.POSITIVE_INFINITY);
    expect(widthOf({ isTerminal: true, columns: 80 })).toBe(80);
  });
});
