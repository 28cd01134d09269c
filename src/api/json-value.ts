/** What JSON can say, as `JSON.parse` gives it; nobody changes it in place. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
