import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { followLoad } from './heap-mode.ts';

const SMALL = '--optimize-for-size';
const FAST = '--no-optimize-for-size';

let clock: FakeClock;
let flags: string[];
let share: number;
let megabytes: number;
let end: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  flags = [];
  megabytes = 300;
  end = new AbortController();
  const setFlags = (set: string): void => void flags.push(set);
  followLoad(end.signal, { clock, utilization: () => share, heapBytes: () => megabytes * 2 ** 20, setFlags });
});

const live = async (seconds: number, busy: number): Promise<void> => {
  share = busy;
  for (let second = 0; second < seconds; second += 1) await clock.advance(1000);
};

describe('the heap', () => {
  it('is kept small from the start', async () => {
    await live(10, 0.2);
    expect(flags).toEqual([SMALL]);
  });

  it('may grow as soon as there is much to do and it is large, and is said so once', async () => {
    await live(10, 1);
    expect(flags).toEqual([SMALL, FAST]);
  });

  it('is kept small while it is small, however much there is to do', async () => {
    megabytes = 100;
    await live(10, 1);
    expect(flags).toEqual([SMALL]);
    megabytes = 130;
    await live(1, 1);
    expect(flags).toEqual([SMALL, FAST]);
  });

  it('is kept small again once the process has been calm for five seconds', async () => {
    await live(3, 1);
    await live(4, 0.1);
    expect(flags).toEqual([SMALL, FAST]);
    await live(60, 0.1);
    expect(flags).toEqual([SMALL, FAST, SMALL]);
    await live(1, 0.9);
    expect(flags).toEqual([SMALL, FAST, SMALL, FAST]);
  });

  it('stays as it is at a load in between', async () => {
    await live(20, 0.5);
    expect(flags).toEqual([SMALL]);
    await live(1, 1);
    await live(20, 0.5);
    expect(flags).toEqual([SMALL, FAST]);
  });

  it('is not calm by calm moments between busy ones', async () => {
    await live(1, 1);
    for (let round = 0; round < 10; round += 1) {
      await live(4, 0);
      await live(1, 0.5);
    }
    expect(flags).toEqual([SMALL, FAST]);
  });

  it('is left alone at the end', async () => {
    end.abort();
    await live(10, 1);
    expect(flags).toEqual([SMALL]);
  });
});
