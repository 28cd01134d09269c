import { isList, objectIn, textIn } from '../api/json-fields.ts';
import { isJsonObject } from '../api/exact-json.ts';
import type { JsonObject } from '../api/json-value.ts';

/** Whether the API server reaches what the APIService leads to; undefined: it has not said so, or there is no APIService. */
export function isAvailable(apiService: JsonObject | undefined): boolean | undefined {
  const conditions = objectIn(apiService, 'status')?.['conditions'];
  if (!isList(conditions)) return undefined;
  const available = conditions.filter(isJsonObject).find((condition) => textIn(condition, 'type') === 'Available');
  return available === undefined ? undefined : textIn(available, 'status') === 'True';
}
