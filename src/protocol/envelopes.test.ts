import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { JsonObject } from '../api/device.ts';
import { encodeDesired, parseDesired } from './desired-document.ts';
import type { DesiredDocument } from './envelopes.ts';
import { DEFAULT_PROTOCOL_LIMITS, MAX_REVISION } from './envelopes.ts';
import { encodeReported, parseReported } from './reported-envelope.ts';
import { encodeState, parseState } from './state-envelope.ts';

const limits = { ...DEFAULT_PROTOCOL_LIMITS, maxPayloadBytes: 1_000_000, maxReports: 3 };
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const OWNER = { cluster: 'c', namespace: 'building-a', name: 'sensor', uid: 'u' };
const ENTRY = { revision: 12, time: '2024-11-20T14:00:00Z', value: { intervalSeconds: 60 } };

describe('the desired document', () => {
  it('is the same string for the same content', () => {
    const document = (messages: DesiredDocument['messages']): string =>
      encodeDesired({ version: 1, owner: OWNER, disabled: false, messages });
    const other = { ...ENTRY, value: { b: 1, a: null, c: { e: 1, d: 2 } } };
    expect(document({ 'b.B': other, 'a.A': ENTRY })).toBe(
      document({ 'a.A': ENTRY, 'b.B': { ...other, value: { c: { d: 2, e: 1 }, b: 1 } } }),
    );
    expect(document({ 'a.A': ENTRY })).toBe(
      '{"version":1,"owner":{"cluster":"c","namespace":"building-a","name":"sensor","uid":"u"},"disabled":false,"messages":' +
        '{"a.A":{"revision":12,"time":"2024-11-20T14:00:00Z","value":{"intervalSeconds":60}}}}',
    );
  });

  it('comes back as it went', () => {
    const name = fc.constantFrom('a.A', 'b', 'sensor.v1.SampleRate', '_x.Y_1');
    const value = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.integer(), fc.string(), fc.boolean()));
    const entry = fc.record({ revision: fc.integer({ min: 1, max: MAX_REVISION }), time: fc.constant('t'), value });
    fc.assert(
      fc.property(fc.dictionary(name, entry), fc.boolean(), (messages, disabled) => {
        fc.pre(
          Object.values(messages).every(
            (one) => !('constructor' in one.value) || !Object.hasOwn(one.value, 'constructor'),
          ),
        );
        const document: DesiredDocument = { version: 1, owner: OWNER, disabled, messages: { ...messages } };
        const parsed = parseDesired(Buffer.from(encodeDesired(document)), limits);
        if (!parsed.ok) throw new Error(parsed.message);
        expect({ ...parsed.value, messages: { ...parsed.value.messages } }).toEqual(document);
      }),
    );
  });

  it.each([
    ['no owner', { messages: {} }, 'InvalidEnvelope', 'owner is absent, expected an object'],
    ['an owner without uid', { owner: { ...OWNER, uid: '' }, messages: {} }, 'InvalidEnvelope', 'owner.uid'],
    ['no messages', { owner: OWNER }, 'InvalidEnvelope', 'messages is absent'],
    [
      'an entry without revision',
      { owner: OWNER, messages: { a: { value: {} } } },
      'InvalidEnvelope',
      'messages.a.revision is absent',
    ],
    [
      'a revision as text',
      { owner: OWNER, messages: { a: { revision: '1', value: {} } } },
      'BadRevision',
      'messages.a.revision is "1"',
    ],
    [
      'an entry without value',
      { owner: OWNER, messages: { a: { revision: 1 } } },
      'InvalidEnvelope',
      'messages.a.value is absent',
    ],
    ['a bad name', { owner: OWNER, messages: { 'a-b': ENTRY } }, 'InvalidMessageName', 'messages.a-b'],
    ['another version', { version: 2, owner: OWNER, messages: {} }, 'UnsupportedVersion', 'version is 2, expected 1'],
    ['an array', [], 'InvalidEnvelope', 'payload is an array'],
  ])('with %s is refused', (_, document, reason, message) => {
    const parsed = parseDesired(bytes(document), limits);
    expect(parsed).toMatchObject({ ok: false, reason, message: expect.stringContaining(message) });
  });
});

describe('a report', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['the smallest', { value: {} }, { value: {} }],
    [
      'a whole one',
      { version: 1, uid: 'u', revision: 12, status: 'applied', reason: 'r', value: { a: 1 } },
      { uid: 'u', revision: 12, status: 'applied', reason: 'r', value: { a: 1 } },
    ],
    ['a decision without a value', { revision: 1, status: 'accepted' }, { revision: 1, status: 'accepted' }],
    ['nulls and unknown fields', { uid: null, value: { a: null }, more: 1 }, { value: { a: null } }],
    ['revision 0 of an empty store', { revision: 0, value: {} }, { value: {} }],
  ])('is taken: %s', (_, sent, value) => {
    expect(parseReported(bytes(sent), limits)).toEqual({ ok: true, value });
  });

  it.each<[string, unknown, string, string]>([
    ['nothing in it', {}, 'InvalidEnvelope', 'value is absent, expected an object, or a status'],
    ['a value that is no object', { value: [1] }, 'InvalidEnvelope', 'value is an array, expected an object'],
    ['a bad decision alone', { revision: 1.5, status: 'applied' }, 'BadRevision', 'revision is 1.5'],
    ['a version as text', { version: '1', value: {} }, 'UnsupportedVersion', 'version is "1"'],
    ['a number', 7, 'InvalidEnvelope', 'payload is 7'],
  ])('is refused: %s', (_, sent, reason, message) => {
    const parsed = parseReported(bytes(sent), limits);
    expect(parsed).toMatchObject({ ok: false, reason, message: expect.stringContaining(message) });
  });

  it.each<[string, JsonObject, string, string]>([
    ['an unknown status', { status: 'done' }, 'InvalidEnvelope', 'status is "done", expected one of accepted'],
    ['a fraction as revision', { revision: 1.5 }, 'BadRevision', 'revision is 1.5'],
    ['a negative revision', { revision: -1 }, 'BadRevision', 'revision is -1'],
    ['a revision over 2³¹−1', { revision: 2 ** 31 }, 'BadRevision', '2147483647'],
    ['a uid that is no text', { uid: 1 }, 'InvalidEnvelope', 'uid is 1, expected a string'],
    ['a very long uid', { uid: 'x'.repeat(129) }, 'InvalidEnvelope', 'at most 128'],
  ])('keeps its value and loses its decision, whole: %s', (_, part, reason, message) => {
    const sent = { uid: 'u', revision: 12, status: 'applied', reason: 'r', value: { a: 1 }, ...part };
    const problems = [{ ok: false, reason, message: expect.stringContaining(message) }];
    expect(parseReported(bytes(sent), limits)).toEqual({ ok: true, value: { value: { a: 1 } }, problems });
  });

  it.each<[string, JsonObject, JsonObject, string]>([
    ['a value that is no object', { value: [1] }, {}, 'InvalidEnvelope'],
    ['a reason that is no text', { reason: 1 }, { value: { a: 1 } }, 'InvalidEnvelope'],
  ])('keeps its decision without the part that does not fit: %s', (_, part, kept, reason) => {
    const decision = { uid: 'u', revision: 12, status: 'applied' };
    expect(parseReported(bytes({ ...decision, value: { a: 1 }, ...part }), limits)).toMatchObject({
      ok: true,
      value: { ...decision, ...kept },
      problems: [{ reason }],
    });
  });

  it('keeps the first 1,024 characters of a reason, and never half a character', () => {
    const parsed = parseReported(bytes({ status: 'rejected', reason: '😀'.repeat(2000) }), limits);
    const reason = parsed.ok ? (parsed.value.reason ?? '') : '';
    expect(reason).toHaveLength(1024);
    expect(reason.isWellFormed()).toBe(true);
  });

  it('comes back as it went', () => {
    const report = { uid: 'u', revision: 3, status: 'rejected', reason: 'no', value: { a: [1] } } as const;
    expect(parseReported(Buffer.from(encodeReported(report)), limits)).toEqual({ ok: true, value: report });
  });
});

describe('a state', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['the smallest birth', { online: true }, { online: true, encoding: 'json' }],
    ['the smallest goodbye', { online: false }, { online: false, will: false }],
    ['a last will', { online: false, session: 's', will: true }, { online: false, session: 's', will: true }],
    ['a sleeper', { online: false, asleep: 3600 }, { online: false, will: false, asleep: 3600 }],
    ['endless sleep', { online: false, asleep: 1e300 }, { online: false, will: false, asleep: 31_622_400 }],
    ['names said twice', { online: true, reports: ['a', 'a'] }, { online: true, reports: ['a'], encoding: 'json' }],
    ['maxBytes 0 of a device that does not know', { online: true, maxBytes: 0 }, { online: true, encoding: 'json' }],
    [
      'a whole birth',
      {
        version: 1,
        online: true,
        session: 's',
        uid: 'u',
        revision: 12,
        reports: ['a.B'],
        heartbeat: 10,
        encoding: 'protobuf',
        schema: 'sha256:x',
        maxBytes: 16_384,
        sdk: 'x/1',
      },
      {
        online: true,
        session: 's',
        uid: 'u',
        revision: 12,
        reports: ['a.B'],
        heartbeat: 10,
        encoding: 'protobuf',
        schema: 'sha256:x',
        maxBytes: 16_384,
        sdk: 'x/1',
      },
    ],
  ])('is taken: %s', (_, sent, value) => {
    expect(parseState(bytes(sent), limits)).toEqual({ ok: true, value });
  });

  it.each<[string, unknown, string]>([
    ['no online', {}, 'InvalidEnvelope'],
    ['online as text', { online: 'true' }, 'InvalidEnvelope'],
    ['a farewell of a session that is too long', { online: false, session: 's'.repeat(129) }, 'InvalidEnvelope'],
  ])('is refused: %s', (_, sent, reason) => {
    expect(parseState(bytes(sent), limits)).toMatchObject({ ok: false, reason });
  });

  it('is told by the name that is none, among many', () => {
    const parsed = parseState(bytes({ online: true, reports: ['a.B', 'c/d'] }), limits);
    const message = 'reports has "c/d", expected message names, such as sensor.v1.SampleRate';
    expect(parsed).toMatchObject({ problems: [{ message }] });
  });

  it.each<[string, string, unknown, string]>([
    ['too many reports', 'reports', ['a', 'b', 'c', 'd'], 'TooManyMessages'],
    ['a report that is no name', 'reports', ['a/b'], 'InvalidMessageName'],
    ['a prototype name', 'reports', ['constructor'], 'InvalidMessageName'],
    ['reports that are no list', 'reports', 'a', 'InvalidEnvelope'],
    ['a negative heartbeat', 'heartbeat', -1, 'InvalidEnvelope'],
    ['a heartbeat as text', 'heartbeat', '10', 'InvalidEnvelope'],
    ['a long session', 'session', 's'.repeat(129), 'InvalidEnvelope'],
    ['an unknown encoding', 'encoding', 'xml', 'InvalidEnvelope'],
    ['a bad revision', 'revision', 1e10, 'BadRevision'],
    ['half a byte', 'maxBytes', 1500.5, 'InvalidEnvelope'],
  ])('is taken without the field that does not fit: %s', (_, field, value, reason) => {
    const problems = [{ ok: false, reason, message: expect.stringMatching(`^${field} (is|has) `) }];
    const others = { online: true, uid: 'u', sdk: 'acme' };
    expect(parseState(bytes({ ...others, [field]: value }), limits)).toEqual({
      ok: true,
      value: { ...others, encoding: 'json' },
      problems,
    });
  });

  it('comes back as it went', () => {
    const birth = { online: true, session: 's', reports: ['a.B'], heartbeat: 10, encoding: 'json' } as const;
    const farewell = { online: false, session: 's', will: true } as const;
    expect(parseState(Buffer.from(encodeState(birth)), limits)).toEqual({ ok: true, value: birth });
    expect(parseState(Buffer.from(encodeState(farewell)), limits)).toEqual({ ok: true, value: farewell });
  });
});

describe('every parser', () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
    fc.jsonValue().map(bytes),
    fc
      .dictionary(
        fc.constantFrom(
          'version',
          'online',
          'value',
          'revision',
          'uid',
          'owner',
          'messages',
          'reports',
          'session',
          'asleep',
        ),
        fc.jsonValue(),
      )
      .map(bytes),
  );

  it('answers anything with a value', () => {
    fc.assert(
      fc.property(garbage, (payload) => {
        for (const parse of [parseDesired, parseReported]) expect(typeof parse(payload, limits).ok).toBe('boolean');
        expect(typeof parseState(payload, limits).ok).toBe('boolean');
      }),
      { numRuns: 500 },
    );
  });
});
