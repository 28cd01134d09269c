/** The protobuf envelopes, held against `mir-protocol.proto` as another implementation reads it. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import {
  encodeDesiredProtobuf,
  encodeReportedProtobuf,
  isProtobuf,
  parseDesiredProtobuf,
  parseReportedProtobuf,
} from './protobuf-envelopes.ts';
import type { EncodedReported } from './protobuf-envelopes.ts';
import { parseState } from './state-envelope.ts';

const PROTO = readFileSync(new URL('mir-protocol.proto', import.meta.url), 'utf8');
const { root } = protobuf.parse(PROTO);
const write = (type: string, value: object): Buffer => {
  const message = root.lookupType(`mir.protocol.v1.${type}`);
  return Buffer.from(message.encode(message.fromObject({ version: 1, ...value })).finish());
};
const read = (type: string, bytes: Buffer): object => {
  const message = root.lookupType(`mir.protocol.v1.${type}`);
  return message.toObject(message.decode(bytes), { enums: String });
};

const limits = { maxPayloadBytes: 4096, maxNesting: 32, maxReports: 3 };
const OWNER = { cluster: 'c', namespace: 'n', name: 'd', uid: 'u' };
const VALUE = Buffer.from([0x08, 0x3c]);
const ENTRY = { revision: 12, time: '2024-11-20T14:00:00Z', value: VALUE };

describe('the .proto', () => {
  it('names the package of the Go code that protoc makes of it, which protoc-gen-go demands', () => {
    expect(PROTO).toMatch(/^option go_package = "[a-z.]+(\/[a-z0-9]+)+;[a-z0-9]+";$/m);
  });
});

describe('the desired document in protobuf', () => {
  const document = {
    owner: OWNER,
    disabled: false,
    messages: { 'b.v1.B': ENTRY, 'a.v1.A': { ...ENTRY, value: Buffer.alloc(0) } },
  };

  it('is what the .proto says, sorted by name, beginning with the version', () => {
    const bytes = encodeDesiredProtobuf(document);
    expect(isProtobuf(bytes)).toBe(true);
    expect(read('Desired', bytes)).toEqual({
      version: 1,
      owner: OWNER,
      messages: [
        { name: 'a.v1.A', ...ENTRY, value: Buffer.alloc(0) },
        { name: 'b.v1.B', ...ENTRY },
      ],
    });
    const turned = { ...document, messages: Object.fromEntries(Object.entries(document.messages).toReversed()) };
    expect(encodeDesiredProtobuf(turned)).toEqual(bytes);
  });

  it('is read back, an empty value too, and a disabled one', () => {
    expect(parseDesiredProtobuf(encodeDesiredProtobuf(document), limits)).toEqual({ ok: true, value: document });
    const disabled = { ...document, disabled: true, messages: {} };
    expect(parseDesiredProtobuf(encodeDesiredProtobuf(disabled), limits)).toEqual({ ok: true, value: disabled });
  });

  it.each<[string, Buffer, string, string]>([
    ['without an owner', write('Desired', {}), 'InvalidEnvelope', 'owner is absent'],
    ['without a uid', write('Desired', { owner: { ...OWNER, uid: '' } }), 'InvalidEnvelope', 'owner.uid is absent'],
    [
      'with a bad name',
      write('Desired', { owner: OWNER, messages: [{ name: '__proto__', ...ENTRY }] }),
      'InvalidMessageName',
      '__proto__',
    ],
    [
      'without a revision',
      write('Desired', { owner: OWNER, messages: [{ name: 'a.B', value: VALUE }] }),
      'InvalidEnvelope',
      'revision of a.B is absent',
    ],
    [
      'without a value',
      write('Desired', { owner: OWNER, messages: [{ name: 'a.B', revision: 1 }] }),
      'InvalidEnvelope',
      'value of a.B is absent',
    ],
    [
      'with a revision beyond all',
      write('Desired', { owner: OWNER, messages: [{ name: 'a.B', ...ENTRY, revision: 2 ** 31 }] }),
      'BadRevision',
      '2147483648',
    ],
    ['of another version', write('Desired', { version: 2, owner: OWNER }), 'UnsupportedVersion', 'version is 2'],
    ['that is too large', Buffer.alloc(5000, 8), 'TooLarge', '5000 bytes'],
    ['with text that is not UTF-8', Buffer.from([8, 1, 0x12, 3, 0x0a, 1, 0xff]), 'InvalidUtf8', 'owner.cluster'],
    [
      'that ends early',
      encodeDesiredProtobuf(document).subarray(0, 20),
      'InvalidProtobuf',
      'messages at byte 17 goes on beyond the end',
    ],
    ['with a group', Buffer.from([8, 1, 0x0b, 0x0c]), 'InvalidProtobuf', 'wire type 3'],
  ])('%s is refused', (_name, bytes, reason, message) => {
    const parsed = parseDesiredProtobuf(bytes, limits);
    expect(parsed).toMatchObject({ ok: false, reason });
    expect(!parsed.ok && parsed.message).toContain(message);
  });
});

describe('a report in protobuf', () => {
  it.each<[EncodedReported, object]>([
    [{ value: VALUE }, { value: VALUE }],
    [{ value: Buffer.alloc(0) }, { value: Buffer.alloc(0) }],
    [
      { uid: 'u', revision: 5, status: 'accepted' },
      { uid: 'u', revision: 5, status: 'ACCEPTED' },
    ],
    [
      { uid: 'u', revision: 5, status: 'applied', value: VALUE },
      { uid: 'u', revision: 5, status: 'APPLIED', value: VALUE },
    ],
    [
      { status: 'rejected', reason: 'no' },
      { status: 'REJECTED', reason: 'no' },
    ],
  ])('%j is what the .proto says, and read back', (report, fields) => {
    const bytes = encodeReportedProtobuf(report);
    expect(read('Reported', bytes)).toEqual({ version: 1, ...fields });
    expect(parseReportedProtobuf(bytes, limits)).toEqual({ ok: true, value: report });
  });

  it.each<[string, object, string]>([
    ['a revision over 2³¹−1', { revision: 2 ** 31 }, 'BadRevision'],
    ['a very long uid', { uid: 'x'.repeat(129) }, 'InvalidEnvelope'],
  ])('keeps its value and loses its decision, whole: %s', (_, part, reason) => {
    const sent = { uid: 'u', revision: 12, status: 3, reason: 'r', value: VALUE, ...part };
    expect(parseReportedProtobuf(write('Reported', sent), limits)).toMatchObject({
      ok: true,
      value: { value: VALUE },
      problems: [{ reason }],
    });
    expect(parseReportedProtobuf(write('Reported', { ...sent, value: undefined }), limits)).toMatchObject({
      ok: false,
      reason,
    });
  });

  it('that says nothing is refused, and a long reason cut', () => {
    expect(parseReportedProtobuf(write('Reported', { uid: 'u' }), limits)).toMatchObject({
      ok: false,
      reason: 'InvalidEnvelope',
    });
    const parsed = parseReportedProtobuf(write('Reported', { status: 3, reason: 'x'.repeat(2000) }), limits);
    expect(parsed.ok && parsed.value.reason?.length).toBe(1024);
  });
});

describe('a state in protobuf', () => {
  it.each<[object, object]>([
    [{ online: true }, { online: true, encoding: 'json' }],
    [
      {
        online: true,
        session: 's',
        uid: 'u',
        revision: 3,
        reports: ['a.B'],
        reportsAreAll: true,
        heartbeat: 10,
        encoding: 1,
        schema: 'sha256:1',
        maxBytes: 500,
        sdk: 'x',
      },
      {
        online: true,
        session: 's',
        uid: 'u',
        revision: 3,
        reports: ['a.B'],
        heartbeat: 10,
        encoding: 'protobuf',
        schema: 'sha256:1',
        maxBytes: 500,
        sdk: 'x',
      },
    ],
    [
      { online: true, reportsAreAll: true },
      { online: true, encoding: 'json', reports: [] },
    ],
    [
      { online: true, reports: ['a.B'] },
      { online: true, encoding: 'json' },
    ],
    [
      { session: 's', asleep: 3600 },
      { online: false, session: 's', will: false, asleep: 3600 },
    ],
    [{ will: true }, { online: false, will: true }],
  ])('%j is read like its JSON', (state, expected) => {
    expect(parseState(write('State', state), limits)).toEqual({ ok: true, value: expected });
  });

  it.each<[object, string]>([
    [{ online: true, encoding: 7 }, 'InvalidEnvelope'],
    [{ online: true, reports: ['a.B', 'a.C', 'a.D', 'a.E'], reportsAreAll: true }, 'TooManyMessages'],
    [{ online: true, reports: ['no/name'], reportsAreAll: true }, 'InvalidMessageName'],
    [{ online: true, heartbeat: Number.NaN }, 'InvalidEnvelope'],
  ])('%j is taken without the field that does not fit: %s', (state, reason) => {
    const value = { online: true, encoding: 'json' };
    expect(parseState(write('State', state), limits)).toMatchObject({ ok: true, value, problems: [{ reason }] });
  });

  it('of another version is refused', () => {
    const state = write('State', { version: 3, online: true });
    expect(parseState(state, limits)).toMatchObject({ ok: false, reason: 'UnsupportedVersion' });
  });
});

it('no bytes make any of them throw, or touch a prototype', () => {
  const valid = [
    encodeDesiredProtobuf({ owner: OWNER, disabled: true, messages: { 'a.B': ENTRY } }),
    encodeReportedProtobuf({ uid: 'u', revision: 1, status: 'rejected', reason: 'no', value: VALUE }),
    write('State', { online: true, session: 's', reports: ['a.B'], heartbeat: 1 }),
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 5 }))
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      copy[0] = 8;
      return copy;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([8, ...bytes])),
      ),
      (payload) => {
        for (const parse of [parseDesiredProtobuf, parseReportedProtobuf])
          expect(typeof parse(payload, limits).ok).toBe('boolean');
        expect(typeof parseState(payload, limits).ok).toBe('boolean');
      },
    ),
    { numRuns: 3000 },
  );
  expect(Object.keys(Object.prototype)).toEqual([]);
});
