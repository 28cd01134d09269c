/** TLS and credentials, in front of the embedded broker, which has neither. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { Server } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createAuthority } from '../../test/real/certificates.ts';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { createDevice } from './index.ts';
import type { BrokerOptions, Device, DeviceCredentials, DeviceEvent } from './index.ts';
import { briskOptions } from './testing/brisk-options.ts';

let broker: DevBroker;
let server: Server;
let ca: string;
let sent: Buffer[];
const devices: Device[] = [];

beforeEach(async () => {
  const authority = await createAuthority('device-ca');
  const { certPem, keyPem } = await authority.issueServer('broker');
  ca = authority.certPem;
  broker = await startBroker();
  sent = [];
  server = createServer({ cert: certPem, key: keyPem }, (socket) => {
    const upstream = connect(broker.port, '127.0.0.1');
    socket.on('data', (chunk) => sent.push(chunk));
    socket.pipe(upstream).pipe(socket);
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.destroy();
  server.close();
  await broker.close();
});

function firstEvent(broker: Partial<BrokerOptions>): Promise<DeviceEvent> {
  return new Promise((resolve) => {
    const url = `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const device = createDevice(briskOptions(url, { broker, onEvent: resolve }));
    devices.push(device);
    void device.connect();
  });
}

describe('a device behind TLS', () => {
  it('comes online with the broker’s authority, with its id as user name', async () => {
    expect(await firstEvent({ tls: { ca }, password: 'pass-word' })).toMatchObject({ kind: 'online' });
    const said = Buffer.concat(sent).toString('latin1');
    expect(said).toContain('\u0002d1\u0000\u0009pass-word');
  });

  it('does not speak to a broker whose certificate nobody vouches for, and says why', async () => {
    expect(await firstEvent({ password: 'pass-word' })).toMatchObject({
      kind: 'offline',
      reason: expect.stringMatching(/has a certificate that is not trusted; check broker\.tls\.ca$/),
    });
    expect(sent).toEqual([]);
  });

  it('asks for its credentials at every connect, and says what is wrong with them until they are mended', async () => {
    const told: DeviceEvent[] = [];
    const steps: (() => DeviceCredentials)[] = [
      () => {
        throw new Error('no such file');
      },
      () => ({ tls: { ca: 'no PEM', cert: 'no PEM', key: 'no PEM' } }),
      () => ({ password: 'pass-word' }),
      () => ({ tls: { ca }, password: 'pass-word' }),
    ];
    const online = Promise.withResolvers<void>();
    const onEvent = (event: DeviceEvent): void => {
      told.push(event);
      if (event.kind === 'online') online.resolve();
    };
    const credentials = (): DeviceCredentials => steps.shift()?.() ?? { tls: { ca } };
    const url = `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const device = createDevice(briskOptions(url, { broker: { credentials }, onEvent }));
    devices.push(device);
    await device.connect();
    await online.promise;
    expect(told.map((event) => (event.kind === 'offline' ? event.reason : event.kind))).toEqual([
      'no credentials for the broker: no such file; check what broker.credentials reads',
      expect.stringMatching(/cannot be connected to with these certificates; check broker\.tls$/),
      expect.stringMatching(/has a certificate that is not trusted; check broker\.tls\.ca$/),
      'online',
    ]);
  });
});
