/** A process that plays many devices over one raw connection: sends what it is ordered and tells when the broker has it all. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { REPORTED_MESSAGE, TWO_MESSAGES, deviceIdOf } from './load-order.ts';
import type { LoadAnswer, LoadOrder } from './load-order.ts';
import { AnswerCounter, PING, connectPacket, publishPacket } from './mqtt-wire.ts';

/** QoS 1 messages without PUBACK. */
const WINDOW = 2000;
const TICK_MS = 5;

process.on('message', (order: LoadOrder) => {
  void send(order).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());

async function send(order: LoadOrder): Promise<LoadAnswer> {
  const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(connectPacket(`load-${process.pid}-${Date.now()}`));
  await once(socket, 'data');
  const startedAt = performance.now();
  await publishAll(socket, order, startedAt);
  const seconds = (performance.now() - startedAt) / 1000;
  socket.destroy();
  return { seconds };
}

async function publishAll(socket: Socket, order: LoadOrder, startedAt: number): Promise<void> {
  const answers = new AnswerCounter();
  const qos = order.kind === 'heartbeat' ? 0 : 1;
  const done = Promise.withResolvers<void>();
  let sent = 0;
  const pump = (): void => {
    const due = order.perSecond === 0 ? order.messages : ((performance.now() - startedAt) / 1000) * order.perSecond;
    const free = qos === 0 ? order.messages : answers.pubacks + WINDOW;
    const until = Math.min(order.messages, Math.floor(due), free);
    const batch: Buffer[] = [];
    for (; sent < until; sent += 1) batch.push(messageOf(order, sent, qos));
    if (batch.length > 0) socket.write(Buffer.concat(batch));
    if (sent < order.messages) return;
    clearInterval(timer);
    if (batch.length > 0) socket.write(PING);
    if (answers.pings > 0 && (qos === 0 || answers.pubacks >= order.messages)) done.resolve();
  };
  const timer = setInterval(pump, TICK_MS);
  socket.on('data', (chunk: Buffer) => {
    answers.feed(chunk);
    if (order.perSecond === 0 || sent >= order.messages) pump();
  });
  socket.once('close', () => done.reject(new Error('the broker closed the connection of the load generator')));
  pump();
  await done.promise;
}

function messageOf(order: LoadOrder, sequence: number, qos: 0 | 1): Buffer {
  const deviceId = deviceIdOf(sequence % order.devices);
  const [suffix, payload] = contentOf(order, sequence, deviceId);
  return publishPacket({
    topic: `${kindPrefix(order.kind)}/${deviceId}/${suffix}`,
    payload: Buffer.from(payload),
    qos,
    retain: qos === 1,
    packetId: (sequence % 65_535) + 1,
  });
}

const kindPrefix = (kind: LoadOrder['kind']): string => (kind === 'unread' ? 'floor' : 'mir/v1alpha');

function contentOf(
  { kind, devices }: LoadOrder,
  sequence: number,
  deviceId: string,
): [suffix: string, payload: string] {
  const session = `session-${deviceId}`;
  switch (kind) {
    case 'birth':
      return ['state', JSON.stringify({ version: 1, online: true, session, heartbeat: 600 })];
    case 'flap': {
      const online = Math.floor(sequence / devices) % 2 === 1;
      return ['state', JSON.stringify({ version: 1, online, session, ...(online && { heartbeat: 600 }) })];
    }
    case 'answer': {
      const messages = Object.entries(TWO_MESSAGES);
      const [name, value] = messages[Math.floor(sequence / devices) % messages.length] ?? [];
      return [`reported/${name}`, JSON.stringify({ value })];
    }
    case 'report':
    case 'unread':
      return [`reported/${REPORTED_MESSAGE}`, `{"value":{"sequence":${sequence},"celsius":21.5}}`];
    case 'heartbeat':
      return ['heartbeat', ''];
  }
}
