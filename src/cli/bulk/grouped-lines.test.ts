import { describe, expect, it } from '@jest/globals';
import { groupedLines } from './grouped-lines.ts';

const many = (count: number, why: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => [`ns/d${at}`, why(at)] as const);

describe('what is told of many devices', () => {
  it('is one line for a reason, with examples', () => {
    const told = [['ns/x', 'it was deleted'] as const, ...many(2000, () => 'too fast')];
    expect(groupedLines(told, '✗')).toBe(
      '✗ 2000 devices: too fast (ns/d0, ns/d1, ns/d2 and 1997 more)\n✗ ns/x: it was deleted\n',
    );
  });

  it('ends after twenty reasons', () => {
    const lines = groupedLines(
      many(100, (at) => `reason ${at}`),
      '✗',
    )
      .trimEnd()
      .split('\n');
    expect(lines.length).toBe(21);
    expect(lines.at(-1)).toBe('✗ 80 more, for 80 other reasons; kubectl mir describe tells that of each');
  });

  it('is nothing of none', () => expect(groupedLines([], '✗')).toBe(''));
});
