import { describe, expect, it } from '@jest/globals';
import { OPERATOR, startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, document, rate } from '../../test/gen/device.ts';
import { objectName } from '../provisioning/provisioner.ts';

const ON = { provisionNamespace: 'fleet', provisionLabels: ['site=a', 'type='] };
const BIRTH = { version: 1, online: true, session: 's1', heartbeat: 10 };
const MINUTE = 60_000;

async function results(bed: TermBed): Promise<Record<string, number>> {
  const { values } = await bed.metrics.provisioned.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.result), value]));
}

describe('an unknown device that announces itself', () => {
  it('is bad input unless provisioning is configured', async () => {
    await using bed = await startTerm();
    bed.says(BIRTH, 'pump-1');
    await bed.pass(2000);
    expect(await bed.badInput('UnknownDevice')).toBe(1);
    expect(bed.object('fleet/pump-1')).toBeUndefined();
  });

  it.each(['mir-operator', 'mir-operator-1a2b3c4d', OPERATOR])(
    'under a name of the operator gets none: %s',
    async (name) => {
      await using bed = await startTerm([], ON);
      bed.says(BIRTH, name);
      await bed.pass(2000);
      expect(bed.object(`fleet/${name}`)).toBeUndefined();
      // When it is heard, and again when it is found stored.
      expect(await results(bed)).toEqual({ reserved: 2 });
    },
  );

  it('gets an object with the configured labels, and is online there', async () => {
    await using bed = await startTerm([], ON);
    bed.says(BIRTH, 'pump-1');
    await bed.pass(2000);
    expect(bed.object('fleet/pump-1')).toMatchObject({
      metadata: { labels: { site: 'a', type: '' } },
      spec: { deviceId: 'pump-1' },
      status: { online: true },
    });
    expect(bed.events).toEqual(['Normal Provisioned', 'Normal Online']);
    expect(await bed.badInput('UnknownDevice')).toBe(0);
  });

  it.each([
    ['says goodbye', { online: false, session: 's1' }],
    ['is lost', { online: false, session: 's1', will: true }],
  ])('gets none when it %s before its turn, however it waits', async (_name, farewell) => {
    await using bed = await startTerm([device({ namespace: 'other', deviceId: 'pump-1' })], ON);
    await bed.pass(1000);
    bed.kube.delete('other/sensor');
    await bed.pass(5000);
    bed.says(BIRTH, 'pump-1');
    bed.says(BIRTH, 'pump-2');
    bed.says(farewell, 'pump-2');
    await bed.pass(5000);
    bed.says(farewell, 'pump-1');
    await bed.pass(2 * MINUTE);
    expect([bed.object('fleet/pump-1'), bed.object('fleet/pump-2')]).toEqual([undefined, undefined]);
  });

  it('gets one when its id is no longer kept for the namespace of its former object', async () => {
    await using bed = await startTerm([device({ namespace: 'other', deviceId: 'pump-1' })], ON);
    await bed.pass(1000);
    bed.kube.delete('other/sensor');
    await bed.pass(5000);
    bed.says(BIRTH, 'pump-1');
    await bed.pass(5000);
    expect(bed.object('fleet/pump-1')).toBeUndefined();
    await bed.pass(MINUTE);
    expect(bed.object('fleet/pump-1')).toMatchObject({ status: { online: true } });
  });

  it('gets one also when it did so while nobody listened', async () => {
    await using bed = await startTerm([], ON);
    bed.broker.disconnect();
    bed.broker.keep('mir/v1alpha/pump-1/state', JSON.stringify(BIRTH));
    bed.broker.keep('mir/v1alpha/pump-2/state', JSON.stringify({ ...BIRTH, online: false }));
    bed.broker.connect();
    await bed.pass(5000);
    expect(bed.object('fleet/pump-1')?.status?.online).toBe(true);
    expect(bed.object('fleet/pump-2')).toBeUndefined();
  });

  it('is left to the other owner whose document stands at the broker', async () => {
    await using bed = await startTerm([], ON);
    bed.holds({ ...document(60, 1), owner: { ...document(60, 1).owner, cluster: 'another' } }, 'pump-1');
    bed.says(BIRTH, 'pump-1');
    await bed.pass(2000);
    expect(bed.object('fleet/pump-1')).toBeUndefined();
    expect(await results(bed)).not.toHaveProperty('created');
  });

  it('does not touch an object that has its name and another device', async () => {
    await using bed = await startTerm([device({ namespace: 'fleet', name: 'pump-1', deviceId: 'other' })], ON);
    bed.says(BIRTH, 'pump-1');
    await bed.pass(2000);
    expect(bed.object('fleet/pump-1')?.spec.deviceId).toBe('other');
    expect(await results(bed)).not.toHaveProperty('created');
  });

  it('gets its object beside any number that belong to others', async () => {
    await using bed = await startTerm([], { ...ON, provisionPerMinute: 1 });
    const foreign = { ...document(60, 1), owner: { ...document(60, 1).owner, cluster: 'another' } };
    for (let n = 0; n < 150; n += 1) {
      bed.holds(foreign, `theirs-${n}`);
      bed.says(BIRTH, `theirs-${n}`);
    }
    bed.says(BIRTH, 'pump-1');
    await bed.pass(5000);
    expect(bed.object('fleet/pump-1')).toBeDefined();
    expect((await results(bed))['created']).toBe(1);
  });

  it('waits its turn when too many do so in a minute', async () => {
    await using bed = await startTerm([], { ...ON, provisionPerMinute: 6 });
    for (let n = 0; n < 20; n += 1) bed.says(BIRTH, `pump-${n}`);
    await bed.pass(1000);
    expect(await results(bed)).toEqual({ created: 6 });
    await bed.pass(3 * MINUTE);
    expect(await results(bed)).toEqual({ created: 20 });
  });

  it('is not brought back by what it said before its object was deleted', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })], ON);
    bed.says(BIRTH);
    await bed.pass(2000);
    bed.kube.delete('default/sensor');
    await bed.pass(15 * MINUTE);
    expect(await results(bed)).toEqual({});
    bed.says({ ...BIRTH, session: 's2' });
    await bed.pass(2000);
    expect(bed.object('fleet/sensor-01')?.status?.online).toBe(true);
  });
});

it('cannot be kept from its object by a device whose id is the name made for it', async () => {
  await using bed = await startTerm([], ON);
  await bed.pass(1000);
  const impostor = objectName('Pump:1');
  bed.says({ online: true }, impostor);
  await bed.pass(5000);
  bed.says({ online: true }, 'Pump:1');
  await bed.pass(5000);
  expect(bed.object(`fleet/${impostor}`)?.spec.deviceId).toBe('Pump:1');
});

describe('the name of such an object', () => {
  it.each([
    ['pump-1', 'pump-1'],
    ['0042', '0042'],
    ['Pump:1', 'pump-1-'],
    ['pump_1', 'pump-1-'],
    ['-x-', 'x-'],
    ['___', 'device-'],
    ['F'.repeat(128), 'f'.repeat(128)],
  ])('of %s is %s…', (deviceId, beginning) => {
    const name = objectName(deviceId);
    expect(name.slice(0, beginning.length)).toBe(beginning);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?$/);
  });

  it('is never shared by two ids', () => {
    const ids = ['pump-1', 'Pump-1', 'pump_1', 'pump:1', 'PUMP:1', '-pump-1', 'pump-1-'];
    expect(new Set(ids.map(objectName)).size).toBe(ids.length);
    // Nor by an id that is the name made for another one.
    const made = ids.map(objectName).filter((name) => !ids.includes(name));
    expect(made.filter((name) => objectName(name) === name)).toEqual([]);
  });
});
