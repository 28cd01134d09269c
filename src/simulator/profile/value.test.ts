import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { drawMs, span } from './span.ts';
import { valueSource, valueTemplate } from './value.ts';

function draw(template: Parameters<typeof valueSource>[0], seed: string | number = 1, times = 20) {
  const random = seededRandom(seed);
  const source = valueSource(template);
  return Array.from({ length: times }, () => source({ random, now: 1_500, n: 7 }));
}

describe('a value source', () => {
  it('draws the same values for the same seed, and others for another', () => {
    const template = { a: { $range: [0, 100] }, b: { $walk: [0, 10], step: 0.5 }, c: { $oneOf: ['x', 'y'] } };
    expect(draw(template, 1)).toEqual(draw(template, 1));
    expect(draw(template, 1)).not.toEqual(draw(template, 2));
  });

  it('leaves plain values as they are, counts, and tells the time of the device', () => {
    const template = {
      on: true,
      list: [1, { $count: 5 }],
      deep: { at: { $time: 'rfc3339' }, s: { $time: 'seconds' } },
    };
    expect(draw(template, 1, 2)).toEqual([
      { on: true, list: [1, 5], deep: { at: '1970-01-01T00:00:01.500Z', s: 1 } },
      { on: true, list: [1, 6], deep: { at: '1970-01-01T00:00:01.500Z', s: 1 } },
    ]);
  });

  it('stays within its limits, in steps that are not larger than said, and whole where they are whole', () => {
    const numbers = fc.tuple(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 0, max: 500 }));
    fc.assert(
      fc.property(numbers, fc.integer(), ([low, width], seed) => {
        const high = low + width;
        const values = draw({ v: { $walk: [low, high], step: 3 } }, seed).map(({ v }) => Number(v));
        for (const [index, value] of values.entries()) {
          expect(value).toBeGreaterThanOrEqual(low);
          expect(value).toBeLessThanOrEqual(high);
          expect(Number.isInteger(value)).toBe(true);
          expect(Math.abs(value - (values[index - 1] ?? value))).toBeLessThanOrEqual(4);
        }
      }),
    );
  });

  it.each([{ $range: [2, 1] }, { $walk: [0, 1] }, { $oneOf: [] }, { $range: [0, 1], wide: true }, { $time: 'hours' }])(
    'is not made of %j',
    (template) => {
      expect(valueTemplate.safeParse({ x: [template] }).error?.issues[0]).toMatchObject({ path: ['x', 0] });
    },
  );
});

describe('a span', () => {
  it.each([
    ['500ms', 500, 500],
    ['1.5s', 1500, 1500],
    ['1m..2h', 60_000, 7_200_000],
  ])('%s is %i to %i ms', (text, fromMs, toMs) => {
    expect(span.parse(text)).toEqual({ fromMs, toMs });
    expect(drawMs({ fromMs, toMs }, () => 0)).toBe(fromMs);
    expect(drawMs({ fromMs, toMs }, () => 1)).toBe(toMs);
  });

  it.each(['5', '5 minutes', '2s..1s', '1s..2s..3s', '-1s', ''])('is not %j', (text) => {
    expect(span.safeParse(text).success).toBe(false);
  });
});
