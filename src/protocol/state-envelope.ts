import type { Buffer } from 'node:buffer';
import type { Birth, Encoding, Farewell, StateEnvelope } from './envelopes.ts';
import { PROTOCOL_VERSION } from './envelopes.ts';
import type { Fields } from './fields.ts';
import { readBinaryEnvelope, readEnvelope } from './fields.ts';
import type { JsonLimits, Parsed } from './json.ts';
import { isProtobuf } from './protobuf-envelopes.ts';
import { readStateFields } from './protobuf-state.ts';
import { isMessageName } from './topics.ts';

export interface StateLimits extends JsonLimits {
  /** Names in a birth's `reports`. */
  readonly maxReports: number;
}

export const DEFAULT_MAX_REPORTS = 100;

const ENCODINGS: readonly Encoding[] = ['json', 'protobuf'];
/** A day without a heartbeat is not a heartbeat; a year of sleep is not sleep. */
const MAX_HEARTBEAT_SECONDS = 86_400;
const MAX_ASLEEP_SECONDS = 366 * 86_400;
/** The largest packet MQTT can carry. */
const MAX_BYTES = 268_435_455;

/** A birth, goodbye or last will for the wire, with `version` in front. */
export function encodeState(state: StateEnvelope): string {
  return JSON.stringify({ version: PROTOCOL_VERSION, ...state });
}

/** Reads `…/state`. `{"online": true}` is a birth, `{"online": false}` a goodbye, and with `"will": true` a last will. */
export function parseState(payload: Buffer, limits: StateLimits): Parsed<StateEnvelope> {
  const build = (fields: Fields): StateEnvelope => {
    const online = fields.required('online', fields.boolean('online'), 'true or false');
    return online ? readBirth(fields, limits.maxReports) : readFarewell(fields);
  };
  return isProtobuf(payload)
    ? readBinaryEnvelope(payload, limits, readStateFields, build)
    : readEnvelope(payload, limits, build);
}

/** Each field by itself: one that does not fit must not keep the device offline (decision 0048). */
function readBirth(fields: Fields, maxReports: number): Birth {
  const session = fields.attempt(() => fields.text('session', 128));
  const uid = fields.attempt(() => fields.text('uid', 128));
  const revision = fields.attempt(() => fields.revision('revision'));
  const reports = fields.attempt(() => readReports(fields, maxReports));
  const heartbeat = fields.attempt(() => fields.amount('heartbeat', MAX_HEARTBEAT_SECONDS));
  const encoding = fields.attempt(() => fields.oneOf('encoding', ENCODINGS));
  const schema = fields.attempt(() => fields.text('schema', 128));
  // 0 is a device that does not know.
  const maxBytes = fields.attempt(() => fields.whole('maxBytes', MAX_BYTES)) || undefined;
  const sdk = fields.attempt(() => fields.prose('sdk', 128));
  return {
    online: true,
    ...(session !== undefined && { session }),
    ...(uid !== undefined && { uid }),
    ...(revision !== undefined && { revision }),
    ...(reports !== undefined && { reports }),
    ...(heartbeat !== undefined && { heartbeat }),
    encoding: encoding ?? 'json',
    ...(schema !== undefined && { schema }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(sdk !== undefined && { sdk }),
  };
}

function readReports(fields: Fields, maxReports: number): readonly string[] | undefined {
  const names = fields.list('reports');
  if (names === undefined) return undefined;
  if (names.length > maxReports) fields.refuse('reports', `at most ${maxReports} names`, 'TooManyMessages');
  const reports = new Set<string>();
  for (const name of names) {
    if (typeof name !== 'string' || !isMessageName(name)) {
      fields.refuseElement('reports', name, 'message names, such as sensor.v1.SampleRate', 'InvalidMessageName');
    }
    reports.add(name);
  }
  return [...reports];
}

/** Without its session a last will would count for any: what is wrong there refuses all of it. */
function readFarewell(fields: Fields): Farewell {
  const session = fields.text('session', 128);
  const asleep = fields.attempt(() => fields.amount('asleep', MAX_ASLEEP_SECONDS));
  return {
    online: false,
    ...(session !== undefined && { session }),
    will: fields.boolean('will') ?? false,
    ...(asleep !== undefined && { asleep }),
  };
}
