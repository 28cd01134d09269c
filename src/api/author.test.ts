import { describe, expect, it } from '@jest/globals';
import { AUTHOR_ANNOTATION, AUTHOR_OF_ANNOTATION, authorStamp, stampOf, stampedAuthor } from './author.ts';

describe('the author of a change', () => {
  it.each([
    ['of the generation that the policy names', authorStamp('alice', '12'), 12, undefined, 'alice'],
    ['of another generation', authorStamp('alice', '11'), 12, undefined, undefined],
    ['with a text of its own', authorStamp('alice', 'c0ffee-1'), 12, 'c0ffee-0', 'alice'],
    ['with the text of a change before', authorStamp('alice', 'c0ffee-1'), 12, 'c0ffee-1', undefined],
    ['without a name', authorStamp('', '12'), 12, undefined, undefined],
    ['that says of no change', { [AUTHOR_ANNOTATION]: 'mallory' }, 12, undefined, undefined],
  ])('is the stamped one or not: a stamp %s', (_, annotations, generation, known, expected) => {
    expect(stampedAuthor(annotations, generation, known)).toBe(expected);
  });

  it('stands in two annotations, which tell the changes apart', () => {
    const stamp = authorStamp('alice', 'c0ffee-1');
    expect(stamp).toEqual({ [AUTHOR_ANNOTATION]: 'alice', [AUTHOR_OF_ANNOTATION]: 'c0ffee-1' });
    expect([stampOf(stamp), stampOf(undefined)]).toEqual(['c0ffee-1', undefined]);
  });

  it('is unknown where nothing is stamped', () => {
    expect(stampedAuthor(undefined, 1, undefined)).toBeUndefined();
  });
});
