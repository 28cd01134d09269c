/** How schemas are got from devices when some of them lie, flood or are silent: nobody else feels it. */
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device } from '../../test/gen/device.ts';
import { schemaName } from '../api/schema.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';

/** A schema that can be used, another for every name. */
const schemaOf = (name: string): Buffer => descriptorSet({ name: `${name}.proto`, messages: [{ name: 'A' }] });
/** Of no use, another for every number. */
const brokenOf = (at: number): Buffer => descriptorSet({ name: `${at}.proto`, imports: ['no/such.proto'] });

const fleet = (...ids: readonly string[]) => ids.map((id) => device({ name: id, uid: id, deviceId: id }));

let sessions = 0;
function announce(bed: TermBed, id: string, schema: Buffer): void {
  sessions += 1;
  bed.says({ version: 1, online: true, session: `s${sessions}`, heartbeat: 0, schema: hashSchema(schema) }, id);
}

const asked = (bed: TermBed, id: string): number =>
  bed.broker.published.filter(({ topic, payload }) => topic === `mir/v1alpha/${id}/get` && payload === 'schema').length;
const send = (bed: TermBed, id: string, payload: Buffer): void =>
  bed.broker.hear(`mir/v1alpha/${id}/schema`, payload, false);
const isTyped = (bed: TermBed, id: string): boolean => bed.status(`default/${id}`).schema?.packageNames !== undefined;
const names = (bed: TermBed): string[] => [...bed.kube.schemas.store.keys()];

/** Announces a schema and sends it when asked; false: it was not asked within a second. */
async function bring(bed: TermBed, id: string, schema: Buffer): Promise<boolean> {
  const before = asked(bed, id);
  announce(bed, id, schema);
  await bed.pass(1000);
  if (asked(bed, id) === before) return false;
  send(bed, id, schema);
  await bed.pass(0);
  return true;
}

async function expectServed(bed: TermBed, id: string, within = 5000): Promise<void> {
  const schema = schemaOf(id);
  announce(bed, id, schema);
  await bed.until(() => asked(bed, id) > 0, within);
  send(bed, id, schema);
  await bed.until(() => isTyped(bed, id), 5000);
}

describe('a device that brings one schema after the other', () => {
  it('of no use keeps nobody from being asked, and is asked only now and then', async () => {
    await using bed = await startTerm(fleet('liar', 'honest'));
    let answers = 0;
    for (let at = 0; at < 300; at += 1) if (await bring(bed, 'liar', brokenOf(at))) answers += 1;
    expect(answers).toBeGreaterThanOrEqual(5);
    expect(answers).toBeLessThanOrEqual(36);
    expect(await bed.badInput('InvalidSchema')).toBe(answers);
    await expectServed(bed, 'honest', 1000);
  });

  it('of use has one of them stored, and uses up nobody else’s share', async () => {
    const honest = Array.from({ length: 8 }, (_, at) => `honest-${at}`);
    await using bed = await startTerm(fleet('maker', ...honest));
    for (let at = 0; at < 100; at += 1) {
      await bring(bed, 'maker', schemaOf(`made-${at}`));
      expect(names(bed).length).toBeLessThanOrEqual(2);
    }
    await bed.pass(1000);
    for (const id of honest) await expectServed(bed, id, 1000);
    expect(names(bed)).toHaveLength(9);
  });

  it('keeps what others use of what it brought', async () => {
    await using bed = await startTerm(fleet('maker', 'other'));
    await bring(bed, 'maker', schemaOf('shared'));
    announce(bed, 'other', schemaOf('shared'));
    await bed.until(() => isTyped(bed, 'other'), 5000);
    await bring(bed, 'maker', schemaOf('next'));
    await bed.pass(1000);
    expect(names(bed)).toEqual([schemaName(hashSchema(schemaOf('shared'))), schemaName(hashSchema(schemaOf('next')))]);
  });

  it('too often is told so, and served later', async () => {
    await using bed = await startTerm(fleet('maker'));
    let at = 0;
    for (; (await bed.badInput('TooManySchemas')) === 0; at += 1) {
      expect(at).toBeLessThan(100);
      await bed.pass(10_000);
      await bring(bed, 'maker', schemaOf(`made-${at}`));
    }
    await bed.pass(1000);
    expect(bed.status('default/maker').conditions).toContainEqual(
      expect.objectContaining({ type: 'SchemaValid', message: expect.stringContaining('too often') }),
    );
    const before = asked(bed, 'maker');
    await bed.until(() => asked(bed, 'maker') > before, 120_000);
    send(bed, 'maker', schemaOf(`made-${at - 1}`));
    await bed.until(() => isTyped(bed, 'maker'), 5000);
  });
});

describe('what nobody asked for', () => {
  it('is dropped before anything is made of it', async () => {
    await using bed = await startTerm(fleet('loud'));
    for (let at = 0; at < 1000; at += 1) send(bed, 'loud', Buffer.alloc(at % 2));
    expect(await bed.badInput('UnaskedSchema')).toBe(1000);
    expect(await bed.badInput('EmptyPayload')).toBe(0);
  });

  it('includes a second answer to one request', async () => {
    await using bed = await startTerm(fleet('loud'));
    announce(bed, 'loud', schemaOf('a'));
    await bed.pass(1000);
    for (let at = 0; at < 10; at += 1) send(bed, 'loud', brokenOf(at));
    expect(await bed.badInput('SchemaMismatch')).toBe(1);
    expect(await bed.badInput('UnaskedSchema')).toBe(9);
  });
});

it('a device that a former term left online is asked although the broker refuses its page', async () => {
  const schema = schemaOf('late');
  await using before = await startTerm(fleet('sensor-01'));
  announce(before, 'sensor-01', schema);
  // Until the status says that nobody sends it.
  await before.pass(60_000);
  const object = before.object('default/sensor-01');
  await before.end();
  expect(object?.status?.schema?.hash).toBe(hashSchema(schema));
  await using bed = await startTerm();
  bed.broker.isRefusingFilter = () => true;
  if (object !== undefined) bed.kube.apply(object);
  await bed.until(() => asked(bed, 'sensor-01') > 0, 5000);
});

describe('devices that announce a schema and never send it', () => {
  it('keep one that would from being asked for some seconds only', async () => {
    const silent = ['a', 'b', 'c', 'd'];
    await using bed = await startTerm(fleet(...silent, 'honest'));
    for (const id of silent) announce(bed, id, schemaOf('honest'));
    await bed.pass(20_000);
    await expectServed(bed, 'honest', 6000);
  });

  it('are asked after all others, also for another schema', async () => {
    await using bed = await startTerm(fleet('silent', 'honest'));
    announce(bed, 'silent', schemaOf('x'));
    await bed.pass(20_000);
    announce(bed, 'silent', schemaOf('honest'));
    announce(bed, 'honest', schemaOf('honest'));
    const before = asked(bed, 'silent');
    await bed.until(() => asked(bed, 'honest') > 0, 1000);
    expect(asked(bed, 'silent')).toBe(before);
  });

  it('are not waited for when one comes that answers, long after', async () => {
    await using bed = await startTerm(fleet('silent', 'honest'));
    announce(bed, 'silent', schemaOf('honest'));
    await bed.pass(120_000);
    await expectServed(bed, 'honest', 6000);
  });

  it.each([[[]], [['other']], [['other', 'third', 'fourth']]])(
    'are asked again soon after they were started again, beside %j',
    async (others) => {
      await using bed = await startTerm(fleet('silent', ...others));
      const schema = schemaOf('late');
      for (const id of ['silent', ...others]) announce(bed, id, schema);
      await bed.pass(120_000);
      const before = asked(bed, 'silent');
      announce(bed, 'silent', schema);
      await bed.until(() => asked(bed, 'silent') > before, 12_000);
      send(bed, 'silent', schema);
      await bed.until(() => isTyped(bed, 'silent'), 5000);
    },
  );

  it('are asked only now and then, however often they are started again', async () => {
    await using bed = await startTerm(fleet('silent', 'honest'));
    for (let at = 0; at < 300; at += 1) {
      announce(bed, 'silent', schemaOf('honest'));
      await bed.pass(1000);
    }
    expect(asked(bed, 'silent')).toBeLessThanOrEqual(36);
    await expectServed(bed, 'honest');
  });

  it('with the wrong bytes are followed by the next at once', async () => {
    await using bed = await startTerm(fleet('liar', 'honest'));
    announce(bed, 'liar', schemaOf('honest'));
    await bed.pass(1000);
    announce(bed, 'honest', schemaOf('honest'));
    await bed.pass(500);
    send(bed, 'liar', schemaOf('other'));
    await bed.pass(500);
    expect(asked(bed, 'honest')).toBe(1);
  });

  it('take a hundred requests of a fleet in which nobody answers, not thousands', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `d${at}`);
    await using bed = await startTerm(fleet(...ids));
    for (const id of ids) announce(bed, id, schemaOf('x'));
    await bed.pass(600_000);
    expect(ids.reduce((sum, id) => sum + asked(bed, id), 0)).toBeLessThan(100);
    expect(bed.condition('SchemaValid', 'default/d0')).toBe('False/SchemaUnavailable');
  });
});

describe('a schema object under a name that is not the hash of its content', () => {
  const right = schemaOf('right');
  const name = schemaName(hashSchema(right));

  it('is shown on the object and on the device, and replaced by what a device brings', async () => {
    await using bed = await startTerm(fleet('one'));
    bed.kube.schemas.register(schemaOf('wrong'), name);
    announce(bed, 'one', right);
    await bed.pass(1000);
    expect(bed.condition('SchemaValid', 'default/one')).toBe('False/HashMismatch');
    expect(bed.kube.schemas.store.get(name)?.status?.conditions).toMatchObject([{ reason: 'HashMismatch' }]);
    expect(asked(bed, 'one')).toBe(1);
    send(bed, 'one', right);
    await bed.until(() => isTyped(bed, 'one'), 5000);
    expect(bed.condition('SchemaValid', 'default/one')).toBe('True/Valid');
    expect(bed.kube.schemas.store.get(name)?.spec.descriptorSet).toBe(right.toString('base64'));
  });

  it('is left alone by a device that brings something else', async () => {
    await using bed = await startTerm(fleet('one'));
    bed.kube.schemas.register(schemaOf('wrong'), name);
    announce(bed, 'one', right);
    await bed.pass(1000);
    send(bed, 'one', schemaOf('wrong'));
    await bed.pass(1000);
    expect(bed.kube.schemas.store.get(name)?.spec.descriptorSet).toBe(schemaOf('wrong').toString('base64'));
  });

  it('is left alone as long as what a device brings is of no use itself', async () => {
    const broken = brokenOf(1);
    await using bed = await startTerm(fleet('one'));
    bed.kube.schemas.register(schemaOf('wrong'), schemaName(hashSchema(broken)));
    await bring(bed, 'one', broken);
    await bed.pass(1000);
    expect(bed.kube.schemas.store.size).toBe(1);
    expect(bed.kube.schemas.store.get(schemaName(hashSchema(broken)))?.spec.descriptorSet).toBe(
      schemaOf('wrong').toString('base64'),
    );
  });
});
