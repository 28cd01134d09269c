import type { Buffer } from 'node:buffer';
import { connectAsync } from 'mqtt';
import { brokerAddress } from '../../base/broker-url.ts';
import { pemOptions } from '../../sdk/connection.ts';
import type { BrokerOptions } from '../../sdk/index.ts';

/** Publishes what it is given, retained, as a client of its own. False when the broker would not have it: then nothing was replayed. */
export async function replay(
  { url, protocolVersion = 5, username, password, tls }: BrokerOptions,
  clientId: string,
  packets: ReadonlyMap<string, Buffer>,
): Promise<boolean> {
  try {
    const client = await connectAsync(
      '',
      {
        ...brokerAddress(url),
        protocolVersion,
        clientId,
        reconnectPeriod: 0,
        connectTimeout: 10_000,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...pemOptions(tls),
      },
      false,
    );
    try {
      for (const [topic, payload] of packets) await client.publishAsync(topic, payload, { qos: 1, retain: true });
    } finally {
      await client.endAsync(true);
    }
    return true;
  } catch {
    return false;
  }
}
