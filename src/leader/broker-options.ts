import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../config/load.ts';
import type { LeaseTerm } from '../kube/lease.ts';
import type { BrokerCredentials, BrokerOptions } from '../mqtt/options.ts';
import { createTopics } from '../protocol/topics.ts';
import { DEFAULT_SCHEMA_LIMITS } from '../schema/schema-limits.ts';

/** The same for every replica of an installation, so that a new leader's CONNECT cuts the former one off. */
export function brokerClientId(config: Config, cluster: string, installation: string): string {
  if (config.mqttClientId !== undefined) return config.mqttClientId;
  const hash = createHash('sha256').update(`${cluster}/${installation}/${config.topicPrefix}`).digest('hex');
  return `mir-operator-${hash.slice(0, 8)}`;
}

export function brokerOptions(
  config: Config,
  clientId: string,
  lease: Pick<LeaseTerm, 'renewNow' | 'isHeld'>,
): BrokerOptions {
  const topics = createTopics(config.topicPrefix, config.maxTopicBytes);
  return {
    url: config.mqttUrl,
    clientId,
    protocolVersion: config.mqttProtocolVersion,
    credentials: () => readCredentials(config),
    probe: topics.probe(clientId),
    live: topics.live,
    tuning: { pageConcurrency: config.pageConcurrency, keepaliveSeconds: 5, maxPacketBytes: maxPacketBytes(config) },
    fence: { beforeReconnect: () => lease.renewNow(), mayPublish: () => lease.isHeld() },
  };
}

/** Read at every connect: files are replaced while the operator runs. */
function readCredentials(config: Config): BrokerCredentials {
  const password =
    config.mqttPasswordFile === undefined
      ? config.mqttPassword
      : readText(config.mqttPasswordFile).replace(/\r?\n$/, '');
  return {
    ...(config.mqttUsername === undefined ? {} : { username: config.mqttUsername }),
    ...(password === undefined ? {} : { password }),
    ...(config.mqttCaFile === undefined ? {} : { ca: readText(config.mqttCaFile) }),
    ...(config.mqttCertFile === undefined ? {} : { cert: readText(config.mqttCertFile) }),
    ...(config.mqttKeyFile === undefined ? {} : { key: readText(config.mqttKeyFile) }),
  };
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** What a packet holds in addition to its payload: a topic, and properties that somebody may have added. */
const PACKET_HEAD_BYTES = 4096;

/** Bytes of the largest packet that may hold something of use: a document, a report or a schema. */
function maxPacketBytes({ maxDocumentBytes }: Config): number {
  return Math.max(maxDocumentBytes, DEFAULT_SCHEMA_LIMITS.maxBytes) + PACKET_HEAD_BYTES;
}
