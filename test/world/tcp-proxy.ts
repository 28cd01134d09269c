/** A TCP proxy on loopback whose connections can be cut: the network between a client and its broker. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

export interface TcpProxy {
  readonly port: number;
  /** Resets every connection and refuses new ones. */
  cut(): void;
  /** Carries nothing more, in either direction, and tells nobody. What hung is reset by `restore`. */
  hang(): void;
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Told of the bytes of one connection on their way to the target, as they pass. */
export type Tap = (bytes: Buffer) => void;

/** Starts a proxy to `targetPort` of 127.0.0.1; `openTap` is called for each connection. */
export async function startTcpProxy(targetPort: number, openTap?: () => Tap): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let hangs = false;
  const server = createServer({ noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.once('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      if (!hangs) from.pipe(to);
    }
    const tap = openTap?.();
    if (tap !== undefined) client.on('data', tap);
  });
  const resetAll = (): void => {
    for (const socket of sockets) resetSocket(socket);
  };
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut() {
      server.close();
      resetAll();
    },
    hang() {
      hangs = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async restore() {
      if (hangs) resetAll();
      hangs = false;
      if (!server.listening) await listen(port);
    },
    async close() {
      resetAll();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
