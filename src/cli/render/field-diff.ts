/** What differs between two values of JSON, field by field. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/device.ts';

export interface FieldChange {
  /** `properties.desired[sensor.v1.SampleRate].intervalSeconds` */
  readonly path: string;
  /** Undefined: the field is new. */
  readonly before: JsonValue | undefined;
  /** Undefined: the field goes. */
  readonly after: JsonValue | undefined;
}

/** Lists are compared as a whole: their places mean something. */
export function fieldDiff(before: JsonValue | undefined, after: JsonValue | undefined, path = ''): FieldChange[] {
  if (isJsonObject(before) && isJsonObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => fieldDiff(at(before, name), at(after, name), join(path, name)));
  }
  if (isJsonObject(before) && after === undefined && Object.keys(before).length > 0) return fieldDiff(before, {}, path);
  if (isJsonObject(after) && before === undefined && Object.keys(after).length > 0) return fieldDiff({}, after, path);
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

/** A name with dots of its own stands in brackets. */
function join(path: string, name: string): string {
  if (/^[\w-]+$/.test(name)) return path === '' ? name : `${path}.${name}`;
  return `${path}[${name}]`;
}

function at(map: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
