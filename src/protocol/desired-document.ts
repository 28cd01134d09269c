import type { Buffer } from 'node:buffer';
import { canonicalJson } from './canonical.ts';
import type { DesiredDocument, DesiredEntry, Owner } from './envelopes.ts';
import { PROTOCOL_VERSION } from './envelopes.ts';
import type { Fields } from './fields.ts';
import { readEnvelope } from './fields.ts';
import type { JsonLimits, Parsed } from './json.ts';
import { isMessageName } from './topics.ts';

/** The document for the wire: names sorted, so that the same content is always the same string. */
export function encodeDesired(document: DesiredDocument): string {
  const { owner, disabled } = document;
  const messages = Object.entries(document.messages)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([message, entry]) => `"${message}":${encodeEntry(entry)}`);
  const who = JSON.stringify({ cluster: owner.cluster, namespace: owner.namespace, name: owner.name, uid: owner.uid });
  return `{"version":${PROTOCOL_VERSION},"owner":${who},"disabled":${disabled},"messages":{${messages.join(',')}}}`;
}

function encodeEntry({ revision, time, value }: DesiredEntry): string {
  return `{"revision":${revision},"time":${JSON.stringify(time)},"value":${canonicalJson(value)}}`;
}

/** Reads a desired document: the operator the broker's copy, a device its own. Strict: one bad entry refuses the whole. */
export function parseDesired(payload: Buffer, limits: JsonLimits): Parsed<DesiredDocument> {
  return readEnvelope(payload, limits, (fields) => ({
    version: PROTOCOL_VERSION,
    owner: readOwner(fields.within('owner')),
    disabled: fields.boolean('disabled') ?? false,
    messages: readMessages(fields.within('messages')),
  }));
}

function readOwner(fields: Fields): Owner {
  const text = (field: string): string => fields.required(field, fields.text(field, MAX_OWNER_TEXT), 'a string');
  return { cluster: text('cluster'), namespace: text('namespace'), name: text('name'), uid: text('uid') };
}

/** Names of Kubernetes objects have at most 253 characters, uids 36. */
const MAX_OWNER_TEXT = 253;

function readMessages(fields: Fields): Record<string, DesiredEntry> {
  const messages: Record<string, DesiredEntry> = {};
  for (const message of fields.names()) {
    if (!isMessageName(message)) fields.refuse(message, 'a message name as key', 'InvalidMessageName');
    messages[message] = readEntry(fields.within(message));
  }
  return messages;
}

function readEntry(fields: Fields): DesiredEntry {
  return {
    revision: fields.required('revision', fields.revision('revision'), 'a whole number ≥ 1'),
    time: fields.text('time', MAX_TIME_TEXT) ?? '',
    value: fields.required('value', fields.object('value'), 'an object'),
  };
}

const MAX_TIME_TEXT = 64;
