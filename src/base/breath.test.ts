import { describe, expect, it } from '@jest/globals';
import { Breath } from './breath.ts';

function workFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('taking breath', () => {
  it('is due when work has gone on for long without the event loop turning', async () => {
    const breath = new Breath();
    expect(breath.due()).toBeUndefined();
    workFor(11);
    await Promise.resolve();
    expect(breath.due()).toBeInstanceOf(Promise);
  });

  it('lets timers and sockets go before what is left', async () => {
    const breath = new Breath();
    const order: string[] = [];
    setImmediate(() => order.push('another turn'));
    for (let piece = 0; piece < 3; piece += 1) {
      await breath.due();
      order.push(`piece ${piece}`);
      workFor(11);
    }
    expect(order.indexOf('another turn')).toBe(1);
    expect(order).toHaveLength(4);
  });

  it('is over when the event loop has turned by itself', async () => {
    const breath = new Breath();
    expect(breath.due()).toBeUndefined();
    workFor(11);
    await new Promise((resolve) => setImmediate(resolve));
    expect(breath.due()).toBeUndefined();
  });
});
