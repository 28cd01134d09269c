/** The process behind `wires.ts`: proxies that nothing else delays, and the times at which documents pass them. */
import { Framer, PUBLISH, readLevel, readPublish, typeOf, CONNECT } from '../../src/simulator/line/packets.ts';
import { startTcpProxy } from '../world/tcp-proxy.ts';
import type { Tap, TcpProxy } from '../world/tcp-proxy.ts';
import type { PassedPublish, WireAnswer, WireRequest } from './wires.ts';

const proxies: TcpProxy[] = [];
const publishes: PassedPublish[] = [];

async function act(request: WireRequest): Promise<unknown> {
  if (request.verb === 'publishes') return publishes;
  if (request.verb === 'open') {
    const { by } = request;
    const proxy = await startTcpProxy(request.targetPort, by === undefined ? undefined : () => tapDocuments(by));
    return { wire: proxies.push(proxy) - 1, port: proxy.port };
  }
  const { wire, verb } = request;
  return proxies[wire]?.[verb]();
}

/** Reads the MQTT packets of one connection, and notes the documents among them. */
function tapDocuments(by: string): Tap {
  const framer = new Framer();
  let level = 5;
  return (bytes) => {
    for (const packet of framer.feed(bytes)) {
      if (typeOf(packet) === CONNECT) level = readLevel(packet);
      if (typeOf(packet) !== PUBLISH) continue;
      const { topic } = readPublish(packet, level);
      if (topic.endsWith('/desired')) publishes.push({ at: Date.now(), by, what: topic });
    }
  };
}

process.on('message', (request: WireRequest & { readonly id: number }) => {
  const answer = (rest: Omit<WireAnswer, 'id'>): void => void process.send?.({ id: request.id, ...rest });
  act(request).then(
    (value) => answer({ value }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
