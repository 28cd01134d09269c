import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { copyBytes, copyText } from './copy-text.ts';
import { encodeDocument } from './encode.ts';

const owner = {
  cluster: '6c9a1c1e-6f0e-4f3c-9d0a-0b4f6a2f5b11',
  namespace: 'building-a',
  name: 'temperature-sensor-01',
  uid: 'f249f08d-1794-4297-8f35-353cb5e7808a',
};
const time = '2026-11-30T14:55:35.126Z';
const document = encodeDocument(
  {
    owner,
    disabled: false,
    entries: [
      { message: 'sensor.v1.AlertThreshold', revision: 1, time, content: { maxTemp: 25, minTemp: 18 } },
      { message: 'sensor.v1.SampleRate', revision: 1, time, content: { intervalSeconds: 60 } },
    ],
  },
  'json',
);

describe('the text of a copy', () => {
  it('takes a third off a document', () => {
    expect(copyText(document).length).toBeLessThan((document.length * 2) / 3);
    expect(copyBytes(copyText(document))).toEqual(document);
  });

  it('gives every payload back to the byte', () => {
    const parts = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom('{"version":1,"owner":{"cluster":"', '","uid":"', '\u0001', '\0', '\0\0', 'ä', '\u009f'),
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 6 }), (some) => {
        const payload = Buffer.concat(some.map((part) => Buffer.from(part as string)));
        expect(copyBytes(copyText(payload))).toEqual(payload);
      }),
    );
  });

  it('does not take a payload for another that holds its shorthand', () => {
    const alike = Buffer.from(copyText(document), 'latin1');
    expect(copyText(alike)).not.toBe(copyText(document));
  });

  it('keeps no copy of what is too large to be a document', () => {
    expect(copyText(Buffer.alloc(3_000_000)).length).toBeLessThan(100);
  });
});
