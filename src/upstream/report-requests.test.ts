import { describe, expect, it } from '@jest/globals';
import { ReportRequests } from './report-requests.ts';

const missing = (): boolean => true;

describe('what a birth announced and nobody sent', () => {
  it('is asked for three times, later each time, and then no more', () => {
    const requests = new ReportRequests();
    requests.expect('a', ['m.A'], 0);
    const asked: number[] = [];
    for (let now = 0; now <= 200_000; now += 1000) {
      for (const _deviceId of requests.due(now, missing)) asked.push(now);
    }
    expect(asked).toEqual([5_000, 20_000, 65_000]);
  });

  it('is not asked for when it has come', () => {
    const requests = new ReportRequests();
    requests.expect('a', ['m.A', 'm.B'], 0);
    expect([...requests.due(5_000, (_deviceId, names) => names.includes('m.B'))]).toEqual(['a']);
    expect([...requests.due(20_000, () => false)]).toEqual([]);
    expect([...requests.due(200_000, missing)]).toEqual([]);
  });

  it('looks only at those whose turn it is', () => {
    const requests = new ReportRequests();
    for (let device = 0; device < 1000; device += 1) requests.expect(`d${device}`, ['m.A'], device);
    const looked: string[] = [];
    const look = (deviceId: string): boolean => looked.push(deviceId) > 0;
    expect([...requests.due(5_009, look)]).toHaveLength(10);
    expect([...requests.due(5_009, look)]).toEqual([]);
    expect(looked).toHaveLength(10);
  });

  it('begins anew with the next birth', () => {
    const requests = new ReportRequests();
    requests.expect('a', ['m.A'], 0);
    requests.expect('a', ['m.A'], 4_000);
    expect([...requests.due(5_000, missing)]).toEqual([]);
    expect([...requests.due(9_000, missing)]).toEqual(['a']);
  });
});
