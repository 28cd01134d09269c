import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

/** Below those that systems give to connections: one of these would be in the way of a server that starts again. */
const FIRST_PORT = 16_384;
const LAST_PORT = 32_767;

/** A TCP port of 127.0.0.1 that was free a moment ago, for servers that cannot choose one and tell. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST_PORT, LAST_PORT + 1);
  return (await isFree(port)) ? port : freePort();
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Rejects unless somebody takes connections on `port` of 127.0.0.1. */
export function assertListening(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
