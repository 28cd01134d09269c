import type { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import { parseDesired } from '../protocol/desired-document.ts';
import { DEFAULT_PROTOCOL_LIMITS, PROTOCOL_VERSION } from '../protocol/envelopes.ts';
import type { DesiredDocument, DesiredEntry, Encoding, ReportedEnvelope } from '../protocol/envelopes.ts';
import { flawOf } from '../protocol/flaw.ts';
import type { JsonLimits, Parsed } from '../protocol/json.ts';
import { encodeReportedProtobuf, isProtobuf, parseDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import { encodeReported } from '../protocol/reported-envelope.ts';
import type { Checked, DeviceSchema, MessageType } from '../schema/device-schema.ts';
import { loadSchema } from '../schema/load-schema.ts';
import type { SchemaOptions } from './options.ts';

/** A desired document as a device reads it. Entries that its schema cannot read are not among its messages. */
export interface ReadDocument extends DesiredDocument {
  readonly refused?: Readonly<Record<string, RefusedEntry>>;
}

export interface RefusedEntry {
  readonly uid: string;
  readonly revision: number;
  readonly reason: string;
}

/** How desired documents and reports are written on the wire, and what they mean; `state` is JSON always. */
export interface DeviceCodec {
  /** Announced in the birth. */
  readonly encoding: Encoding;
  /** Takes both encodings: JSON is what a device gets before its first birth. */
  parseDesired(payload: Buffer, limits: JsonLimits): Parsed<ReadDocument>;
  /** The value as it is kept and sent, or why it cannot be. */
  checkReport(message: string, value: JsonObject): Checked<JsonObject>;
  encodeReported(message: string, envelope: ReportedEnvelope): string | Buffer;
}

/** The codec of a device with this schema; without one, messages are plain JSON. Throws TypeError for what cannot be used. */
export function codecOf(schema?: SchemaOptions): DeviceCodec {
  if (schema === undefined) return jsonCodec;
  const loaded = loadSchema(schema.descriptorSet);
  if (!loaded.ok) throw new TypeError(`schema.descriptorSet cannot be used: ${loaded.message} (${loaded.reason})`);
  return typedCodec(loaded.schema, schema.encoding ?? 'json');
}

/** Messages are plain JSON, whatever is in them. */
const jsonCodec: DeviceCodec = {
  encoding: 'json',
  parseDesired(payload, limits) {
    const parsed = parseDesired(payload, limits);
    return parsed.ok ? readEntries(parsed.value, (_, value) => checkPlain(value)) : parsed;
  },
  checkReport: (_, value) => checkPlain(value),
  encodeReported: (_, envelope) => encodeReported(envelope),
};

/** A number that would become another one or none is told, in place of being sent or applied as something else. */
function checkPlain(value: JsonObject): Checked<JsonObject> {
  const flaw = flawOf(value, { maxNesting: DEFAULT_PROTOCOL_LIMITS.maxNesting });
  return flaw === undefined ? { ok: true, value } : { ok: false, path: '', message: flaw };
}

/** Messages are those of a schema: values come out as canonical proto3 JSON with defaults, and reports go out so. */
function typedCodec(schema: DeviceSchema, encoding: Encoding): DeviceCodec {
  return {
    encoding,
    parseDesired: (payload, limits) =>
      isProtobuf(payload) ? readBinary(payload, limits, schema) : readText(payload, limits, schema),
    checkReport: (message, value) => {
      const type = schema.message(message);
      if (type !== undefined) return type.canonicalize(value, { defaults: true });
      if (encoding === 'json') return checkPlain(value);
      return { ok: false, path: '', message: "is not in this device's schema, and cannot be sent as protobuf" };
    },
    encodeReported: (message, envelope) => encodeTyped(envelope, schema.message(message), encoding),
  };
}

function readText(payload: Buffer, limits: JsonLimits, schema: DeviceSchema): Parsed<ReadDocument> {
  const parsed = parseDesired(payload, limits);
  return parsed.ok
    ? readEntries(parsed.value, (name, value) => {
        return schema.message(name)?.canonicalize(value, { defaults: true }) ?? NOT_IN_SCHEMA;
      })
    : parsed;
}

function readBinary(payload: Buffer, limits: JsonLimits, schema: DeviceSchema): Parsed<ReadDocument> {
  const parsed = parseDesiredProtobuf(payload, limits);
  return parsed.ok
    ? readEntries(parsed.value, (name, value) => schema.message(name)?.decode(value) ?? NOT_IN_SCHEMA)
    : parsed;
}

/** One entry that cannot be read is refused with a reason, and takes nothing else with it. */
function readEntries<V>(
  {
    owner,
    disabled,
    messages,
  }: Pick<DesiredDocument, 'owner' | 'disabled'> & {
    readonly messages: Readonly<Record<string, Omit<DesiredEntry, 'value'> & { readonly value: V }>>;
  },
  read: (name: string, value: V) => Checked<JsonObject>,
): Parsed<ReadDocument> {
  const entries: Record<string, DesiredEntry> = {};
  const refused: Record<string, RefusedEntry> = {};
  for (const [name, { revision, time, value }] of Object.entries(messages)) {
    const found = read(name, value);
    if (found.ok) entries[name] = { revision, time, value: found.value };
    else refused[name] = { uid: owner.uid, revision, reason: `${found.path} ${found.message}`.trim() };
  }
  return { ok: true, value: { version: PROTOCOL_VERSION, owner, disabled, messages: entries, refused } };
}

const NOT_IN_SCHEMA = { ok: false, path: '', message: "is not in this device's schema" } as const;

/** A value of an earlier firmware that the schema cannot write goes out as the JSON it is. */
function encodeTyped(envelope: ReportedEnvelope, type: MessageType | undefined, encoding: Encoding): string | Buffer {
  const { value, ...decision } = envelope;
  if (encoding === 'json') return encodeReported(envelope);
  if (value === undefined) return encodeReportedProtobuf(decision);
  const encoded = type?.encode(value);
  return encoded?.ok === true
    ? encodeReportedProtobuf({ ...decision, value: encoded.value })
    : encodeReported(envelope);
}
