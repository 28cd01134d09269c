import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { Aedes } from 'aedes';
import { matchesFilter } from '../../src/broker/retained-reader.ts';

export interface UnmarkingBroker {
  readonly url: string;
  close(): Promise<void>;
}

/** A broker that sends what is stored without RETAIN to who subscribed at QoS 1, as if it were live: so does Moquette 0.17. */
export async function startUnmarkingBroker(): Promise<UnmarkingBroker> {
  /** Client id → filters and their QoS, in the order of the SUBSCRIBEs: what is stored comes because of the last one. */
  const subscriptions = new Map<string, { readonly topic: string; readonly qos: number }[]>();
  const qosOf = (clientId: string, topic: string): number =>
    subscriptions.get(clientId)?.findLast((one) => matchesFilter(topic, one.topic))?.qos ?? 0;
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (client, subscription, done) => {
      subscriptions.set(client.id, [...(subscriptions.get(client.id) ?? []), subscription]);
      done(null, subscription);
    },
    authorizeForward: (client, packet) => {
      if (packet.retain && qosOf(client.id, packet.topic) > 0) packet.retain = false;
      return packet;
    },
  });
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
      await new Promise<void>((resolve) => {
        aedes.close(resolve);
      });
    },
  };
}
