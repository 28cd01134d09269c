import { describe, expect, it } from '@jest/globals';
import { humanDuration } from './human-duration.ts';
import { compileTable } from './table.ts';
import type { Json } from './types.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('humanDuration', () => {
  it.each([
    [-5 * SECOND, '<invalid>'],
    [-SECOND, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [9 * MINUTE + 59 * SECOND, '9m59s'],
    [179 * MINUTE, '179m'],
    [3 * HOUR + 20 * MINUTE, '3h20m'],
    [47 * HOUR, '47h'],
    [3 * DAY + 2 * HOUR, '3d2h'],
    [400 * DAY, '400d'],
    [2 * 365 * DAY + DAY, '2y1d'],
    [9 * 365 * DAY, '9y'],
  ])('%d ms is %s', (ms, expected) => {
    expect(humanDuration(ms)).toBe(expected);
  });
});

describe('a cell', () => {
  const object: Json = {
    metadata: { name: 'x', labels: { 'a.b/c': 'label' } },
    spec: { text: 'a', number: 1.5, yes: true, list: ['p', 'q'], map: { b: 1, a: 2 }, when: '1970-01-01T00:00:00Z' },
    status: {
      conditions: [
        { type: 'Synced', status: 'False' },
        { type: 'Ready', status: 'True', n: 3 },
      ],
    },
  };
  it.each([
    ['string', '.spec.text', 'a'],
    ['string', '.spec.number', '1.5'],
    ['string', '.spec.yes', 'true'],
    ['string', '.spec.list', '["p","q"]'],
    ['string', '.spec.map', '{"a":2,"b":1}'],
    ['string', '.spec.list[0]', 'p'],
    ['string', '.spec.list[-1]', 'q'],
    ['string', '.spec.list[*]', 'p'],
    ['string', ".spec['text']", 'a'],
    ['string', '.metadata.labels.a\\.b/c', 'label'],
    ['string', '.status.conditions[?(@.type=="Ready")].status', 'True'],
    ['string', ".status.conditions[?(@.type != 'Synced')].status", 'True'],
    ['string', '.status.conditions[?(@.n>2)].type', 'Ready'],
    ['string', '.status.conditions[?(@.n)].type', 'Ready'],
    ['string', '.status.conditions[?(@.type=="Lost")].status', null],
    ['integer', '.spec.number', 1],
    ['number', '.spec.number', 1.5],
    ['boolean', '.spec.yes', true],
    ['boolean', '.spec.text', null],
    ['date', '.spec.when', '60s'],
    ['date', '.spec.text', '<invalid>'],
    ['string', '.spec.absent.deeper', null],
    ['string', '.spec.constructor', null],
  ])('of type %s at %s', (type, jsonPath, expected) => {
    expect(compileTable([{ name: 'C', type, jsonPath }]).row(object, MINUTE)).toEqual(['x', expected]);
  });

  it('is refused where its path cannot be read', () => {
    expect(() => compileTable([{ name: 'C', type: 'string', jsonPath: '.a[' }])).toThrow(
      'unrecognized column definition',
    );
  });
});
