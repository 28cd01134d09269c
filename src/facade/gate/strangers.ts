import type { Socket } from 'node:net';

/** Connections that have not shown whose they are, counted by address: one machine cannot take all that there are. */
export class Strangers {
  readonly #most: number;
  readonly #ports = new Map<string, Set<number>>();

  /** `most` of one address. */
  constructor(most: number) {
    this.#most = most;
  }

  /** A connection that has just been made; closed at once where there are too many of its address. */
  note(socket: Socket): void {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const ports = this.#ports.get(address) ?? new Set();
    if (ports.size >= this.#most) return void socket.destroy();
    this.#ports.set(address, ports.add(port));
    socket.once('close', () => this.#forget(address, port));
  }

  /** It has shown whose it is. */
  admit({ remoteAddress = '', remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    this.#forget(remoteAddress, remotePort);
  }

  #forget(address: string, port: number): void {
    const ports = this.#ports.get(address);
    ports?.delete(port);
    if (ports?.size === 0) this.#ports.delete(address);
  }
}
