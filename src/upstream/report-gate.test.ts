import { describe, expect, it } from '@jest/globals';
import { ReportGate } from './report-gate.ts';

const text = (gate: ReportGate, now: number): string[] =>
  [...gate.release(now)].map(({ deviceId, message, payload }) => `${deviceId}/${message}=${payload.toString()}`);

describe('the report gate', () => {
  it('reads so many reports of a device in a second, and of the rest the newest of each message when it is over', () => {
    const gate = new ReportGate(2, 8);
    expect(text(gate, 0)).toEqual([]);
    const said = ['1', '2', '3', '4'].map((value) => gate.admit('a', 'm.A', Buffer.from(value)));
    expect(said).toEqual(['read', 'read', 'first-held', 'held']);
    expect(gate.admit('a', 'm.B', Buffer.from('5'))).toBe('held');
    expect(text(gate, 999)).toEqual([]);
    expect(text(gate, 1000)).toEqual(['a/m.A=4', 'a/m.B=5']);
    expect(text(gate, 2000)).toEqual([]);
    expect(gate.admit('a', 'm.A', Buffer.from('6'))).toBe('read');
  });

  it('lets other devices be read all the while', () => {
    const gate = new ReportGate(1, 8);
    gate.admit('a', 'm.A', Buffer.from('1'));
    gate.admit('a', 'm.A', Buffer.from('2'));
    expect(gate.admit('b', 'm.A', Buffer.from('1'))).toBe('read');
  });

  it('holds no more messages of a device than it may have', () => {
    const gate = new ReportGate(1, 1);
    gate.admit('a', 'm.A', Buffer.from('1'));
    gate.admit('a', 'm.A', Buffer.from('2'));
    gate.admit('a', 'm.B', Buffer.from('3'));
    expect(text(gate, 1000)).toEqual(['a/m.A=2']);
  });
});
