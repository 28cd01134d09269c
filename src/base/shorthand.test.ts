import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEVICE_FRAGMENTS } from '../api/device-shorthand.ts';
import { shorthand } from './shorthand.ts';

describe('shorthand', () => {
  it('makes one character of what is common', () => {
    const { shorten, lengthen } = shorthand(['{"kind":"', '"}', '{"kind":"device","n":']);
    const short = shorten('{"kind":"device","n":[{"kind":"x"}]}');
    expect(short).toHaveLength('.[.x.]}'.length);
    expect(lengthen(short)).toBe('{"kind":"device","n":[{"kind":"x"}]}');
  });

  it('gives every JSON text back to the letter, whatever the fragments', () => {
    const fragments = fc.array(fc.string({ minLength: 2, maxLength: 6 }), { maxLength: 31 });
    fc.assert(
      fc.property(fragments, fc.jsonValue(), fc.array(fc.nat()), (some, value, cuts) => {
        const json = JSON.stringify(value);
        const { shorten, lengthen } = shorthand(
          [...new Set([...some, ...cuts.slice(0, 5).map((at) => json.slice(at % json.length, (at % json.length) + 5))])]
            .filter(({ length }) => length > 1)
            .slice(0, 31),
        );
        expect(lengthen(shorten(json))).toBe(json);
      }),
    );
  });

  it('refuses more fragments than there are characters for them', () => {
    expect(() => shorthand(Array.from({ length: 32 }, (_, at) => `fragment ${at}`))).toThrow('31 are possible');
  });

  it('takes half off a twin that is in sync', () => {
    const { shorten } = shorthand(DEVICE_FRAGMENTS);
    const json = JSON.stringify(TWIN);
    expect(shorten(json).length).toBeLessThan(json.length / 2);
  });
});

const at = '2026-11-30T11:09:40.945Z';
const uid = '853f8a4c-3a68-4f75-bcf3-f7e4590586ce';
/** In the order in which an API server writes it. */
const TWIN = {
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: {
    creationTimestamp: '2026-11-30T10:57:24Z',
    generation: 1,
    name: 'a-1',
    namespace: 'n',
    resourceVersion: '169397',
    uid,
  },
  properties: { desired: { 'bench.v1.Setting': { n: 1 } } },
  spec: { deviceId: 'a-1' },
  status: {
    conditions: [
      { lastTransitionTime: at, message: '', reason: 'Published', status: 'True', type: 'Ready' },
      { lastTransitionTime: at, message: '', reason: 'InSync', status: 'True', type: 'Synced' },
      { lastTransitionTime: at, message: '', reason: 'Birth', status: 'True', type: 'Online' },
    ],
    lastHeartbeat: '2026-11-30T11:00:45Z',
    observedGeneration: 1,
    online: true,
    properties: { desired: { 'bench.v1.Setting': at }, reported: { 'bench.v1.Setting': at } },
    reported: { 'bench.v1.Setting': { n: 1 } },
    session: { heartbeat: 600, id: 'session-1' },
    sync: { 'bench.v1.Setting': { digest: 'K_0U9D0X_HzqJOCReoh5tA', revision: 1, since: at, state: 'InSync' } },
  },
};
