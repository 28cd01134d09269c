import { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import type { BadInputReason } from '../api/bad-input.ts';
import { canonicalJson } from '../protocol/canonical.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import { flawOf } from '../protocol/flaw.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import type { ReceivedEnvelope } from '../twin/inbox.ts';

export interface TypedReport {
  readonly envelope: ReportedEnvelope;
  /** Why the value was left out. The device's decision counts all the same (decision 0023). */
  readonly problem?: ReportProblem;
}

export interface ReportProblem {
  readonly reason: BadInputReason;
  readonly message: string;
}

/**
 * Reads a report's value by the device's schema, into canonical JSON with defaults; without a schema JSON stays as it is. What comes of
 * a few bytes may be long, by defaults and by `1e20`: what counts is what is written, and more than `maxBytes` is not taken.
 */
export function typeReport(
  name: string,
  received: ReceivedEnvelope,
  schema: DeviceSchema | undefined,
  maxBytes: number,
): TypedReport {
  const { value, ...decision } = received;
  if (value === undefined) return { envelope: decision };
  const typed = typeValue(name, value, schema, maxBytes);
  return 'reason' in typed ? { envelope: decision, problem: typed } : { envelope: { ...decision, value: typed.value } };
}

type Typed = { readonly value: JsonObject } | ReportProblem;

function typeValue(
  name: string,
  value: JsonObject | Uint8Array,
  schema: DeviceSchema | undefined,
  maxBytes: number,
): Typed {
  const type = schema?.message(name);
  if (type === undefined) {
    // A report that does not fit the schema is still true of the device, as long as it can be read.
    if (!isBytes(value)) return takePlain(value, maxBytes);
    if (schema === undefined)
      return { reason: 'UnsupportedEncoding', message: 'the value is protobuf, and no schema of the device is known' };
    return {
      reason: 'UnknownMessage',
      message: "the value is protobuf, and the message is not in the device's schema",
    };
  }
  const checked = isBytes(value) ? type.decode(value) : type.canonicalize(value, { defaults: true });
  if (checked.ok) return limitValue(checked.value, maxBytes);
  const { path, message, isBroken = false } = checked;
  if (isBroken) return { reason: 'InvalidProtobuf', message: `${path === '' ? 'the value' : path} ${message}` };
  return { reason: 'InvalidValue', message: `${path} ${message}`.trim() };
}

/** The door let long whole numbers pass, because a schema might have said what they are. */
function takePlain(value: JsonObject, maxBytes: number): Typed {
  const flaw = flawOf(value, { maxNesting: Number.POSITIVE_INFINITY });
  return flaw === undefined ? limitValue(value, maxBytes) : { reason: 'InvalidValue', message: flaw };
}

function limitValue(value: JsonObject, maxBytes: number): Typed {
  const bytes = Buffer.byteLength(canonicalJson(value));
  if (bytes <= maxBytes) return { value };
  const message = `the value has ${bytes} bytes as it is written, the limit is ${maxBytes} (--max-document-bytes)`;
  return { reason: 'TooLarge', message };
}

const isBytes = (value: JsonObject | Uint8Array): value is Uint8Array =>
  Buffer.isBuffer(value) || value instanceof Uint8Array;
