import type { Socket } from 'node:net';

/**
 * Ends a connection as a broken network does, with a reset. One that says goodbye already is only closed: Node's reset of it fails
 * and leaves a handle that nothing can close, for which the process waits at its end. `spoken` is the TLS on the connection.
 */
export function resetSocket(socket: Socket, spoken: Socket = socket): void {
  if (spoken.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
