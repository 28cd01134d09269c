import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { LAST_APPLIED } from '../api/last-applied.ts';
import { showLastApplied, takeLastApplied } from './last-applied.ts';
import { showManagedFields, takeManagedFields } from './managed-fields.ts';
import { spliceDevice } from './splice.ts';
import { show, showEvent, showWords } from './show.ts';
import { takeJsonPatch } from './take-json-patch.ts';
import { READ_ONLY_REPORTED, READ_ONLY_STATUS, takeDocument, takeMergePatch } from './take.ts';

const name = fc.stringMatching(/^[a-z]{1,5}$/);
const message = fc.dictionary(name, fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)), {
  maxKeys: 3,
});
const messages = fc.dictionary(
  name.map((text) => `x.v1.${text}`),
  message,
  { maxKeys: 3 },
);
const maybe = <T>(field: string, value: fc.Arbitrary<T>): fc.Arbitrary<object> =>
  fc.option(value).map((it) => (it === null ? {} : { [field]: it }));
const merged = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all) as object);

/** Any object as the CRD's API has it. */
const storedDevice = fc.record({
  apiVersion: fc.constant('iot.mir/v1alpha'),
  kind: fc.constant('device'),
  metadata: merged(
    fc.record({ name, namespace: name, uid: name, resourceVersion: fc.constant('7') }),
    maybe('labels', fc.dictionary(name, name, { minKeys: 1 })),
    maybe('annotations', fc.dictionary(fc.oneof(name, fc.constant('kubectl.kubernetes.io/x')), name, { minKeys: 1 })),
  ),
  spec: merged(fc.record({ deviceId: name }), maybe('disabled', fc.boolean())),
  properties: fc.record({ desired: messages }),
  status: merged(fc.record({ observedGeneration: fc.integer() }), maybe('reported', messages)),
}) as unknown as fc.Arbitrary<JsonObject & Record<'metadata' | 'spec' | 'properties' | 'status', JsonObject>>;

describe('a device', () => {
  it('that is shown and put back says what it said, status apart, and warns of nothing', () => {
    fc.assert(
      fc.property(storedDevice, (stored) => {
        const { status: _status, ...wanted } = stored;
        const taken = takeDocument(show(stored), stored, 'whole');
        expect(taken).toEqual({ body: withMaps(wanted), faults: [], warnings: [], unknownFields: [] });
      }),
    );
  });

  it('that is shown and applied as a document of a person asks for what it was', () => {
    fc.assert(
      fc.property(storedDevice, (stored) => {
        const { metadata: _metadata, ...document } = show(stored) as JsonObject;
        const { name: theName, namespace, labels, annotations } = stored.metadata;
        const shown = Object.entries((annotations ?? {}) as JsonObject).filter(([key]) => !key.startsWith('kubectl'));
        const metadata = {
          name: theName,
          namespace,
          ...(labels !== undefined && { labels }),
          ...(shown.length > 0 && { annotations: Object.fromEntries(shown) }),
        };
        const { apiVersion, kind, spec, properties } = stored;
        expect(takeDocument(document, undefined, 'part').body).toEqual({
          apiVersion,
          kind,
          metadata,
          spec,
          properties,
        });
      }),
    );
  });

  it('that is changed by a merge patch of the one shape is changed as by the same patch of the other', () => {
    fc.assert(
      fc.property(storedDevice, messages, (stored, desired) => {
        const patch = { metadata: { labels: { a: 'b' } }, properties: { desired, reported: { 'x.v1.y': {} } } };
        expect(takeMergePatch({ meta: { labels: { a: 'b' } }, properties: patch.properties }, stored).body).toEqual({
          metadata: { labels: { a: 'b' } },
          properties: { desired },
        });
      }),
    );
  });

  it('is changed by a JSON patch where the patch says', () => {
    fc.assert(
      fc.property(storedDevice, message, (stored, value) => {
        const before = JSON.parse(JSON.stringify(show(stored))) as JsonObject;
        const patch = [
          { op: 'add', path: '/properties/desired/x.v1.new', value },
          { op: 'test', path: '/spec/deviceId', value: stored.spec['deviceId'] },
        ];
        const { operations } = takeJsonPatch(patch as unknown as JsonValue, stored);
        const changed = jsonPatch.applyPatch(
          JSON.parse(JSON.stringify(stored)),
          JSON.parse(JSON.stringify(operations)) as jsonPatch.Operation[],
        ).newDocument as JsonValue;
        const wanted = jsonPatch.applyPatch(before, patch as unknown as jsonPatch.Operation[]).newDocument as unknown;
        expect(show(changed)).toEqual(wanted);
      }),
    );
  });
});

describe('the text of a device', () => {
  it('is shown as its value is, to the letter', () => {
    fc.assert(
      fc.property(storedDevice, fc.string(), (stored, note) => {
        const managedFields = [{ apiVersion: 'iot.mir/v1alpha', fieldsV1: { 'f:status': {}, 'f:metadata': { note } } }];
        const annotations = { ...(stored.metadata['annotations'] as JsonObject | undefined), note };
        const device = { ...stored, metadata: { ...stored.metadata, annotations, managedFields } };
        expect(spliceDevice(JSON.stringify(device))).toBe(JSON.stringify(show(device)));
      }),
    );
  });

  it.each<[what: string, text: string]>([
    ['a row', '{"cells":[1]}'],
    ['a text', '"a"'],
    ['white space', '{ "apiVersion":"iot.mir/v1alpha"}'],
    ['what is cut', '{"apiVersion":"iot.mir/v1alpha","kind":"device","metadata":{"name":"a}'],
    ['another kind', '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}'],
    [
      'a field that it does not know',
      '{"apiVersion":"iot.mir/v1alpha","kind":"device","metadata":{"name":"a"},"new":1}',
    ],
    [
      'an annotation of kubectl to be shown in another shape',
      JSON.stringify({
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name: 'a', annotations: { [LAST_APPLIED]: '{"apiVersion":"iot.mir/v1alpha"}' } },
      }),
    ],
    [
      'an old entry of managedFields',
      JSON.stringify({
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name: 'a', managedFields: [{ fieldsV1: { 'f:status': { 'f:reported': {} } } }] },
      }),
    ],
  ])('is left to those who read values: %s', (_, text) => {
    expect(spliceDevice(text)).toBeUndefined();
  });

  it('keeps every digit', () => {
    const device =
      '{"apiVersion":"iot.mir/v1alpha","kind":"device","metadata":{"name":"a"},"status":{"reported":{"m":9007199254740993}}}';
    expect(spliceDevice(device)).toContain('"properties":{"reported":{"m":9007199254740993}}');
  });
});

/** What was read is taken literally: a map that is not there is empty. */
function withMaps(object: JsonObject & { metadata: JsonObject }): JsonObject {
  return { ...object, metadata: { labels: {}, annotations: {}, ...object.metadata } };
}

describe('what is read-only', () => {
  const document = {
    apiVersion: 'mir/v1alpha',
    kind: 'device',
    meta: { name: 'a' },
    properties: { desired: {}, reported: { 'x.v1.M': { a: 1 } } },
    status: { online: true },
  };
  it('is left out with a warning', () => {
    const { body, warnings } = takeDocument(document, undefined, 'part');
    expect(body).toEqual({
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'a' },
      properties: { desired: {} },
    });
    expect(warnings).toEqual([READ_ONLY_REPORTED, READ_ONLY_STATUS]);
  });

  it('is left out of patches', () => {
    expect(takeMergePatch({ properties: { reported: {} }, status: {} }, undefined)).toMatchObject({
      body: {},
      warnings: [READ_ONLY_REPORTED, READ_ONLY_STATUS],
    });
    const patch = [
      { op: 'add', path: '/status/online', value: false },
      { op: 'remove', path: '/properties/reported/x.v1.M' },
      { op: 'move', path: '/properties/desired/a', from: '/properties/reported/x.v1.M' },
    ];
    expect(takeJsonPatch(patch, undefined)).toEqual({
      operations: [],
      warnings: [READ_ONLY_STATUS, READ_ONLY_REPORTED],
    });
  });
});

describe('the author', () => {
  const annotations = { 'iot.mir/author': 'mallory', 'iot.mir/author-of': '1', note: 'x' };
  it('is nothing that a client can say', () => {
    const taken = takeDocument({ kind: 'device', metadata: { name: 'a', annotations } }, undefined, 'part');
    expect(taken.body['metadata']).toEqual({ name: 'a', annotations: { note: 'x' } });
    expect(takeMergePatch({ metadata: { annotations } }, undefined).body).toEqual({
      metadata: { annotations: { note: 'x' } },
    });
    expect(takeMergePatch({ meta: { annotations } }, undefined).body).toEqual({
      metadata: { annotations: { note: 'x' } },
    });
    const patch = [{ op: 'add', path: '/metadata/annotations/iot.mir~1author', value: 'mallory' }];
    expect(takeJsonPatch(patch, undefined).operations).toEqual([]);
  });
});

describe('managedFields', () => {
  const entry = (apiVersion: string, fieldsV1: JsonObject): JsonObject => ({ apiVersion, manager: 'm', fieldsV1 });
  it.each<[stored: JsonObject, shown: JsonObject]>([
    [{ 'f:status': {} }, { 'f:status': {} }],
    [{ 'f:status': { 'f:reported': { '.': {} } } }, { 'f:properties': { 'f:reported': { '.': {} } } }],
    [
      { 'f:properties': { 'f:desired': {} }, 'f:status': { 'f:online': {}, 'f:reported': {} } },
      { 'f:properties': { 'f:desired': {}, 'f:reported': {} }, 'f:status': { 'f:online': {} } },
    ],
  ])('are shown where the shape has the fields, and taken back', (stored, shown) => {
    const [own, theirs] = [[entry('iot.mir/v1alpha', stored)], [entry('mir/v1alpha', shown)]];
    expect(showManagedFields(own)).toEqual(theirs);
    expect(takeManagedFields(theirs)).toEqual(own);
  });
});

describe("kubectl's own annotation", () => {
  const goText = (value: object): string => `${JSON.stringify(value).replaceAll('<', String.raw`\u003c`)}\n`;
  it('of a document of the Mir shape is left as it is', () => {
    const text = goText({ apiVersion: 'mir/v1alpha', kind: 'device', meta: { name: 'a' } });
    expect(showLastApplied(text)).toBe(text);
    expect(takeLastApplied(text)).toBe(text);
  });

  it.each([
    { apiVersion: 'iot.mir/v1alpha', kind: 'device', metadata: { name: 'a<b' }, spec: { deviceId: 'd' } },
    {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'a' },
      properties: { desired: {} },
      status: { reported: { 'x.v1.M': { n: 1.5 } } },
    },
  ])('of a stored document is shown in the Mir shape, and taken back to the letter', (document) => {
    const text = goText(document);
    expect(JSON.parse(showLastApplied(text))).toMatchObject({ apiVersion: 'mir/v1alpha', metadata: document.metadata });
    expect(takeLastApplied(showLastApplied(text))).toBe(text);
  });

  it('that cannot be read is left as it is', () => {
    expect(showLastApplied('{"apiVersion":"iot.mir/v1alpha"')).toBe('{"apiVersion":"iot.mir/v1alpha"');
  });
});

describe('answers', () => {
  const stored = { apiVersion: 'iot.mir/v1alpha', kind: 'device', metadata: { name: 'a', namespace: 'b' } };
  const shown = {
    apiVersion: 'mir/v1alpha',
    kind: 'device',
    meta: { name: 'a', namespace: 'b' },
    metadata: stored.metadata,
    spec: {},
  };
  const managed = { name: 'a', managedFields: [{ apiVersion: 'iot.mir/v1alpha' }] };
  const managedShown = { name: 'a', managedFields: [{ apiVersion: 'mir/v1alpha' }] };
  it.each<[claim: string, answer: JsonObject, expected: JsonObject]>([
    ['an object', stored, shown],
    [
      'a list',
      { apiVersion: 'iot.mir/v1alpha', kind: 'deviceList', items: [stored] },
      { apiVersion: 'mir/v1alpha', kind: 'deviceList', items: [shown] },
    ],
    [
      'a bookmark',
      { apiVersion: 'iot.mir/v1alpha', kind: 'device', metadata: { resourceVersion: '7' } },
      { apiVersion: 'mir/v1alpha', kind: 'device', metadata: { resourceVersion: '7' } },
    ],
    [
      'metadata',
      { kind: 'PartialObjectMetadata', metadata: managed },
      { kind: 'PartialObjectMetadata', metadata: managedShown },
    ],
    [
      'a table',
      { kind: 'Table', rows: [{ cells: [1], object: { kind: 'PartialObjectMetadata', metadata: managed } }] },
      { kind: 'Table', rows: [{ cells: [1], object: { kind: 'PartialObjectMetadata', metadata: managedShown } }] },
    ],
    [
      'an error',
      {
        kind: 'Status',
        message: 'devices.iot.mir "a" not found',
        details: { group: 'iot.mir', causes: [{ message: 'conflict with "x" using iot.mir/v1alpha' }] },
      },
      {
        kind: 'Status',
        message: 'devices.mir "a" not found',
        details: { group: 'mir', causes: [{ message: 'conflict with "x" using mir/v1alpha' }] },
      },
    ],
  ])('are shown: %s', (_, answer, expected) => {
    expect(show(answer)).toEqual(expected);
    expect(showEvent({ type: 'ADDED', object: answer })).toEqual({ type: 'ADDED', object: expected });
  });

  it('keep words that are not of the API server', () => {
    expect(showWords('schemas.iot.mir, my-devices.iot.mir and devices.iot.mir.example')).toBe(
      'schemas.iot.mir, my-devices.iot.mir and devices.iot.mir.example',
    );
  });

  it('show what kubectl applied last', () => {
    const text = '{"apiVersion":"iot.mir/v1alpha","kind":"device"}\n';
    const { metadata } = show({
      ...stored,
      metadata: { name: 'a', annotations: { [LAST_APPLIED]: text } },
    }) as JsonObject;
    expect(metadata).toEqual({
      name: 'a',
      annotations: { [LAST_APPLIED]: '{"apiVersion":"mir/v1alpha","kind":"device"}' },
    });
  });
});
