import type { JsonObject, Properties } from '../api/device.ts';
import type { DeviceSchema, MessageInfo } from '../schema/device-schema.ts';

/** What is desired, message by message: fit to be sent, or why not. */
export interface CheckedDesired {
  /** In canonical form where the schema is known, as written where it is not. */
  readonly values: Properties;
  /** Message name → path, what is there and what was expected. */
  readonly invalid: Readonly<Record<string, string>>;
}

/** Checks what is desired against the device's schema; without one everything fits. */
export function checkDesired(desired: Properties, schema: DeviceSchema | undefined): CheckedDesired {
  if (schema === undefined) return { values: desired, invalid: {} };
  const values: Record<string, JsonObject> = {};
  const invalid: Record<string, string> = {};
  for (const [name, value] of Object.entries(desired)) {
    const type = schema.message(name);
    if (type === undefined || !isDesirable(type, schema)) {
      invalid[name] = type === undefined ? describeUnknown(schema) : describeKind(type);
      continue;
    }
    const checked = type.canonicalize(value);
    if (checked.ok) values[name] = checked.value;
    else invalid[name] = checked.path === '' ? checked.message : `${checked.path} ${checked.message}`;
  }
  return { values, invalid };
}

/** The messages that can be desired: those of kind configuration, or all in a schema that gives no message a kind. */
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
