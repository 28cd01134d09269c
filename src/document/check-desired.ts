import type { JsonObject, Properties } from '../api/device.ts';
import { DOCUMENT_LEVELS, flawOf } from '../protocol/flaw.ts';
import { harmless } from '../protocol/text.ts';
import { isMessageName } from '../protocol/topics.ts';
import { DEFAULT_PROTOCOL_LIMITS } from '../protocol/envelopes.ts';
import type { Checked, DeviceSchema, MessageInfo } from '../schema/device-schema.ts';

/** What is desired, message by message: fit to be sent, or why not. */
export interface CheckedDesired {
  /** In canonical form where the schema is known, as written where it is not. */
  readonly values: Properties;
  /** Message name → path, what is there and what was expected. */
  readonly invalid: Readonly<Record<string, string>>;
}

/**
 * Checks what is desired, message by message: against the device's schema where there is one, and against what a document can carry and
 * a device can read (decision 0045). `maxNesting` is that of a whole document.
 */
export function checkDesired(
  desired: Properties,
  schema: DeviceSchema | undefined,
  maxNesting: number = DEFAULT_PROTOCOL_LIMITS.maxNesting,
): CheckedDesired {
  // Whatever the names are: none is found in these that was not put there.
  const values = Object.create(null) as Record<string, JsonObject>;
  const invalid = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(desired)) {
    const checked = isMessageName(name) ? checkMessage(name, value, schema) : NO_NAME;
    const flaw = checked.ok ? flawOf(checked.value, { maxNesting: maxNesting - DOCUMENT_LEVELS }) : undefined;
    if (checked.ok && flaw === undefined) values[name] = checked.value;
    else invalid[name] = harmless(flaw ?? describeMisfit(checked));
  }
  return { values, invalid };
}

const NO_NAME = {
  ok: false,
  path: '',
  message: 'cannot be the name of a message; use a protobuf full name such as sensor.v1.SampleRate',
} as const;

function checkMessage(name: string, value: JsonObject, schema: DeviceSchema | undefined): Checked<JsonObject> {
  if (schema === undefined) return { ok: true, value };
  const type = schema.message(name);
  if (type === undefined) return { ok: false, path: '', message: describeUnknown(schema) };
  return isDesirable(type, schema) ? type.canonicalize(value) : { ok: false, path: '', message: describeKind(type) };
}

function describeMisfit(checked: Checked<JsonObject>): string {
  return checked.ok ? '' : `${checked.path} ${checked.message}`.trim();
}

/** The messages that can be desired: those of kind configuration, or all in a schema that gives no message a kind (decision 0022). */
export function desirableMessages(schema: DeviceSchema): readonly string[] {
  return schema.messages.filter((message) => isDesirable(message, schema)).map(({ name }) => name);
}

function isDesirable({ kind }: MessageInfo, schema: DeviceSchema): boolean {
  return kind === 'configuration' || schema.messages.every((message) => message.kind === 'unspecified');
}

function describeKind({ kind }: MessageInfo): string {
  const what = kind === 'unspecified' ? 'has no message_type' : `is ${kind}`;
  return `${what} in the device's schema; only messages with message_type configuration can be desired`;
}

/** Names in a message for people. */
const MAX_NAMED = 5;

function describeUnknown(schema: DeviceSchema): string {
  const names = desirableMessages(schema);
  if (names.length === 0) return "is not in the device's schema, which has nothing that can be desired";
  const more = names.length > MAX_NAMED ? `, … (${names.length} in all)` : '';
  return `is not in the device's schema; it has ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
