import { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import { encodeDesired } from '../protocol/desired-document.ts';
import { PROTOCOL_VERSION } from '../protocol/envelopes.ts';
import type { Encoding, Owner } from '../protocol/envelopes.ts';
import { encodeDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
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

/** Encodes a value that has passed the schema. Throws when that fails, which would be a defect of the operator. */
export function encodeContent(value: JsonObject, message: string, { encoding, schema }: Wire): Content {
  if (encoding === 'json') return value;
  const encoded = schema?.message(message)?.encode(value);
  if (encoded?.ok !== true) throw new Error(`${message} passed the schema and cannot be encoded`);
  return encoded.value;
}

/** The content of a document in the encoding of `wire`; unchanged when it has that encoding. Undefined: it cannot be converted. */
export function reencode(content: Content, message: string, { encoding, schema }: Wire): Content | undefined {
  const isBinary = content instanceof Uint8Array;
  if (isBinary === (encoding === 'protobuf')) return content;
  const type = schema?.message(message);
  const rewritten = isBinary ? type?.decode(content) : type?.encode(content);
  return rewritten?.ok === true ? rewritten.value : undefined;
}

function asBytes(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content;
  throw new Error('JSON in a protobuf document');
}

function asJson(content: Content): JsonObject {
  if (content instanceof Uint8Array) throw new Error('protobuf in a JSON document');
  return content;
}
