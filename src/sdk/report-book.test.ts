import { beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonValue } from '../api/device.ts';
import { ReportBook } from './report-book.ts';
import type { MessageValue, Reports } from './store.ts';
import { manualClock } from './testing/manual-clock.ts';

const A = 'a.A';

let stored: unknown[];
let clock: ReturnType<typeof manualClock>;
let book: ReportBook;

beforeEach(() => {
  stored = [];
  clock = manualClock();
  book = new ReportBook(clock, (reports: Reports) => {
    stored.push(Object.fromEntries(reports));
    return true;
  });
});

function circle(): MessageValue {
  const value: Record<string, JsonValue> = {};
  value['self'] = value;
  return value;
}

describe('the report book', () => {
  it('stores at once while nobody hears it, and what was said before there was a store when there is one', () => {
    book.set(A, { x: 1 });
    expect(stored).toEqual([]);
    book.load(
      new Map([
        [A, { x: 0 }],
        ['b.B', { y: 1 }],
      ]),
    );
    expect(stored).toEqual([{ [A]: { x: 1 } }]);
    expect(book.get('b.B')).toEqual({ y: 1 });
    book.set(A, { x: 2 });
    book.set(A, { x: 2 });
    expect(stored.slice(1)).toEqual([{ [A]: { x: 2 } }]);
  });

  it('stores a chatty message twice a second while the broker hears it, and the newest when it no longer does', () => {
    book.load(new Map());
    book.isPatient = true;
    for (let x = 1; x <= 10; x += 1) book.set(A, { x });
    expect(stored).toEqual([{ [A]: { x: 1 } }]);
    book.set('b.B', { y: 1 });
    expect(stored[1]).toEqual({ [A]: { x: 10 }, 'b.B': { y: 1 } });
    book.set(A, { x: 11 });
    clock.advance(500);
    expect(stored[2]).toEqual({ [A]: { x: 11 } });
    book.set(A, { x: 12 });
    book.isPatient = false;
    expect(stored[3]).toEqual({ [A]: { x: 12 } });
    expect(clock.pending).toEqual([]);
  });

  it('keeps what was reported, whatever becomes of the object', () => {
    const value = { x: 1 };
    book.load(new Map());
    book.set(A, value);
    value.x = 2;
    expect(book.get(A)).toEqual({ x: 1 });
  });

  it.each([
    ['a name that is none', 'a/b', {}, 'not a message name'],
    ['a list', A, [] as never, 'not an object'],
    ['what is no JSON', A, circle(), 'not an object of JSON'],
    ['nothing', A, undefined as never, 'not an object'],
    ['more than a payload holds', A, { text: 'ä'.repeat(8000) }, 'it has 16011 bytes, at most 14336'],
  ])('refuses %s', (_, message, value, why) => {
    book.load(new Map());
    expect(book.set(message, value)).toContain(why);
    expect([...book.names]).toEqual([]);
  });

  it('refuses the 101st message', () => {
    book.load(new Map());
    for (let n = 1; n <= 100; n += 1) expect(book.set(`a.A${n}`, {})).toBeUndefined();
    expect(book.set('a.A101', {})).toContain('reports 100 messages already');
    expect(book.set('a.A100', { x: 1 })).toBeUndefined();
  });
});
