import { isJsonObject } from '../api/exact-json.ts';
import type { Buffer } from 'node:buffer';
import type { JsonObject, JsonValue } from '../api/device.ts';
import type { BadInputReason } from '../api/bad-input.ts';
import { MAX_REVISION, PROTOCOL_VERSION } from './envelopes.ts';
import type { BadInput, JsonLimits, Parsed } from './json.ts';
import { badInput, parseJson } from './json.ts';
import { readProtobuf } from './protobuf-fields.ts';
import { harmless } from './text.ts';

/**
 * Reads one envelope: JSON, version, then the fields that `build` asks for. A field that does not fit ends `build` by an
 * exception of this file, which becomes the result; so a parser is a plain list of fields.
 */
export function readEnvelope<T>(payload: Buffer, limits: JsonLimits, build: (fields: Fields) => T): Parsed<T> {
  const json = parseJson(payload, limits);
  if (!json.ok) return json;
  if (!isJsonObject(json.value))
    return badInput('InvalidEnvelope', `payload is ${describe(json.value)}, expected an object`);
  return buildFrom(json.value, build);
}

/** The same for an envelope in protobuf, which `read` puts into the fields that it has in JSON. */
export function readBinaryEnvelope<T>(
  payload: Buffer,
  limits: JsonLimits,
  read: (payload: Buffer) => JsonObject,
  build: (fields: Fields) => T,
): Parsed<T> {
  return readProtobuf(payload, limits, () => buildFrom(read(payload), build));
}

function buildFrom<T>(source: JsonObject, build: (fields: Fields) => T): Parsed<T> {
  const version = source['version'] ?? PROTOCOL_VERSION;
  if (version !== PROTOCOL_VERSION) {
    return badInput('UnsupportedVersion', `version is ${describe(version)}, expected ${PROTOCOL_VERSION}`);
  }
  const fields = new Fields(source, '');
  try {
    const value = build(fields);
    return { ok: true, value, ...(fields.problems.length > 0 && { problems: fields.problems }) };
  } catch (error) {
    if (error instanceof FieldError) return badInput(error.reason, error.message);
    throw error;
  }
}

class FieldError extends Error {
  readonly reason: BadInputReason;

  constructor(reason: BadInputReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The fields of one object. Absent and `null` are the same, everywhere. */
export class Fields {
  readonly #source: JsonObject;
  readonly #path: string;
  /** What `attempt` could not take. */
  readonly problems: BadInput[] = [];

  constructor(source: JsonObject, path: string) {
    this.#source = source;
    this.#path = path;
  }

  names(): readonly string[] {
    return Object.keys(this.#source);
  }

  /** Ends the parse unless `value` is there. */
  required<T>(field: string, value: T | undefined, expected: string): T {
    return value ?? this.refuse(field, expected);
  }

  refuse(field: string, expected: string, reason: BadInputReason = 'InvalidEnvelope'): never {
    return this.fail(`${this.#path}${field} is ${describe(this.#present(field))}, expected ${expected}`, reason);
  }

  /** The same for what a list holds, which is named: nobody finds one bad name among a hundred. */
  refuseElement(field: string, element: JsonValue, expected: string, reason: BadInputReason): never {
    return this.fail(`${this.#path}${field} has ${describe(element)}, expected ${expected}`, reason);
  }

  /** Ends the parse with a sentence of the caller's. */
  fail(message: string, reason: BadInputReason): never {
    throw new FieldError(reason, message);
  }

  /** What `read` reads, or nothing when it does not fit: that is noted, and everything else in the envelope counts all the same. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.problems.push(badInput(error.reason, error.message));
      return undefined;
    }
  }

  object(field: string): JsonObject | undefined {
    const value = this.#present(field);
    if (value === undefined || isJsonObject(value)) return value;
    return this.refuse(field, 'an object');
  }

  /** The fields of a required object. */
  within(field: string): Fields {
    return new Fields(this.required(field, this.object(field), 'an object'), `${this.#path}${field}.`);
  }

  boolean(field: string): boolean | undefined {
    const value = this.#present(field);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.refuse(field, 'true or false');
  }

  /** A string of 1 to `maxLength` characters; an empty one counts as absent. */
  text(field: string, maxLength: number): string | undefined {
    const value = this.#string(field);
    if (value === undefined || value === '') return undefined;
    return value.length <= maxLength ? value : this.refuse(field, `at most ${maxLength} characters`);
  }

  /** A string for people: cut at `maxLength` characters, never refused for its length. */
  prose(field: string, maxLength: number): string | undefined {
    const value = this.#string(field);
    if (value === undefined || value === '') return undefined;
    return value.length <= maxLength ? value : ellipsis(value, maxLength);
  }

  oneOf<T extends string>(field: string, allowed: readonly T[]): T | undefined {
    const value = this.#present(field);
    if (value === undefined) return undefined;
    return allowed.find((choice) => choice === value) ?? this.refuse(field, `one of ${allowed.join(', ')}`);
  }

  /** 1…2³¹−1; 0 is what a device with an empty store says and counts as absent. */
  revision(field: string): number | undefined {
    const value = this.#present(field);
    if (value === undefined || value === 0) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_REVISION) return value;
    return this.refuse(field, `a whole number from 1 to ${MAX_REVISION}`, 'BadRevision');
  }

  /** A finite number ≥ 0, capped at `most`. */
  amount(field: string, most: number): number | undefined {
    const value = this.#present(field);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return this.refuse(field, 'a number ≥ 0');
    return Math.min(value, most);
  }

  /** A whole number ≥ 0, capped at `most`. */
  whole(field: string, most: number): number | undefined {
    const value = this.amount(field, most);
    return value === undefined || Number.isInteger(value) ? value : this.refuse(field, 'a whole number');
  }

  list(field: string): readonly JsonValue[] | undefined {
    const value = this.#present(field);
    if (value === undefined || isList(value)) return value;
    return this.refuse(field, 'an array');
  }

  #string(field: string): string | undefined {
    const value = this.#present(field);
    if (typeof value === 'string') return harmless(value);
    return value === undefined ? undefined : this.refuse(field, 'a string');
  }

  #present(field: string): JsonValue | undefined {
    return Object.hasOwn(this.#source, field) ? (this.#source[field] ?? undefined) : undefined;
  }
}

const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

/** Short enough for an event, whatever a device sent. */
function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (isList(value)) return 'an array';
  if (isJsonObject(value)) return 'an object';
  return ellipsis(JSON.stringify(value), 40);
}

function ellipsis(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).toWellFormed()}…`;
}
