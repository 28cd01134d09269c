import type { MqttClient } from 'mqtt';
import { BrokerError } from '../broker/broker.ts';
import type { RefusedFilters } from '../broker/broker.ts';
import type { BrokerName } from './failure.ts';
import { refusal } from './failure.ts';

export interface SubscribeOptions {
  readonly qos: 0 | 1;
  /** MQTT 5: do not send back what this client publishes. */
  readonly noLocal: boolean;
  /** MQTT 5: 0 sends stored state on subscribe, 2 does not. */
  readonly retainHandling: 0 | 2;
}

/** SUBSCRIBE in one packet; resolves at the SUBACK with the filters that it refuses. */
export function subscribe(
  client: MqttClient,
  filters: readonly string[],
  options: SubscribeOptions,
  broker: BrokerName,
): Promise<RefusedFilters> {
  const { qos, noLocal: nl, retainHandling: rh } = options;
  const request = client.options.protocolVersion === 5 ? { qos, nl, rh } : { qos };
  return new Promise((resolve, reject) => {
    client.subscribe([...filters], request, (error, _subscriptions, suback) => {
      const refused = refusedFilters(filters, grantedCodes(suback), broker);
      if (error === null || refused.size > 0) resolve(refused);
      else reject(cut('SUBSCRIBE', error));
    });
  });
}

function refusedFilters(filters: readonly string[], codes: readonly number[], broker: BrokerName): RefusedFilters {
  const refused = filters
    .map((filter, at): [string, number] => [filter, codes[at] ?? 0])
    .filter(([, code]) => code >= 0x80);
  return new Map(refused.map(([filter, code]) => [filter, refusal(`the subscription to ${filter}`, code, broker)]));
}

function grantedCodes(suback: unknown): readonly number[] {
  if (typeof suback !== 'object' || suback === null || !('granted' in suback)) return [];
  return Array.isArray(suback.granted) ? suback.granted.filter((code) => typeof code === 'number') : [];
}

/** UNSUBSCRIBE in one packet; resolves at the UNSUBACK. */
export function unsubscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    client.unsubscribe([...filters], (error) => {
      if (error === undefined || error === null) resolve();
      else reject(cut('UNSUBSCRIBE', error));
    });
  });
}

const cut = (packet: string, cause: Error): BrokerError =>
  new BrokerError('transient', `${packet} was cut: ${cause.message}`, { cause });
