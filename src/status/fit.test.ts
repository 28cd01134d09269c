import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { device, rate } from '../../test/gen/device.ts';
import type { Properties } from '../api/device.ts';
import { storedBytes } from '../api/stored-bytes.ts';
import { fitReported, fitTexts, leftOut } from './fit.ts';

const text = (kilobytes: number, letter = 'x') => ({ text: letter.repeat(kilobytes * 1000) });
/** `count` messages of so many kilobytes each. */
const many = (count: number, kilobytes: number, letter?: string): Properties =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`a.M${at + 10}`, text(kilobytes, letter)]));

describe('what the API server stores', () => {
  it.each([
    ['plain text', '"abc"', 5],
    ['umlauts', '"ä"', 4],
    ['what Go escapes', '"<>&\u2028"', 26],
    ['a backspace', '"\\b"', 8],
    ['a control character', '"\\u0001"', 8],
  ])('counts %s as Go writes it', (_, json, bytes) => {
    expect(storedBytes(json)).toBe(bytes);
  });
});

describe('the reported values that an object has room for', () => {
  it.each<[string, Properties, string[]]>([
    ['few', { 'a.B': text(1) }, []],
    ['a megabyte', many(64, 16), []],
    ['the largest of more', { ...many(60, 16), 'a.Big': text(900), 'a.Bigger': text(910) }, ['a.Big', 'a.Bigger']],
    ['one of equals, the last by name', many(9, 160), ['a.M18']],
    ['what Go writes six times as long', many(16, 16, '<'), ['a.M24', 'a.M25']],
    ['one that fits nowhere', { 'a.Small': text(1), 'a.Huge': text(2000) }, ['a.Huge']],
  ])('are %s', (_, values, missing) => {
    const kept = fitReported(device({ desired: rate(60) }), {}, values);
    expect(leftOut(kept, values as never)).toEqual(missing);
  });

  it('leave what a person wrote its place, three times, and what else is in the status', () => {
    const values = { 'a.A': text(500), 'a.B': text(400) };
    expect(Object.keys(fitReported(device({ desired: { 'a.D': text(100) } }), {}, values))).toEqual(['a.A', 'a.B']);
    expect(Object.keys(fitReported(device({ desired: { 'a.D': text(200) } }), {}, values))).toEqual(['a.B']);
    expect(Object.keys(fitReported(device({ desired: { 'a.D': text(100) } }), text(300), values))).toEqual(['a.B']);
    expect(fitReported(device({ desired: { 'a.D': text(600) } }), {}, values)).toEqual({});
  });

  it('fit whatever they are', () => {
    const value = fc.record({
      text: fc.tuple(fc.nat(300_000), fc.constantFrom('x', '<', 'ä')).map(([n, c]) => c.repeat(n)),
    });
    const values = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), value, { maxKeys: 12 });
    fc.assert(
      fc.property(values, (all) => {
        const kept = fitReported(device(), {}, all);
        expect(storedBytes(JSON.stringify(kept))).toBeLessThan(1_400_000);
        const least = Math.min(...leftOut(kept, all as never).map((name) => storedBytes(JSON.stringify(all[name]))));
        for (const one of Object.values(kept)) expect(storedBytes(JSON.stringify(one))).toBeLessThanOrEqual(least + 16);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the texts of a status', () => {
  it('are cut where names and reasons made them long', () => {
    const message = 'n'.repeat(40_000);
    const since = '2026-01-01T00:00:00Z';
    const fitted = fitTexts({
      sync: { 'a.B': { state: 'Invalid', revision: 0, digest: '', since, message } },
      conditions: [{ type: 'Ready', status: 'True', reason: 'Invalid', message, lastTransitionTime: since }],
      schema: { packageNames: Array.from({ length: 300 }, (_, at) => `p${at}`) },
    });
    expect(Buffer.byteLength(JSON.stringify(fitted))).toBeLessThan(5000);
    expect(fitted.conditions?.[0]?.message).toMatch(/^n{1023}…$/);
  });
});
