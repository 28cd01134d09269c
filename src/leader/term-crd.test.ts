/** Whatever a device and a person say, the status that comes of it fits the CRD: no write is refused, and nothing stands still for it. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import type { JsonObject } from '../api/device.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { compileProtoFiles } from '../schema/proto-files.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');
const TOPIC = 'mir/v1alpha/sensor-01';

let schema: Buffer;
beforeAll(async () => {
  schema = await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] });
});

describe('a birth with a field that does not fit', () => {
  it.each<[string, object]>([
    ['maxBytes', { maxBytes: 1500.5 }],
    ['maxBytes', { maxBytes: '1500' }],
    ['heartbeat', { heartbeat: -1 }],
    ['heartbeat', { heartbeat: 'often' }],
    ['encoding', { encoding: 'xml' }],
    ['reports', { reports: ['a/b'] }],
    ['session', { session: 's'.repeat(129) }],
    ['revision', { revision: 1.5 }],
    ['uid', { uid: 7 }],
    ['schema', { schema: true }],
  ])('%s is bad input by its name, and the rest of it counts: %j', async (field, wrong) => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says({ online: true, session: 'b7c1', heartbeat: 7, ...wrong });
    await bed.pass(2000);
    expect(bed.condition('Online')).toBe('True/Birth');
    const kept = { id: 'b7c1', heartbeat: 7 };
    const expected = Object.fromEntries(
      Object.entries(kept).filter(([name]) => name !== (field === 'session' ? 'id' : field)),
    );
    expect(bed.status().session).toEqual(expected);
    expect(bed.told.map(({ message }) => message)).toContainEqual(expect.stringMatching(`${field} (is|has) `));
    expect(bed.kube.misfits).toEqual([]);
  });
});

/** Numbers, texts and structures at the edges of what the fields allow, and beyond. */
const edge = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    -0,
    0.5,
    1,
    1500.5,
    -1,
    1e20,
    1e308,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 53,
    5e-324,
    null,
    true,
    '',
    [],
    {},
  ),
  fc.constantFrom('x'.repeat(128), 'x'.repeat(129), 'x'.repeat(300), 'a.B', 'a b', '\u0000', '\ud83d\ude00'.repeat(64)),
  fc.double(),
  fc.string({ maxLength: 40 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const record = (fields: readonly string[]) =>
  fc.record(Object.fromEntries(fields.map((field) => [field, edge])), { requiredKeys: [] });

const birth = record([
  'version',
  'session',
  'uid',
  'revision',
  'reports',
  'heartbeat',
  'encoding',
  'schema',
  'maxBytes',
  'sdk',
]);
const plausibleBirth = fc.record(
  {
    session: fc.constantFrom('s', 't', 'x'.repeat(128)),
    heartbeat: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constant(86_400)),
    maxBytes: fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e10, noNaN: true })),
    encoding: fc.constantFrom('json', 'protobuf'),
    reports: fc.array(fc.constantFrom(RATE, 'a.B', 'a.C'), { maxLength: 3 }),
    revision: fc.nat(4_000_000),
    uid: fc.constant('uid-1'),
    schema: fc.constantFrom('announced', 'none'),
  },
  { requiredKeys: [] },
);
const farewell = record(['version', 'session', 'will', 'asleep']);
const report = fc.record(
  {
    uid: fc.oneof(fc.constant('uid-1'), edge),
    revision: fc.oneof(fc.nat(3), edge),
    status: fc.oneof(fc.constantFrom('accepted', 'applied', 'rejected'), edge),
    reason: fc.oneof(edge, fc.string({ minLength: 1000, maxLength: 1100 })),
    value: fc.oneof(fc.constant({ intervalSeconds: 60 }), fc.dictionary(fc.string(), edge, { maxKeys: 3 }), edge),
  },
  { requiredKeys: [] },
);

const step = fc.oneof(
  fc.tuple(
    fc.constant('state'),
    fc.oneof(birth, plausibleBirth).map((fields) => ({ ...fields, online: true })),
  ),
  fc.tuple(
    fc.constant('state'),
    farewell.map((fields) => ({ ...fields, online: false })),
  ),
  fc.tuple(fc.constantFrom(`reported/${RATE}`, 'reported/a.B', `reported/${'n'.repeat(200)}`), report),
  fc.tuple(fc.constant('heartbeat'), fc.constant('')),
);
/** What a person may desire: the CRD keeps the keys to message names, and says nothing of their length. */
const desired = fc.oneof(
  fc.constant(rate(60)),
  fc.dictionary(
    fc.constantFrom(RATE, 'a.B', 'n'.repeat(300), 'n'.repeat(40_000)),
    fc.dictionary(fc.string(), edge, { maxKeys: 3 }),
    {
      maxKeys: 3,
    },
  ),
);

describe('a status', () => {
  it('that comes of anything a device and a person say fits the CRD', async () => {
    await fc.assert(
      fc.asyncProperty(desired, fc.array(step, { minLength: 1, maxLength: 8 }), async (wanted, said) => {
        await using bed = await startTerm([device({ desired: wanted as Record<string, JsonObject> })]);
        for (const [on, body] of said) {
          const text = JSON.stringify(body).replace('"announced"', JSON.stringify(hashSchema(schema)));
          bed.broker.hear(`${TOPIC}/${on}`, on === 'heartbeat' ? '' : text, on !== 'heartbeat');
          // By then it was asked for.
          await bed.pass(300);
          if (text.includes('sha256')) bed.broker.hear(`${TOPIC}/schema`, schema, false);
        }
        await bed.pass(20_000);
        expect(bed.kube.misfits).toEqual([]);
        expect(bed.status().observedGeneration).toBe(1);
      }),
      { numRuns: 150, seed: 9 },
    );
  }, 60_000);
});
