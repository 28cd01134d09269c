import { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import { encodeDesired } from '../protocol/desired-document.ts';
import { PROTOCOL_VERSION } from '../protocol/envelopes.ts';
import type { Encoding, Owner } from '../protocol/envelopes.ts';
import { encodeDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { checkDesired } from './check-desired.ts';
import type { Content } from './standing.ts';

/** How the device wants its document; protobuf needs the schema. */
export interface Wire {
  readonly encoding: Encoding;
  readonly schema: DeviceSchema | undefined;
}

export interface DocumentParts {
  readonly owner: Owner;
  readonly disabled: boolean;
  readonly entries: readonly {
    readonly message: string;
    readonly revision: number;
    readonly time: string;
    /** JSON in a JSON document, bytes in a protobuf one. */
    readonly content: Content;
  }[];
}

/** The document for the wire: the same bytes for the same parts, whatever their order. */
export function encodeDocument({ owner, disabled, entries }: DocumentParts, encoding: Encoding): Buffer {
  if (encoding === 'protobuf') return encodeDesiredProtobuf({ owner, disabled, messages: entriesOf(entries, asBytes) });
  const messages = entriesOf(entries, asJson);
  return Buffer.from(encodeDesired({ version: PROTOCOL_VERSION, owner, disabled, messages }));
}

function entriesOf<T>(
  entries: DocumentParts['entries'],
  as: (content: Content) => T,
): Record<string, { revision: number; time: string; value: T }> {
  return Object.fromEntries(
    entries.map(({ message, revision, time, content }) => [message, { revision, time, value: as(content) }]),
  );
}

/** What was checked against the schema can be encoded by it; anything else is a defect here, and said. */
export function encodeContent(value: JsonObject, message: string, { encoding, schema }: Wire): Content {
  if (encoding === 'json') return value;
  const encoded = schema?.message(message)?.encode(value);
  if (encoded?.ok !== true) throw new Error(`${message} passed the schema and cannot be encoded`);
  return encoded.value;
}

/** What stands in a document, for one in whichever encoding; undefined when it fits the schema no better than what is to replace it. */
export function fittingContent(content: Content, message: string, wire: Wire): Content | undefined {
  const decoded = content instanceof Uint8Array ? wire.schema?.message(message)?.decode(content) : undefined;
  const value = content instanceof Uint8Array ? (decoded?.ok === true ? decoded.value : undefined) : content;
  const fitting = value === undefined ? undefined : checkDesired({ [message]: value }, wire.schema).values[message];
  if (fitting === undefined) return undefined;
  const isAsWanted = content instanceof Uint8Array === (wire.encoding === 'protobuf');
  return isAsWanted ? content : encodeContent(fitting, message, wire);
}

function asBytes(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content;
  throw new Error('JSON in a protobuf document');
}

function asJson(content: Content): JsonObject {
  if (content instanceof Uint8Array) throw new Error('protobuf in a JSON document');
  return content;
}
