import { describe, expect, it } from '@jest/globals';
import { PublishWindow } from './publish-window.ts';

describe('PublishWindow', () => {
  it('keeps the order, and never more in flight than its size', async () => {
    const window = new PublishWindow(2, 100);
    const sent: number[] = [];
    const inFlight: (() => void)[] = [];
    const all = Array.from({ length: 7 }, (_, n) =>
      window.run((done) => {
        sent.push(n);
        inFlight.push(() => done());
      }),
    );
    for (let answered = 0; answered < 7; answered += 1) {
      expect(sent).toHaveLength(Math.min(answered + 2, 7));
      inFlight[answered]?.();
    }
    await Promise.all(all);
    expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('rejects what its queue does not hold', async () => {
    const window = new PublishWindow(1, 1, () => new Error('no room'));
    const send = (): void => {};
    void Promise.allSettled([window.run(send), window.run(send)]);
    await expect(window.run(send)).rejects.toThrow('no room');
  });

  it('hands on the error of one and goes on with the next', async () => {
    const window = new PublishWindow(1, 10);
    const results = await Promise.allSettled([
      window.run((done) => done(new Error('refused'))),
      window.run((done) => done()),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('rejects everything once closed, and ignores answers that come late', async () => {
    const window = new PublishWindow(1, 10);
    const late: (() => void)[] = [];
    const all = Promise.allSettled([1, 2].map(() => window.run((done) => late.push(() => done()))));
    window.close(new Error('gone'));
    late[0]?.();
    const gone = { status: 'rejected', reason: { message: 'gone' } };
    expect(await all).toMatchObject([gone, gone]);
    expect(late).toHaveLength(1);
    await expect(window.run(() => {})).rejects.toThrow('gone');
  });
});
