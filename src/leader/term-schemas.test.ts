import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { ALERT, BATTERY, bytes, other, hash, birth, asked, sends, startTyped } from './testing/typed-term.ts';

describe('a device that announces a schema', () => {
  it('is asked for it when no object holds it, and is typed by what it sends', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth());
    await bed.pass(1000);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(bed.status().schema).toMatchObject({ hash, packageNames: ['mir.device.v1', 'sensor.v1'] });
    expect(bed.kube.schemas.store.get(schemaName(hash))).toMatchObject({
      metadata: { labels: { [STORED_BY_LABEL]: 'mir-operator' } },
      status: { configuration: [ALERT, RATE], conditions: [{ type: 'Valid', status: 'True' }] },
    });
    await bed.pass(60_000);
    expect(asked(bed)).toHaveLength(1);
  });

  it('is not asked when the schema was registered before', async () => {
    await using bed = await startTyped();
    expect(bed.condition('SchemaValid')).toBe('True/Valid');
    expect(asked(bed)).toEqual([]);
  });

  it('keeps the revision and document that it had before its schema was known', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.kube.schemas.register(bytes);
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('is one of many: one of them is asked', async () => {
    const ids = ['a', 'b', 'c'];
    await using bed = await startTerm(ids.map((id) => device({ name: id, uid: id, deviceId: id })));
    for (const id of ids) bed.says(birth(), id);
    await bed.pass(5000);
    expect(ids.flatMap((id) => asked(bed, id))).toEqual(['schema']);
    sends(bed, bytes, 'a');
    await bed.until(() => ids.every((id) => bed.condition('SchemaValid', `default/${id}`) === 'True/Valid'), 5000);
  });

  it('and never sends it is asked again, then goes on without', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth());
    bed.apply({ desired: rate(30) });
    await bed.pass(20_000);
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 60 });
    expect(bed.condition('Online')).toBe('True/Birth');
    await bed.pass(30_000);
    expect(bed.condition('SchemaValid')).toBe('False/SchemaUnavailable');
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 30 });
    expect(asked(bed)).toHaveLength(4);
  });

  it('and keeps a new object waiting for it is shown to do so, and the change goes out when it comes', async () => {
    await using bed = await startTerm();
    bed.broker.keep('mir/v1alpha/sensor-01/state', JSON.stringify(birth()));
    bed.apply({ desired: rate(60) });
    await bed.pass(1500);
    expect(bed.condition('Ready')).toBe('absent');
    await bed.pass(3000);
    expect(bed.condition('Ready')).toBe('False/SchemaPending');
    expect(bed.condition('Reconciling')).toBe('True/SchemaPending');
    expect(bed.documents()).toEqual([]);
    sends(bed, bytes);
    await bed.until(() => bed.condition('Ready') === 'True/Published', 5000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('is typed by what it sends late, too', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'False/SchemaUnavailable', 90_000);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
  });

  it('is refused one that is not the one it announced', async () => {
    await using bed = await startTerm([device()]);
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, other);
    await bed.pass(1000);
    expect(await bed.badInput('SchemaMismatch')).toBe(1);
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('that cannot be used says why, and what is desired goes out unchecked', async () => {
    const broken = Buffer.from('this is not a descriptor set');
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: hashSchema(broken) }));
    await bed.pass(1000);
    sends(bed, broken);
    await bed.until(() => bed.condition('SchemaValid') === 'False/SchemaInvalid', 5000);
    expect(await bed.badInput('InvalidSchema')).toBe(1);
    expect(bed.condition('Ready')).toBe('True/Published');
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('and sends it before it is asked is asked all the same', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth());
    sends(bed, bytes);
    await bed.pass(1000);
    expect(await bed.badInput('UnaskedSchema')).toBe(1);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
  });

  it('is untyped again when a new firmware announces none', async () => {
    await using bed = await startTyped({ ...rate(60), [BATTERY]: { percentage: 1 } });
    expect(bed.condition('SchemaValid')).toBe('False/Invalid');
    bed.says(birth({ session: 's2', schema: undefined }));
    await bed.pass(1000);
    expect(bed.condition('SchemaValid')).toBe('absent');
    expect(bed.status().schema).toBeUndefined();
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([BATTERY, RATE]);
  });

  it('is typed by what it announced only, whatever it sends', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: undefined }));
    sends(bed, bytes);
    await bed.pass(5000);
    expect(bed.condition('SchemaValid')).toBe('absent');
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('fills the cluster only up to the limit', async () => {
    await using bed = await startTerm([device()], { maxSchemas: 0 });
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, bytes);
    await bed.pass(1000);
    expect(await bed.badInput('TooManySchemas')).toBe(1);
    expect(bed.kube.schemas.store.size).toBe(0);
  });
});

describe('a schema object', () => {
  it('whose name is not the hash of its content is shown, and used for nobody', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.kube.schemas.register(other, schemaName(hash));
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'False/HashMismatch', 5000);
    const object = bed.kube.schemas.store.get(schemaName(hash));
    expect(object?.status?.conditions).toMatchObject([{ type: 'Valid', status: 'False', reason: 'HashMismatch' }]);
    expect(object?.status?.conditions?.[0]?.message).toContain(schemaName(hashSchema(other)));
  });

  it('that is deleted while a device uses it is asked for again', async () => {
    await using bed = await startTyped();
    bed.kube.schemas.delete(`/apis/iot.mir/v1alpha/schemas/${schemaName(hash)}`);
    await bed.pass(1000);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.kube.schemas.store.has(schemaName(hash)), 5000);
    expect(bed.condition('SchemaValid')).toBe('True/Valid');
  });

  it('that the operator stored is collected when unused for the grace period; one of a person stays', async () => {
    await using bed = await startTerm([device()], { schemaGraceHours: 1 });
    bed.kube.schemas.register(other);
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, bytes);
    await bed.until(() => bed.kube.schemas.store.size === 2, 5000);
    await bed.pass(7_200_000);
    expect(bed.kube.schemas.store.size).toBe(2);
    bed.kube.delete('default/sensor');
    await bed.pass(3_500_000);
    expect(bed.kube.schemas.store.size).toBe(2);
    await bed.pass(300_000);
    expect([...bed.kube.schemas.store.keys()]).toEqual([schemaName(hashSchema(other))]);
  });
});
