import { TYPE_ENUM, TYPE_MESSAGE } from './descriptors.ts';

/** Google's types with a JSON form of their own, without the wrappers. */
const SPECIAL = ['Any', 'Duration', 'Empty', 'FieldMask', 'ListValue', 'Struct', 'Timestamp', 'Value'];

/** Wrapper type → `TYPE_…` of what it wraps. */
export const WRAPPED_TYPES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'google.protobuf.DoubleValue': 1,
    'google.protobuf.FloatValue': 2,
    'google.protobuf.Int64Value': 3,
    'google.protobuf.UInt64Value': 4,
    'google.protobuf.Int32Value': 5,
    'google.protobuf.BoolValue': 8,
    'google.protobuf.StringValue': 9,
    'google.protobuf.BytesValue': 12,
    'google.protobuf.UInt32Value': 13,
  }),
);

export const NULL_VALUE = 'google.protobuf.NullValue';

const MESSAGES: ReadonlySet<string> = new Set([
  ...SPECIAL.map((name) => `google.protobuf.${name}`),
  ...WRAPPED_TYPES.keys(),
]);

/** True for a type of Google's that is built in and need not be in a set. `type` is a `TYPE_…`. */
export function isWellKnown(fullName: string, type: number): boolean {
  return type === TYPE_MESSAGE ? MESSAGES.has(fullName) : type === TYPE_ENUM && fullName === NULL_VALUE;
}
