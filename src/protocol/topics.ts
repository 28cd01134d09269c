import { Buffer } from 'node:buffer';
import { DEVICE_ID, MESSAGE_NAME } from '../api/device.ts';
import { DEFAULT_PROTOCOL_LIMITS } from './envelopes.ts';

const DEFAULT_PREFIX = 'mir/v1alpha';

/** What a topic below the prefix says. */
export type ParsedTopic =
  | { readonly kind: 'desired' | 'get' | 'state' | 'heartbeat' | 'schema'; readonly deviceId: string }
  | { readonly kind: 'reported'; readonly deviceId: string; readonly message: string };

/** The topics of one prefix: the only place that spells one. */
export interface Topics {
  readonly prefix: string;
  readonly desired: (deviceId: string) => string;
  readonly get: (deviceId: string) => string;
  readonly reported: (deviceId: string, message: string) => string;
  readonly state: (deviceId: string) => string;
  readonly heartbeat: (deviceId: string) => string;
  readonly schema: (deviceId: string) => string;
  /** What the operator listens to as long as it is connected; each topic matches exactly one. */
  readonly live: readonly LiveFilter[];
  /** One filter that covers the stored state of one device, for a page read. */
  readonly retained: (deviceId: string) => string;
  /**
   * Covers every device's `desired`: shows documents that nobody asked for. Never a proof of absence. Not spelled like the live
   * filter, whose subscription it would replace: `…/desired/#` matches `…/desired` too [MQTT-4.7.1.2] (decision 0005).
   */
  readonly discovery: string;
  /** The same, and births, where `#` does not match the level above it, as with mochi (decision 0055). */
  readonly discoveryByLevel: string;
  /** Where the operator that has `name` stores messages of its own, to see what the broker does with them. No device has this id. */
  readonly probe: (
    name: string,
  ) => Readonly<Record<'prefix' | 'topic' | 'page' | 'parent' | 'marker' | 'markerPage', string>>;
  /** The same for every device's `state`. */
  readonly births: string;
  /** Undefined for a topic that is not of this protocol: another prefix, odd levels, an invalid id or message name, too long. */
  readonly parse: (topic: string) => ParsedTopic | undefined;
  /** The device id below whose `reported` a topic is, whatever the message is called and however long the topic is. */
  readonly reporterOf: (topic: string) => string | undefined;
}

interface LiveFilter {
  readonly filter: string;
  readonly qos: 0 | 1;
}

/** Throws a RangeError naming what is wrong with a prefix that is not exactly two plain levels. */
export function createTopics(prefix = DEFAULT_PREFIX, maxTopicBytes = DEFAULT_PROTOCOL_LIMITS.maxTopicBytes): Topics {
  checkPrefix(prefix);
  const base = `${prefix}/`;
  return {
    prefix,
    desired: (deviceId) => `${base}${deviceId}/desired`,
    get: (deviceId) => `${base}${deviceId}/get`,
    reported: (deviceId, message) => `${base}${deviceId}/reported/${message}`,
    state: (deviceId) => `${base}${deviceId}/state`,
    heartbeat: (deviceId) => `${base}${deviceId}/heartbeat`,
    schema: (deviceId) => `${base}${deviceId}/schema`,
    live: [
      { filter: `${base}+/desired`, qos: 1 },
      { filter: `${base}+/state`, qos: 1 },
      // What is lost here is read back from the store; acknowledging each report costs twice as much as reading it (decision 0025).
      { filter: `${base}+/reported/+`, qos: 0 },
      { filter: `${base}+/schema`, qos: 1 },
      { filter: `${base}+/heartbeat`, qos: 0 },
    ],
    retained: (deviceId) => `${base}${deviceId}/#`,
    discovery: `${base}+/desired/#`,
    discoveryByLevel: `${base}+/+`,
    probe: (name) => ({
      prefix: `${base}mir-operator/${name}/`,
      topic: `${base}mir-operator/${name}/mir.v1.Probe`,
      page: `${base}mir-operator/${name}/#`,
      parent: `${base}+/${name}/mir.v1.Probe/#`,
      marker: `${base}mir-operator/${name}/marker/mir.v1.Marker`,
      markerPage: `${base}mir-operator/${name}/marker/#`,
    }),
    births: `${base}+/state/#`,
    parse: (topic) => parseTopic(topic, base, maxTopicBytes),
    reporterOf: (topic) => reporterOf(topic, base),
  };
}

/** On the path of every message that arrives: two searches, two slices, and no array. */
function parseTopic(topic: string, base: string, maxTopicBytes: number): ParsedTopic | undefined {
  // Ids and names are ASCII, so for every topic that passes the checks below characters are bytes.
  if (topic.length > maxTopicBytes || !topic.startsWith(base)) return undefined;
  const idEnd = topic.indexOf('/', base.length);
  if (idEnd < 0) return undefined;
  const deviceId = topic.slice(base.length, idEnd);
  if (!DEVICE_ID.test(deviceId)) return undefined;
  const rest = topic.slice(idEnd + 1);
  switch (rest) {
    case 'heartbeat':
    case 'state':
    case 'desired':
    case 'schema':
    case 'get':
      return { kind: rest, deviceId };
    default:
      return parseReported(rest, deviceId);
  }
}

const REPORTED = 'reported/';

function parseReported(rest: string, deviceId: string): ParsedTopic | undefined {
  if (!rest.startsWith(REPORTED)) return undefined;
  const message = rest.slice(REPORTED.length);
  return isMessageName(message) ? { kind: 'reported', deviceId, message } : undefined;
}

function reporterOf(topic: string, base: string): string | undefined {
  if (!topic.startsWith(base)) return undefined;
  const idEnd = topic.indexOf('/', base.length);
  const deviceId = topic.slice(base.length, Math.max(idEnd, base.length));
  return DEVICE_ID.test(deviceId) && topic.startsWith(REPORTED, idEnd + 1) ? deviceId : undefined;
}

/** True for a protobuf full name that is not one of the properties every object inherits (`toString`). */
export function isMessageName(name: string): boolean {
  return (
    name.length <= MAX_MESSAGE_NAME &&
    MESSAGE_NAME.test(name) &&
    !FORBIDDEN_NAMES.has(name) &&
    !(name in Object.prototype)
  );
}

/** Characters of a message name in a document; in a topic the limit on the whole topic comes first. */
const MAX_MESSAGE_NAME = 256;

/** Names that reach into the prototype of an object; refused wherever a name comes from outside. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** What is wrong with a topic prefix, in words that follow it; undefined for one of two plain levels. The one rule there is for it. */
export function prefixFault(prefix: string): string | undefined {
  const levels = prefix.split('/');
  if (levels.length !== 2) return `must have exactly two levels, as in ${DEFAULT_PREFIX}`;
  if (prefix.startsWith('$') || !levels.every((level) => PREFIX_LEVEL.test(level))) {
    return 'must have no empty levels, wildcards, spaces, control or invisible characters, and not begin with $';
  }
  return undefined;
}

/** Bytes of the shortest topic of a report below `prefix`: a smaller limit on topics shuts everything out. */
export const leastTopicBytes = (prefix: string): number => Buffer.byteLength(`${prefix}/x/reported/y`);

function checkPrefix(prefix: string): void {
  const fault = prefixFault(prefix);
  if (fault !== undefined) throw new RangeError(`topic prefix ${quotedVisibly(prefix)} ${fault}`);
}

/** As JSON, with every character that nobody would see as its escape (`"a\u200bb"`). */
export function quotedVisibly(value: unknown): string {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replaceAll(/\p{C}/gu, (character) => character.split('').map(escape).join(''));
}

/**
 * One level of characters that people see and every broker takes: no wildcard and no white space, and nothing of category C (control,
 * format such as U+200B and U+FEFF, surrogate, private, unassigned such as U+FFFF), which brokers may answer by closing [MQTT-1.5.4-2].
 */
const PREFIX_LEVEL = /^[^\s/+#\p{C}]+$/u;
