import { describe, expect, it } from '@jest/globals';
import { REFRESH_ANNOTATION } from '../api/refresh.ts';
import { RefreshRequests } from './refresh-requests.ts';

const device = (asked?: string) => ({
  metadata: asked === undefined ? {} : { annotations: { [REFRESH_ANNOTATION]: asked } },
});

describe('a request for all reports', () => {
  it('is one each time that the annotation changes', () => {
    const requests = new RefreshRequests();
    expect(requests.isNew('a/x', device(), false)).toBe(false);
    expect(requests.isNew('a/x', device('1'), true)).toBe(true);
    expect(requests.isNew('a/x', device('1'), true)).toBe(false);
    expect(requests.isNew('a/x', device('2'), true)).toBe(true);
    expect(requests.isNew('a/x', device(), true)).toBe(false);
    expect(requests.isNew('a/x', device('2'), true)).toBe(true);
  });

  it('is none where it stands on an object that comes, or that a new leader finds', () => {
    const requests = new RefreshRequests();
    expect(requests.isNew('a/x', device('1'), false)).toBe(false);
    expect(requests.isNew('a/x', device('1'), true)).toBe(false);
    expect(requests.isNew('a/x', device('2'), true)).toBe(true);
  });

  it('is forgotten with its object', () => {
    const requests = new RefreshRequests();
    requests.isNew('a/x', device('1'), false);
    requests.forget('a/x');
    expect(requests.isNew('a/x', device('1'), true)).toBe(true);
  });
});
