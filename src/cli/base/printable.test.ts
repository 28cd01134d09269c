import { describe, expect, it } from '@jest/globals';
import { paletteOf } from '../render/color.ts';
import { printable } from './printable.ts';

describe('what a terminal is shown', () => {
  it.each([
    ['clears the screen', '\u001b[2J\u001b[H', '\\u001b[2J\\u001b[H'],
    ['sets the title', '\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
    ['hides what follows', '\u001b[8msecret', '\\u001b[8msecret'],
    ['goes back in the line', 'Rejected\rInSync', 'Rejected\\u000dInSync'],
    ['is a control of eight bits', '\u009b2J', '\\u009b2J'],
    ['turns the order of letters', 'a\u202eb', 'a\\u202eb'],
  ])('is not obeyed where it %s', (_, said, shown) => expect(printable(said)).toBe(shown));

  it('has its own colours, lines and progress', () => {
    const { good, waiting, bad, dim, bold } = paletteOf(true);
    const own = `\r\u001b[K${good('a')}\t${waiting('b')}\n${bad('c')}${dim('d')}${bold('ü → …')}`;
    expect(printable(own)).toBe(own);
  });
});
