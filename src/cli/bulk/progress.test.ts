import { describe, expect, it } from '@jest/globals';
import { stripVTControlCharacters } from 'node:util';
import { paletteOf } from '../render/color.ts';
import { progressLine } from './progress.ts';

const counts = { total: 2000, patched: 1999, done: 1234, acknowledged: 321, failed: 123, offline: 1100 };
const lineOf = (columns: number, word = 'in sync'): string =>
  stripVTControlCharacters(progressLine(counts, word, paletteOf(true), columns));

describe('the line of progress', () => {
  it('tells all where there is room for it', () => {
    expect(lineOf(160)).toBe(
      '████████████░░░░░░░░ 1234/2000 in sync · 1999 changed · 321 acknowledged · 123 rejected · 1100 offline',
    );
  });

  it.each([
    [80, '1234/2000 in sync · 321 acknowledged · 123 rejected · 1100 offline'],
    [60, '1234/2000 in sync · 123 rejected · 1100 offline'],
    [40, '1234/2000 in sync · 123 rejected'],
    [20, '1234/2000 in sync'],
  ])('is one line of a terminal of %s columns', (columns, line) => expect(lineOf(columns)).toBe(line));

  it.each([80, 60])('never fills a row of %s columns, whatever it tells', (columns) => {
    expect(lineOf(columns, 'acknowledged').length).toBeLessThan(columns);
  });
});
