import type { Buffer } from 'node:buffer';
import { messageOf } from '../base/message-of.ts';
import type { JsonValue } from '../api/device.ts';
import { readJson } from '../api/exact-json.ts';
import type { BadInputReason } from '../api/bad-input.ts';
import type { ProtocolLimits } from './envelopes.ts';
import { harmless } from './text.ts';
import { FORBIDDEN_NAMES } from './topics.ts';

/** Bad input is a value: what a device sends never throws. */
export type Parsed<T> = Taken<T> | BadInput;

export interface Taken<T> {
  readonly ok: true;
  readonly value: T;
  /** Fields that did not fit and are left out of `value`. */
  readonly problems?: readonly BadInput[];
}

export interface BadInput {
  readonly ok: false;
  readonly reason: BadInputReason;
  /** Names the field and what was expected. */
  readonly message: string;
}

/** The message may quote what was sent. */
export const badInput = (reason: BadInputReason, message: string): BadInput => ({
  ok: false,
  reason,
  message: harmless(message),
});

export type JsonLimits = Pick<ProtocolLimits, 'maxPayloadBytes' | 'maxNesting'>;

/** Reads one payload as JSON: strict UTF-8, a BOM and white space tolerated, size, nesting and names checked. */
export function parseJson(payload: Buffer, limits: JsonLimits): Parsed<JsonValue> {
  const oversized = checkSize(payload, limits);
  if (oversized !== undefined) return oversized;
  if (payload.length === 0) return badInput('EmptyPayload', 'payload is empty, expected a JSON document');
  // The place of the protobuf decoder: every protobuf envelope begins with field 1, `version`, as a varint.
  if (payload[0] === PROTOBUF_FIRST_BYTE) {
    return badInput('UnsupportedEncoding', 'payload is a protobuf envelope, expected JSON');
  }
  const text = decodeUtf8(payload);
  if (text === undefined) return badInput('InvalidUtf8', 'payload is not valid UTF-8');
  if (deepest(text, limits.maxNesting) > limits.maxNesting) {
    return badInput('TooDeep', `payload nests deeper than ${limits.maxNesting} levels`);
  }
  return parseText(text);
}

/** Why a payload in any encoding is not even looked at; undefined when it may be. */
export function checkSize(payload: Buffer, { maxPayloadBytes }: JsonLimits): BadInput | undefined {
  if (payload.length <= maxPayloadBytes) return undefined;
  return badInput('TooLarge', `payload has ${payload.length} bytes, the limit is ${maxPayloadBytes}`);
}

const PROTOBUF_FIRST_BYTE = 0x08;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Without a leading BOM, which the decoder drops. */
function decodeUtf8(payload: Buffer): string | undefined {
  try {
    return strictUtf8.decode(payload);
  } catch {
    return undefined;
  }
}

/** Depth of the deepest object or array in JSON text; stops counting once `limit` is passed. Needs no stack, unlike JSON.parse. */
function deepest(text: string, limit: number): number {
  let depth = 0;
  let most = 0;
  let inString = false;
  for (let at = 0; at < text.length && most <= limit; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === BRACE_OPEN || code === BRACKET_OPEN) {
      depth += 1;
      if (depth > most) most = depth;
    } else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) depth -= 1;
  }
  return most;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

function parseText(text: string): Parsed<JsonValue> {
  let value: JsonValue;
  try {
    value = readJson(text);
  } catch (error) {
    return badInput('InvalidJson', `payload is not JSON: ${messageOf(error)}`);
  }
  const name = forbiddenName(value);
  return name === undefined
    ? { ok: true, value }
    : badInput('ForbiddenName', `payload has a field named ${name}, which is not allowed anywhere`);
}

/** JSON.parse makes `__proto__` an own property, so all of them show up as keys. Recursion is bounded by the nesting limit. */
function forbiddenName(value: JsonValue): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return firstForbidden(value);
  for (const name of Object.keys(value)) if (FORBIDDEN_NAMES.has(name)) return name;
  return firstForbidden(Object.values(value));
}

function firstForbidden(values: readonly JsonValue[]): string | undefined {
  for (const value of values) {
    const name = forbiddenName(value);
    if (name !== undefined) return name;
  }
  return undefined;
}
