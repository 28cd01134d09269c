import { isJsonObject } from '../api/exact-json.ts';
import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonObject, JsonValue } from '../api/device.ts';
import type { FieldCodec, Slot } from './field-codec.ts';
import { Misfit, located } from './misfit.ts';
import type { MessageParts } from './value-codec.ts';
import type { Walk } from './walk.ts';
import { readWire } from './wire-reader.ts';

/** Characters of `"":0,` around a name. */
const FILLED_IN = 5;
/** Fields of a message in a sentence for people. */
const MAX_NAMED = 8;

/** What a message does with its fields; they are given lazily, because messages may contain themselves. */
export class MessageFields implements MessageParts {
  readonly #fullName: string;
  readonly #makeFields: () => readonly FieldCodec[];
  #compiled: Compiled | undefined;

  constructor(fullName: string, makeFields: () => readonly FieldCodec[]) {
    this.#fullName = fullName;
    this.#makeFields = makeFields;
  }

  get #fields(): Compiled {
    this.#compiled ??= compile(this.#makeFields());
    return this.#compiled;
  }

  names(): string[] {
    return this.#fields.ordered.map(({ jsonName }) => jsonName);
  }

  canonicalize(value: JsonValue, walk: Walk): JsonObject {
    if (!isJsonObject(value)) throw new Misfit(value, 'an object');
    const { ordered } = this.#fields;
    const found = this.#check(value, walk);
    const canonical: Record<string, JsonValue> = {};
    for (const [index, field] of ordered.entries()) {
      const given = found[index];
      if (given !== undefined) canonical[field.jsonName] = given;
      else if (field.isRequired) throw Misfit.because('is absent, and required').at(field.jsonName);
      else if (walk.defaults) fillIn(canonical, field, walk);
    }
    return canonical;
  }

  /** The canonical values of the fields that `value` names, by their place. */
  #check(value: JsonObject, walk: Walk): (JsonValue | undefined)[] {
    const { places, ordered } = this.#fields;
    const found: (JsonValue | undefined)[] = [];
    const oneofs = new Map<string, string>();
    for (const key of Object.keys(value)) {
      const place = places.get(key);
      const field = place === undefined ? undefined : ordered[place];
      const given = value[key] ?? null;
      try {
        if (place === undefined || field === undefined) throw Misfit.because(this.#unknown());
        if (given === null && !field.isNullable) continue;
        if (found[place] !== undefined) throw Misfit.because(`is the same field as ${field.jsonName}; give it once`);
        claimOneof(oneofs, field, key);
        found[place] = field.canonicalize(given, walk);
      } catch (error) {
        throw error instanceof Misfit ? error.at(key) : error;
      }
    }
    return found;
  }

  #unknown(): string {
    const names = this.#fields.ordered.map(({ jsonName }) => jsonName);
    if (names.length === 0) return `is not a field of ${this.#fullName}, which has none`;
    const more = names.length > MAX_NAMED ? ', …' : '';
    return `is not a field of ${this.#fullName}, which has ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
  }

  writeFields(writer: Writer, value: JsonValue): void {
    if (!isJsonObject(value)) return;
    for (const field of this.#fields.byNumber) {
      if (Object.hasOwn(value, field.jsonName)) field.write(writer, value[field.jsonName] ?? null);
    }
  }

  decode(bytes: Uint8Array, walk: Walk): JsonObject {
    const { numbers, ordered } = this.#fields;
    const slots = new Map<FieldCodec, Slot>();
    readWire(bytes, (number, wireType, reader) => {
      const field = numbers.get(number);
      if (field === undefined) return false;
      const slot = readSlot(field, reader, wireType, slots.get(field), walk);
      if (slot === undefined) return false;
      if (field.oneof !== undefined) dropOthers(slots, field, walk);
      slots.set(field, slot);
      return true;
    });
    const canonical: Record<string, JsonValue> = {};
    for (const field of ordered) {
      const value = slotValue(field, slots.get(field), walk);
      if (value !== undefined) canonical[field.jsonName] = value;
      else fillIn(canonical, field, walk);
    }
    return canonical;
  }

  agrees(reported: JsonValue, desired: JsonValue, mayOmit: boolean): boolean {
    if (!isJsonObject(reported) || !isJsonObject(desired)) return false;
    return this.#fields.ordered.every((field) => {
      const want = own(desired, field.jsonName);
      if (want === null) return true;
      const have = own(reported, field.jsonName);
      if (mayOmit && isLeftOut(field, have)) return true;
      return have !== null && field.agrees(have, want, mayOmit);
    });
  }
}

interface Compiled {
  /** As the schema lists them. */
  readonly ordered: readonly FieldCodec[];
  /** As they go on the wire. */
  readonly byNumber: readonly FieldCodec[];
  /** JSON name and original name → place in `ordered`. */
  readonly places: ReadonlyMap<string, number>;
  readonly numbers: ReadonlyMap<number, FieldCodec>;
}

function compile(ordered: readonly FieldCodec[]): Compiled {
  const places = new Map<string, number>();
  for (const [place, { name, jsonName }] of ordered.entries()) places.set(name, place).set(jsonName, place);
  return {
    ordered,
    byNumber: ordered.toSorted((a, b) => a.number - b.number),
    places,
    numbers: new Map(ordered.map((field) => [field.number, field])),
  };
}

function claimOneof(oneofs: Map<string, string>, { oneof }: FieldCodec, key: string): void {
  if (oneof === undefined) return;
  const other = oneofs.get(oneof);
  if (other !== undefined) throw Misfit.because(`cannot stand beside ${other}: both are of oneof ${oneof}`);
  oneofs.set(oneof, key);
}

/** Of a oneof the last on the wire counts; the others must be readable all the same. */
function dropOthers(slots: Map<FieldCodec, Slot>, { oneof, number }: FieldCodec, walk: Walk): void {
  for (const [other, slot] of slots) {
    if (other.oneof !== oneof || other.number === number) continue;
    slotValue(other, slot, walk);
    slots.delete(other);
  }
}

function readSlot(
  field: FieldCodec,
  reader: Reader,
  wireType: number,
  before: Slot | undefined,
  walk: Walk,
): Slot | undefined {
  try {
    return field.read(reader, wireType, before, walk);
  } catch (error) {
    throw located(error, field.jsonName);
  }
}

/** What was read of a field; undefined: nothing. */
function slotValue(field: FieldCodec, slot: Slot | undefined, walk: Walk): JsonValue | undefined {
  if (slot === undefined) return undefined;
  if ('value' in slot) return slot.value;
  try {
    return field.decode?.(slot.bytes, walk);
  } catch (error) {
    throw located(error, field.jsonName);
  }
}

/** The default of a field without presence. */
function fillIn(canonical: Record<string, JsonValue>, { jsonName, fallback }: FieldCodec, walk: Walk): void {
  if (fallback === undefined) return;
  walk.add(jsonName.length + FILLED_IN);
  canonical[jsonName] = fallback;
}

/** A field may be called `toString`, which every object has. */
function own(value: JsonObject, name: string): JsonValue {
  return Object.hasOwn(value, name) ? (value[name] ?? null) : null;
}

/** Without presence an empty text cannot be told from one that was left out (decision 0027). */
function isLeftOut({ hasPresence, isText }: FieldCodec, have: JsonValue): boolean {
  return have === null ? hasPresence : isText && !hasPresence && have === '';
}
