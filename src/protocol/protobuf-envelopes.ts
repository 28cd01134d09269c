/** The envelopes in protobuf, as `mir-protocol.proto` describes them. Never throws: what a device sends is data. */
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { BadInputReason } from '../api/bad-input.ts';
import { MAX_REVISION, PROTOCOL_VERSION } from './envelopes.ts';
import type { Decision, Owner, ReportedEnvelope } from './envelopes.ts';
import { badInput } from './json.ts';
import type { BadInput, JsonLimits, Parsed } from './json.ts';
import { ProtobufError, readFields, readProtobuf } from './protobuf-fields.ts';
import type { FieldTable, FieldValue } from './protobuf-fields.ts';
import { isMessageName } from './topics.ts';

/** True for a payload whose first byte is that of field 1, `version`, as a varint; JSON never begins so. */
export function isProtobuf(payload: Uint8Array): boolean {
  return payload[0] === 0x08;
}

export interface EncodedEntry {
  readonly revision: number;
  /** RFC 3339. */
  readonly time: string;
  /** The message on the wire. */
  readonly value: Uint8Array;
}

/** A desired document whose values only the device's schema can read. */
export interface EncodedDesired {
  readonly owner: Owner;
  readonly disabled: boolean;
  readonly messages: Readonly<Record<string, EncodedEntry>>;
}

/** The document for the wire: names sorted, so that the same content is always the same bytes. */
export function encodeDesiredProtobuf({ owner, disabled, messages }: EncodedDesired): Buffer {
  const writer = protobuf.Writer.create().uint32(8).uint32(PROTOCOL_VERSION);
  writer.uint32(18).fork().uint32(10).string(owner.cluster).uint32(18).string(owner.namespace);
  writer.uint32(26).string(owner.name).uint32(34).string(owner.uid).ldelim();
  if (disabled) writer.uint32(24).bool(true);
  for (const [name, { revision, time, value }] of Object.entries(messages).sort(([a], [b]) => (a < b ? -1 : 1))) {
    writer.uint32(34).fork().uint32(10).string(name).uint32(16).uint32(revision);
    if (time !== '') writer.uint32(26).string(time);
    writer.uint32(34).bytes(value).ldelim();
  }
  return toBuffer(writer);
}

/** Reads a desired document. Strict: one bad entry refuses the whole. */
export function parseDesiredProtobuf(payload: Buffer, limits: JsonLimits): Parsed<EncodedDesired> {
  return parse(payload, limits, ['owner', 'disabled', 'messages'], (fields) => {
    let owner: Owner | undefined;
    let disabled = false;
    const messages: Record<string, EncodedEntry> = {};
    fields({
      2: (value) => {
        owner = readOwner(value.bytes());
      },
      3: (value) => {
        disabled = value.number() !== 0;
      },
      4: (value) => {
        const [name, entry] = readEntry(value.bytes());
        messages[name] = entry;
      },
    });
    if (owner === undefined) throw new ProtobufError('InvalidEnvelope', 'owner is absent');
    return { owner, disabled, messages };
  });
}

/** Names of Kubernetes objects have at most 253 characters, uids 36. */
const MAX_OWNER_TEXT = 253;
const MAX_TIME_TEXT = 64;
const MAX_UID_TEXT = 128;

function readOwner(bytes: Buffer): Owner {
  const names = { 1: 'owner.cluster', 2: 'owner.namespace', 3: 'owner.name', 4: 'owner.uid' };
  const texts = new Map<number, string>();
  const take = (field: number) => (value: FieldValue) => void texts.set(field, text(value, MAX_OWNER_TEXT));
  readFields(bytes, names, { 1: take(1), 2: take(2), 3: take(3), 4: take(4) });
  const required = (field: keyof typeof names): string => {
    const found = texts.get(field) ?? '';
    if (found === '') throw new ProtobufError('InvalidEnvelope', `${names[field]} is absent`);
    return found;
  };
  return { cluster: required(1), namespace: required(2), name: required(3), uid: required(4) };
}

function readEntry(bytes: Buffer): [string, EncodedEntry] {
  let name = '';
  let revision: number | undefined;
  let time = '';
  let value: Buffer | undefined;
  readFields(
    bytes,
    { 1: 'messages.name', 2: 'messages.revision', 3: 'messages.time', 4: 'messages.value' },
    {
      1: (field) => {
        name = field.text();
      },
      2: (field) => {
        revision = readRevision(field);
      },
      3: (field) => {
        time = text(field, MAX_TIME_TEXT);
      },
      4: (field) => {
        value = field.bytes();
      },
    },
  );
  if (!isMessageName(name)) {
    throw new ProtobufError('InvalidMessageName', `messages.name is ${JSON.stringify(name.slice(0, 40))}`);
  }
  if (revision === undefined) throw new ProtobufError('InvalidEnvelope', `revision of ${name} is absent`);
  if (value === undefined) throw new ProtobufError('InvalidEnvelope', `value of ${name} is absent`);
  return [name, { revision, time, value }];
}

/** A report whose value only the device's schema can read. */
export interface EncodedReported extends Omit<ReportedEnvelope, 'value'> {
  /** Absent: unchanged. */
  readonly value?: Uint8Array;
}

const DECISIONS: readonly (Decision | undefined)[] = [undefined, 'accepted', 'applied', 'rejected'];
/** Characters of a reason that are kept; a longer one is cut. */
const MAX_REASON = 1024;

export function encodeReportedProtobuf({ uid, revision, status, reason, value }: EncodedReported): Buffer {
  const writer = protobuf.Writer.create().uint32(8).uint32(PROTOCOL_VERSION);
  if (uid !== undefined) writer.uint32(18).string(uid);
  if (revision !== undefined) writer.uint32(24).uint32(revision);
  if (status !== undefined) writer.uint32(32).uint32(DECISIONS.indexOf(status));
  if (reason !== undefined) writer.uint32(42).string(reason);
  if (value !== undefined) writer.uint32(50).bytes(value);
  return toBuffer(writer);
}

/** Reads `…/reported/{message}`; one without value and status says nothing and is refused. */
/** Value and decision count by themselves, as in JSON. Bytes that are no message of this kind are refused whole. */
export function parseReportedProtobuf(payload: Buffer, limits: JsonLimits): Parsed<EncodedReported> {
  const problems: BadInput[] = [];
  const parsed = parse(payload, limits, ['uid', 'revision', 'status', 'reason', 'value'], (fields) => {
    const { value, ...decision } = readReported(fields, problems);
    const isDecided = problems.length === 0 && decision.status !== undefined;
    if (value === undefined && !isDecided) {
      const [problem] = problems;
      if (problem !== undefined) throw new ProtobufError(problem.reason, problem.message);
      throw new ProtobufError('InvalidEnvelope', 'value is absent, expected a value or a status');
    }
    return { ...(problems.length === 0 && decision), ...(value !== undefined && { value }) };
  });
  return parsed.ok && problems.length > 0 ? { ...parsed, problems } : parsed;
}

function readReported(fields: (table: FieldTable) => void, problems: BadInput[]): EncodedReported {
  const report: { -readonly [K in keyof EncodedReported]: EncodedReported[K] } = {};
  const note = (reason: BadInputReason, message: string): void => void problems.push(badInput(reason, message));
  fields({
    2: (field) => {
      const uid = field.text();
      if (uid.length > MAX_UID_TEXT)
        note('InvalidEnvelope', `uid has ${uid.length} characters, expected at most ${MAX_UID_TEXT}`);
      else if (uid !== '') report.uid = uid;
    },
    3: (field) => {
      const revision = field.number();
      if (revision > MAX_REVISION) note('BadRevision', `revision is ${revision}, expected at most ${MAX_REVISION}`);
      else if (revision !== 0) report.revision = revision;
    },
    4: (field) => {
      const number = field.number();
      const status = DECISIONS[number];
      if (status !== undefined) report.status = status;
      else if (number !== 0) note('InvalidEnvelope', `status is ${number}, expected 1 to ${DECISIONS.length - 1}`);
    },
    5: (field) => {
      const reason = field.text();
      if (reason !== '') report.reason = cut(reason);
    },
    6: (field) => {
      report.value = field.bytes();
    },
  });
  return report;
}

/** Size, version, then the fields. */
function parse<T>(
  payload: Buffer,
  limits: JsonLimits,
  names: readonly string[],
  build: (fields: (table: FieldTable) => void) => T,
): Parsed<T> {
  return readProtobuf(payload, limits, () => {
    let version = 0;
    const value = build((table) =>
      readFields(
        payload,
        { 1: 'version', ...Object.fromEntries(names.map((name, at) => [at + 2, name])) },
        {
          1: (field) => {
            version = field.number();
          },
          ...table,
        },
      ),
    );
    if (version === PROTOCOL_VERSION) return { ok: true, value };
    return badInput('UnsupportedVersion', `version is ${version}, expected ${PROTOCOL_VERSION}`);
  });
}

/** 0 is what a device with an empty store says and counts as absent. */
function readRevision(field: FieldValue): number | undefined {
  const revision = field.number();
  if (revision <= MAX_REVISION) return revision === 0 ? undefined : revision;
  throw new ProtobufError('BadRevision', `${field.name} is ${revision}, expected at most ${MAX_REVISION}`);
}

function text(field: FieldValue, maxLength: number): string {
  const value = field.text();
  if (value.length <= maxLength) return value;
  throw new ProtobufError(
    'InvalidEnvelope',
    `${field.name} has ${value.length} characters, expected at most ${maxLength}`,
  );
}

function cut(value: string): string {
  return value.length <= MAX_REASON ? value : `${value.slice(0, MAX_REASON - 1).toWellFormed()}…`;
}

function toBuffer(writer: protobuf.Writer): Buffer {
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
