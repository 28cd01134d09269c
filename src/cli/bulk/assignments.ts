/** `FIELD=VALUE` as people type it, and what it means by the schema of a message. */
import { isJsonObject, readJson } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { MessageType } from '../../schema/device-schema.ts';
import { CliError } from '../base/exit.ts';

export interface Assignment {
  readonly path: readonly string[];
  /** What it most likely means: a number, true, false, null, a list or a map of JSON, else text. */
  readonly value: JsonValue;
  /** As it was typed, for a field that is text. */
  readonly text: string;
}

/** `intervalSeconds=30`, `limits.max=2.5`, `labels:={"a": 1}` (JSON to the letter). `null` takes a field away. */
export function parseAssignment(argument: string): Assignment {
  const [, field = '', colon, text = ''] = /^([^=]*?)(:)?=(.*)$/s.exec(argument) ?? [];
  const path = field.split('.');
  if (field === '' || path.includes('')) throw new CliError(`"${argument}" is no FIELD=VALUE`);
  if (colon === undefined) return { path, value: guess(text), text };
  try {
    return { path, value: readJson(text), text };
  } catch {
    throw new CliError(`${field}:= takes JSON; "${text}" is none. For text write ${field}=${text}`);
  }
}

function guess(text: string): JsonValue {
  if (!/^(-?\d|true$|false$|null$|\[|\{|")/.test(text)) return text;
  try {
    return readJson(text);
  } catch {
    return text;
  }
}

/** The merge patch of a message that the assignments ask for, with each value as `type` wants it. */
export function patchOf(assignments: readonly Assignment[], type?: MessageType): JsonObject {
  const asText = new Set<Assignment>();
  // Each turn makes text of one more value, so it ends.
  for (;;) {
    const patch = assignments.reduce<JsonObject>(
      (all, one) => assign(all, one.path, asText.has(one) ? one.text : one.value),
      {},
    );
    const checked = type?.canonicalize(withoutNulls(patch));
    if (checked === undefined || checked.ok) return patch;
    const misfit = assignments.find((one) => one.path.join('.') === checked.path && typeof one.value !== 'string');
    if (misfit === undefined || asText.has(misfit)) return patch;
    asText.add(misfit);
  }
}

function assign(map: JsonObject, [name = '', ...rest]: readonly string[], value: JsonValue): JsonObject {
  if (rest.length === 0) return { ...map, [name]: value };
  const inner = map[name];
  return { ...map, [name]: assign(isJsonObject(inner) ? inner : {}, rest, value) };
}

function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]) => [name, isJsonObject(field) ? withoutNulls(field) : field]),
  );
}
