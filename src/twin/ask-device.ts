import type { Logger } from '../base/log.ts';
import type { Broker } from '../mqtt/broker.ts';
import type { Topics } from '../protocol/topics.ts';

interface AskDeps {
  readonly broker: Broker;
  readonly topics: Topics;
  readonly log: Logger;
}

/** Asks a device to send something again. Not awaited, and no failure: whoever asks asks again when nothing comes. */
export function askDevice(
  { broker, topics, log }: AskDeps,
  deviceId: string,
  what: 'reported' | 'schema' | 'state',
): void {
  broker.publish(topics.get(deviceId), what, { retain: false, qos: 1 }).catch((error: unknown) => {
    log.debug({ err: error, deviceId, what }, 'could not ask a device');
  });
}
