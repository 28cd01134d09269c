import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Strangers } from './strangers.ts';

let strangers: Strangers;
beforeEach(() => {
  strangers = new Strangers(2);
});

/** Whether it was let in. */
function connect(remoteAddress: string, remotePort: number): { isIn: boolean; socket: Socket } {
  let isIn = true;
  const destroy = (): void => {
    isIn = false;
  };
  const socket = Object.assign(new EventEmitter(), { remoteAddress, remotePort, destroy }) as unknown as Socket;
  strangers.note(socket);
  return { isIn, socket };
}

describe('strangers', () => {
  it('of one address are so many, and those of another their own', () => {
    expect([1, 2, 3].map((port) => connect('10.0.0.1', port).isIn)).toEqual([true, true, false]);
    expect(connect('10.0.0.2', 1).isIn).toBe(true);
  });

  it('count no more when they have gone, or have shown who they are', () => {
    const [one, two] = [connect('10.0.0.1', 1), connect('10.0.0.1', 2)];
    one.socket.emit('close');
    strangers.admit(two.socket);
    expect([3, 4, 5].map((port) => connect('10.0.0.1', port).isIn)).toEqual([true, true, false]);
    two.socket.emit('close');
    expect(connect('10.0.0.1', 6).isIn).toBe(false);
  });
});
