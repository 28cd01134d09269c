/** Whatever one device sends, nothing is thrown out of the handler, and another device is served as if nothing had been. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { encodeReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { compileProtoFiles } from '../schema/proto-files.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');

let schema: Buffer;
beforeAll(async () => {
  schema = await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] });
});

/** Bytes of any kind: noise, JSON of any shape, and valid payloads with a few bytes changed. */
const payloads = (valid: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
    fc
      .tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 4 }))
      .map(([bytes, changes]) => {
        const copy = Buffer.from(bytes);
        for (const [at, byte] of changes) copy[at % copy.length] = byte;
        return copy;
      }),
  );

describe('a device that sends anything at all', () => {
  it('as schema, report, acknowledgement, state and heartbeat hurts nobody', async () => {
    const birth = (hash: string): Buffer =>
      Buffer.from(JSON.stringify({ online: true, session: 's', heartbeat: 0, schema: hash, encoding: 'protobuf' }));
    const valid = [
      schema,
      birth(hashSchema(schema)),
      Buffer.from('{"online":false,"session":"s","will":true}'),
      Buffer.from('{"uid":"uid-1","revision":1,"status":"applied","value":{"intervalSeconds":60}}'),
      encodeReportedProtobuf({ uid: 'uid-1', revision: 1, status: 'applied', value: Buffer.from([8, 60]) }),
    ];
    const topics = fc.constantFrom('schema', 'state', `reported/${RATE}`, 'reported/a.v1.B', 'heartbeat', 'desired');
    const history = fc.array(fc.tuple(topics, payloads(valid), fc.boolean()), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(history, async (sent) => {
        const well = device({ name: 'well', uid: 'uid-2', deviceId: 'well', desired: rate(30) });
        await using bed = await startTerm([device({ desired: rate(60) }), well]);
        bed.says({ online: true, session: 'w', heartbeat: 0, schema: hashSchema(schema) }, 'well');
        await bed.pass(500);
        for (const [on, payload, isRetained] of sent) {
          bed.broker.hear(`mir/v1alpha/sensor-01/${on}`, payload, isRetained);
          await bed.pass(100);
        }
        bed.broker.hear('mir/v1alpha/well/schema', schema, false);
        bed.reports(RATE, { uid: 'uid-2', revision: 1, status: 'applied', value: { intervalSeconds: 30 } }, 'well');
        await bed.until(() => bed.condition('Synced', 'default/well') === 'True/InSync', 60_000);
        expect(bed.condition('SchemaValid', 'default/well')).toBe('True/Valid');
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  }, 60_000);
});
