import { Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import type { JsonValue } from '../../api/device.ts';
import { canonicalJson } from '../../protocol/canonical.ts';
import type { DesiredEntry } from '../../protocol/envelopes.ts';
import { encodeDesired } from '../../protocol/desired-document.ts';
import { isProtobuf } from '../../protocol/protobuf-envelopes.ts';
import { createTopics } from '../../protocol/topics.ts';

/** One message that the cloud saw; `json` is undefined for an empty payload and for protobuf. */
interface Seen {
  /** `state`, `heartbeat`, `reported/<message>`, … */
  readonly on: string;
  readonly json: Readonly<Record<string, unknown>> | undefined;
  readonly payload: Buffer;
  readonly isRetained: boolean;
}

/** Plays the operator for one device in tests: publishes what is desired, remembers what the device says. */
export interface Cloud {
  desire(messages: Record<string, DesiredEntry>, more?: { uid?: string; disabled?: boolean }): Promise<void>;
  /** Publishes anything below the device's topic. */
  publish(on: string, payload: string | Buffer, retain?: boolean): Promise<void>;
  /** The next message on `on` (after the last one found) that has all of `fields`; waits for it. */
  next(on: string, fields?: Readonly<Record<string, unknown>>): Promise<Seen>;
  /** Everything seen so far, oldest first. */
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

/** `desired entry`: revision and value, at a time that devices must not care for. */
export const entry = (revision: number, value: DesiredEntry['value']): DesiredEntry => ({
  revision,
  value,
  time: '1970-01-01T00:00:00Z',
});

export async function connectCloud(url: string, deviceId: string): Promise<Cloud> {
  const topics = createTopics();
  const base = topics.state(deviceId).slice(0, -'state'.length);
  const client = await connectAsync(url, { protocolVersion: 5, clientId: `cloud-${deviceId}` });
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  const seen: Seen[] = [];
  let position = 0;
  let wake = (): void => {};
  client.on('message', (topic, payload, { retain }) => {
    const isJson = payload.length > 0 && !isProtobuf(payload) && topic !== `${base}schema`;
    const json = isJson ? (JSON.parse(payload.toString()) as Seen['json']) : undefined;
    seen.push({ on: topic.slice(base.length), json, payload, isRetained: retain });
    wake();
  });
  await client.subscribeAsync([`${base}state`, `${base}heartbeat`, `${base}schema`, `${base}reported/+`], { qos: 1 });
  const publish = async (on: string, payload: string | Buffer, retain = false): Promise<void> => {
    await client.publishAsync(base + on, payload, { qos: 1, retain });
  };
  return {
    seen,
    publish,
    desire(messages, { uid = 'uid-1', disabled = false } = {}) {
      const owner = { cluster: 'c', namespace: 'n', name: deviceId, uid };
      return publish('desired', encodeDesired({ version: 1, owner, disabled, messages }), true);
    },
    async next(on, fields = {}) {
      for (;;) {
        const at = seen.findIndex((message, index) => index >= position && message.on === on && has(message, fields));
        const found = seen[at];
        if (found !== undefined) {
          position = at + 1;
          return found;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: () => client.endAsync(true),
  };
}

function has(message: Seen, fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([name, value]) => textOf(message.json?.[name]) === textOf(value));
}

const textOf = (value: unknown): string => canonicalJson((value ?? null) as JsonValue);
