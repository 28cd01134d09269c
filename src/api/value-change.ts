/** What differs between two values of JSON, kept so that the change can be undone. */
import type { JsonObject, JsonValue } from './device.ts';
import { isJsonObject } from './exact-json.ts';
import { own } from './own.ts';

/** Of two maps both sides hold only the fields that differ; an absent side means an absent value. */
export interface ValueChange {
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** Undefined: they say the same. Lists are compared as a whole: their places mean something. */
export function changeOf(before: JsonValue | undefined, after: JsonValue | undefined): ValueChange | undefined {
  if (!isJsonObject(before) || !isJsonObject(after)) {
    if (JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))) return undefined;
    return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
  }
  const changes = namesOf(before, after).flatMap((name) => {
    const change = changeOf(own(before, name), own(after, name));
    return change === undefined ? [] : [[name, change] as const];
  });
  if (changes.length === 0) return undefined;
  return { before: side(changes, 'before'), after: side(changes, 'after') };
}

/** The value before the change, given the one after it. Undefined: there was none. */
export function undoChange(value: JsonValue | undefined, { before, after }: ValueChange): JsonValue | undefined {
  // Both sides are maps only where both values were.
  if (!isJsonObject(before) || !isJsonObject(after)) return before;
  const fields = new Map(isJsonObject(value) ? Object.entries(value) : []);
  for (const name of namesOf(before, after)) {
    const undone = undoChange(fields.get(name), pick(own(before, name), own(after, name)));
    if (undone === undefined) fields.delete(name);
    else fields.set(name, undone);
  }
  return Object.fromEntries(fields);
}

function namesOf(a: JsonObject, b: JsonObject): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

// Not assigned one by one: a name may be `__proto__`.
function side(changes: readonly (readonly [string, ValueChange])[], which: 'before' | 'after'): JsonObject {
  return Object.fromEntries(
    changes.flatMap(([name, change]) => {
      const value = change[which];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function pick(before: JsonValue | undefined, after: JsonValue | undefined): ValueChange {
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

/** With the fields of every map in one order. */
function sorted(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((element) => sorted(element) ?? null);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((name) => [name, sorted(value[name]) ?? null]),
  );
}
