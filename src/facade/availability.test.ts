import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../api/json-value.ts';
import { isAvailable } from './availability.ts';

const withConditions = (...conditions: JsonObject[]): JsonObject => ({ status: { conditions } });

describe('the availability of an APIService', () => {
  it.each<[what: string, apiService: JsonObject | undefined, expected: boolean | undefined]>([
    ['there is none', undefined, undefined],
    ['the API server has not looked at it', {}, undefined],
    ['the API server says something else of it', withConditions({ type: 'Other', status: 'True' }), undefined],
    ['it is served', withConditions({ type: 'Other' }, { type: 'Available', status: 'True' }), true],
    ['nobody answers', withConditions({ type: 'Available', status: 'False' }), false],
    ['nobody knows', withConditions({ type: 'Available', status: 'Unknown' }), false],
  ])('is told when %s', (_what, apiService, expected) => {
    expect(isAvailable(apiService)).toBe(expected);
  });
});
