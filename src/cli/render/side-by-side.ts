/** The fields of one message as they are desired and as they are reported. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import { includes } from '../../protocol/canonical.ts';

export interface FieldPair {
  /** `limits.max` */
  readonly path: string;
  readonly desired: JsonValue | undefined;
  readonly reported: JsonValue | undefined;
  /** Something is desired, and the device says something else or nothing. */
  readonly differs: boolean;
}

export function sideBySide(desired: JsonObject | undefined, reported: JsonObject | undefined): FieldPair[] {
  return pairs(desired, reported, '');
}

function pairs(desired: JsonValue | undefined, reported: JsonValue | undefined, path: string): FieldPair[] {
  if (
    isJsonObject(desired ?? reported) &&
    (desired === undefined || reported === undefined || isJsonObject(reported))
  ) {
    const [want, is] = [desired as JsonObject | undefined, reported as JsonObject | undefined];
    const names = [...new Set([...Object.keys(want ?? {}), ...Object.keys(is ?? {})])];
    return names.flatMap((name) => pairs(want?.[name], is?.[name], path === '' ? name : `${path}.${name}`));
  }
  const differs = desired !== undefined && (reported === undefined || !includes(reported, desired));
  return [{ path, desired, reported, differs }];
}
