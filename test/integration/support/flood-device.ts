/** A process that is one hostile device: `node flood-device.ts <port> <device id> <kind> <milliseconds> <schema file>`. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connectPacket, publishPacket } from '../../bench/mqtt-wire.ts';
import { FLOODS } from './flood-kinds.ts';

const TICK_MS = 5;
const [port = '', deviceId = '', name = '', durationMs = '', schemaFile = ''] = process.argv.slice(2);
const kind = FLOODS[name];
if (kind === undefined) throw new Error(`there is no flood of ${name}`);
const schema = readFileSync(schemaFile);

const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
await once(socket, 'connect');
socket.write(connectPacket(deviceId));
await once(socket, 'data');
socket.resume();
const startedAt = performance.now();
let sent = 0;
while (performance.now() - startedAt < Number(durationMs)) {
  const due = Math.floor(((performance.now() - startedAt) / 1000) * kind.perSecond);
  const batch: Buffer[] = [];
  for (; sent < due; sent += 1) {
    const { suffix, payload, retain = false } = kind.message(sent, schema);
    const topic = `mir/v1alpha/${deviceId}/${suffix}`;
    batch.push(publishPacket({ topic, payload: Buffer.from(payload), qos: 0, retain, packetId: 1 }));
  }
  if (batch.length > 0 && !socket.write(Buffer.concat(batch))) await once(socket, 'drain');
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
socket.end();
process.stdout.write(`${sent}\n`);
