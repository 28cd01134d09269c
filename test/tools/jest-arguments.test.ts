import { describe, expect, it } from '@jest/globals';
import { chooseFiles } from './jest-arguments.ts';

describe('chooseFiles', () => {
  it.each([
    { words: [], chooses: false },
    { words: ['--bail'], chooses: false },
    { words: ['-t', 'two words'], chooses: false },
    { words: ['--testNamePattern', 'two words', '--verbose'], chooses: false },
    { words: ['--testNamePattern=two words'], chooses: false },
    { words: ['src/twin'], chooses: true },
    { words: ['src/twin', '-t', 'two words'], chooses: true },
    { words: ['-t', 'two words', 'src/twin'], chooses: true },
    { words: ['--verbose', 'src/twin'], chooses: true },
    { words: ['--testPathPatterns', 'src/(twin|kube)'], chooses: true },
    { words: ['--testPathPatterns=src/(twin|kube)'], chooses: true },
  ])('is $chooses for $words', ({ words, chooses }) => expect(chooseFiles(words)).toBe(chooses));
});
