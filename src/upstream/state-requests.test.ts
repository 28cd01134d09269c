import { describe, expect, it } from '@jest/globals';
import { StateRequests } from './state-requests.ts';

describe('requests for states', () => {
  it('reach everyone also while the first one is read again and again', () => {
    const requests = new StateRequests();
    const asked: string[] = [];
    requests.add('restless', false, 0);
    requests.add('quiet', false, 0);
    for (let now = 0; now <= 11_000; now += 1000) {
      if (now < 10_000) requests.add('restless', false, now);
      requests.tick(now, true, (deviceId) => asked.push(deviceId) > 0);
    }
    expect(asked).toEqual(['restless', 'quiet']);
  });
});
