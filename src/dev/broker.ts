import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Aedes } from 'aedes';
import type { PublishPacket } from 'aedes';

export interface DevBrokerOptions {
  /** A free one by default. */
  readonly port?: number;
  readonly host?: string;
  /** Folder in which retained messages outlive the broker; without it they are in memory only. */
  readonly dataDir?: string;
}

export interface DevBroker {
  /** `mqtt://host:port` */
  readonly url: string;
  readonly port: number;
  /** Cuts every connection, without last wills, and frees the port. */
  close(): Promise<void>;
}

/** The embedded broker: MQTT 3.1.1 and 5 over TCP, for trying and for tests. Rejects when the port is taken. */
export async function startBroker(options: DevBrokerOptions = {}): Promise<DevBroker> {
  const { host = '127.0.0.1', port = 0, dataDir } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const boundPort = await listen(server, host, port);
  const store = dataDir === undefined ? undefined : new RetainedStore(dataDir);
  const broker = await createAedes(store);
  server.on('connection', (socket) => broker.handle(socket));
  for (const socket of sockets) broker.handle(socket);
  return {
    url: `mqtt://${host}:${boundPort}`,
    port: boundPort,
    close: async () => {
      await closeBroker(broker, server, sockets);
      store?.close();
    },
  };
}

/** With what `store` holds already in place. */
async function createAedes(store: RetainedStore | undefined): Promise<Aedes> {
  const broker: Aedes = await Aedes.createBroker({
    concurrency: 1000,
    maxClientsIdLength: 256,
    authorizePublish: (_client, packet, done) => {
      if (packet.topic.startsWith('$SYS/')) done(new Error('$SYS/ is reserved'));
      // Aedes would publish the last will of everyone it cuts off; a broker that goes down does not.
      else done(broker.closed ? new Error('the broker is closing') : null);
    },
    // Runs before the PUBACK, so that what was acknowledged survives.
    published: (packet, _client, done) => {
      if (packet.retain) store?.put(packet);
      done();
    },
  });
  for (const packet of store?.all() ?? []) await publish(broker, packet);
  return broker;
}

type StoredPacket = Pick<PublishPacket, 'topic' | 'payload' | 'qos'>;

function publish(broker: Aedes, { topic, payload, qos }: StoredPacket): Promise<void> {
  return new Promise((resolve, reject) => {
    const packet: PublishPacket = { cmd: 'publish', topic, payload, qos, retain: true, dup: false };
    broker.publish(packet, (error) => (error ? reject(error) : resolve()));
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function closeBroker(broker: Aedes, server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await new Promise<void>((resolve) => {
    broker.close(() => resolve());
  });
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** One row per topic that holds a retained message. */
class RetainedStore {
  readonly #db: DatabaseSync;

  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.#db = new DatabaseSync(join(dataDir, 'broker.sqlite'));
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    this.#db.exec(
      'CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL)',
    );
  }

  put({ topic, payload, qos }: StoredPacket): void {
    // On its way while the broker was closed: a last will of someone who was cut off, and nobody was told that it is kept.
    if (!this.#db.isOpen) return;
    const bytes = Buffer.from(payload);
    if (bytes.length === 0) {
      this.#db.prepare('DELETE FROM retained WHERE topic = ?').run(topic);
    } else {
      this.#db
        .prepare(
          'INSERT INTO retained VALUES (?, ?, ?) ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload, qos = excluded.qos',
        )
        .run(topic, bytes, qos);
    }
  }

  all(): StoredPacket[] {
    const rows = this.#db.prepare('SELECT topic, payload, qos FROM retained').all();
    return rows.map(({ topic, payload, qos }) => ({
      topic: String(topic),
      payload: Buffer.from(payload as Uint8Array),
      qos: qos === 1 ? 1 : 0,
    }));
  }

  close(): void {
    this.#db.close();
  }
}
