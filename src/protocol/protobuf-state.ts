import type { Buffer } from 'node:buffer';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { ProtobufError, readFields } from './protobuf-fields.ts';
import type { FieldTable, FieldValue } from './protobuf-fields.ts';

/** Field number of `State` in mir-protocol.proto → what JSON calls it. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'version',
  2: 'online',
  3: 'session',
  4: 'uid',
  5: 'revision',
  6: 'reports',
  7: 'reports_are_all',
  8: 'heartbeat',
  9: 'encoding',
  10: 'schema',
  11: 'maxBytes',
  12: 'sdk',
  13: 'asleep',
  14: 'will',
};

const KINDS = { text: [3, 4, 10, 12], number: [1, 5, 11], float: [8, 13], flag: [2, 7, 14] } as const;
const READERS: Readonly<Record<keyof typeof KINDS, (value: FieldValue) => JsonValue>> = {
  text: (value) => value.text(),
  number: (value) => value.number(),
  float: (value) => value.float(),
  flag: (value) => value.number() !== 0,
};
const ENCODINGS: readonly string[] = ['json', 'protobuf'];
/** More names than any limit allows are not even collected. */
const MAX_NAMES = 1000;

/** Reads a state in protobuf into the fields that it has in JSON, where they are checked. Throws ProtobufError. */
export function readStateFields(payload: Buffer): JsonObject {
  const found: Record<string, JsonValue> = { online: false };
  const names: string[] = [];
  const table: Record<number, FieldTable[number]> = {
    6: (value) => {
      if (names.length >= MAX_NAMES)
        throw new ProtobufError('TooManyMessages', `reports has more than ${MAX_NAMES} names`);
      names.push(value.text());
    },
    9: (value) => {
      const number = value.number();
      found['encoding'] = ENCODINGS[number] ?? number;
    },
  };
  for (const kind of ['text', 'number', 'float', 'flag'] as const) {
    for (const field of KINDS[kind]) {
      table[field] = (value) => {
        found[value.name] = READERS[kind](value);
      };
    }
  }
  readFields(payload, NAMES, table);
  // No names and no list are the same on the wire, and not the same to the twin.
  const { reports_are_all: isWhole, ...fields } = found;
  return isWhole === true ? { ...fields, reports: names } : fields;
}
