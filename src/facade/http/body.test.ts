import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEVICE, send, ViewBed } from '../../../test/fakes/view-bed.ts';

let bed: ViewBed;
beforeEach(async () => {
  bed = await ViewBed.open();
});
afterEach(() => bed.close());

describe('a body', () => {
  const APPLY = 'application/apply-patch+yaml';
  const forged = `{apiVersion: iot.mir/v1alpha, kind: device, metadata: {name: a, annotations: {iot.mir/author: eve}}}`;
  const deep = `{"apiVersion":"iot.mir/v1alpha","kind":"device","metadata":{"annotations":{"iot.mir/author":"eve"}},"properties":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}`;
  const levels = Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`);
  const bomb = ['kind: device', 'apiVersion: mir/v1alpha', 'a0: &a0 x', ...levels].join('\n');
  it.each([
    ['of flow YAML for the other API', 'PATCH', APPLY, forged, 400],
    ['of CBOR', 'PATCH', 'application/apply-patch+cbor', 'x', 415],
    ['nested too deeply', 'PATCH', 'application/merge-patch+json', deep, 400],
    ['of aliases that multiply', 'PATCH', APPLY, bomb, 413],
    ['of an alias to itself', 'PATCH', APPLY, 'a: &a [*a]', 400],
  ])('%s is never passed on as it came', async (_, method, type, body, status) => {
    const answer = await send(bed, DEVICE, { method, headers: { 'content-type': type }, body });
    expect(bed.asked.filter((asked) => asked.method !== 'GET')).toEqual([]);
    expect(answer.status).toBe(status);
  });
});
