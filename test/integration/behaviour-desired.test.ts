/** From the object to the device. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { BATTERY, RATE, Stage, condition, syncState } from './support/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage.close(), 120_000);

const rate = (intervalSeconds: number) => ({ [RATE]: { intervalSeconds } });

describe('desired properties', () => {
  it.each([5, 4] as const)('reach a device and come back as reported (MQTT %i)', async (protocolVersion) => {
    const name = `version-${protocolVersion}`;
    await stage.create(name, rate(60));
    const device = await stage.startDevice(name, { device: { broker: { protocolVersion } } });
    await stage.untilCondition(name, 'Synced', 'True/InSync');
    await stage.desire(name, RATE, { intervalSeconds: 30 });
    await stage.until(name, 'reports 30', ({ status }) =>
      expect(status?.reported?.[RATE]).toEqual({ intervalSeconds: 30 }),
    );
    await stage.until(name, 'is in sync with times of both sides', ({ status }) => {
      expect(status?.sync?.[RATE]?.state).toBe('InSync');
      expect(status?.properties?.desired?.[RATE]).toMatch(/^\d{4}-.*Z$/);
      expect(status?.properties?.reported?.[BATTERY]).toMatch(/^\d{4}-.*Z$/);
    });
    expect(device.applied.map(({ value }) => value)).toEqual([{ intervalSeconds: 60 }, { intervalSeconds: 30 }]);
  });

  it('reach a device that was offline as the newest value, once', async () => {
    await stage.create('offline', rate(60));
    const device = await stage.startDevice('offline');
    await stage.untilCondition('offline', 'Synced', 'True/InSync');
    await device.goOffline();
    await stage.untilCondition('offline', 'Online', 'False/Goodbye');
    for (const seconds of [50, 40, 30, 20, 10]) await stage.desire('offline', RATE, { intervalSeconds: seconds });
    await stage.until('offline', 'is published and pending', (object) => {
      expect(object.status?.observedGeneration).toBe(object.metadata.generation);
      expect(condition(object, 'Ready')).toBe('True/Published');
      expect(syncState(object)).toBe('Pending');
    });
    await device.start();
    await stage.untilCondition('offline', 'Synced', 'True/InSync');
    // It starts with the 60 of its own store, and is told of nothing in between.
    expect(device.applied.map(({ value }) => value['intervalSeconds']).filter((seconds) => seconds !== 60)).toEqual([
      10,
    ]);
  });

  it('that nobody has looked at yet are not taken for in sync by kubectl wait', async () => {
    await stage.create('waited-for', rate(60));
    await stage.startDevice('waited-for');
    const wait = (timeout: string) =>
      stage.world.kubectl('wait', 'device/waited-for', '--for=condition=Synced', `-n=${stage.namespace}`, timeout);
    expect(await wait('--timeout=60s')).toMatchObject({ code: 0 });
    stage.operator.freeze();
    await stage.desire('waited-for', RATE, { intervalSeconds: 30 });
    expect(condition(await stage.get('waited-for'), 'Synced')).toBe('True/InSync');
    expect(await wait('--timeout=1s')).toMatchObject({ code: 1, stderr: expect.stringContaining('timed out') });
    stage.operator.thaw();
    expect(await wait('--timeout=60s')).toMatchObject({ code: 0 });
    expect((await stage.get('waited-for')).status?.reported?.[RATE]).toEqual({ intervalSeconds: 30 });
  });

  it('that the device rejects are shown with its reason, in sync, condition and event', async () => {
    await stage.create('rejecting', rate(0));
    const device = await stage.startDevice('rejecting');
    await stage.untilCondition('rejecting', 'Stalled', 'True/Rejected');
    const object = await stage.get('rejecting');
    expect(object.status?.sync?.[RATE]).toMatchObject({
      state: 'Rejected',
      message: expect.stringContaining('at least 1'),
    });
    expect(condition(object, 'Ready')).toBe('False/Rejected');
    expect(condition(object, 'Synced')).toBe('False/Rejected');
    await stage.untilEvent('rejecting', 'Rejected', 'at least 1');
    await stage.desire('rejecting', RATE, { intervalSeconds: 5 });
    await stage.untilCondition('rejecting', 'Synced', 'True/InSync');
    await stage.untilCondition('rejecting', 'Stalled', 'absent');
    expect(device.applied).toHaveLength(1);
  });

  it('are not sent again because of a report: a device that changes its mind is Drifted', async () => {
    await stage.create('drifting', rate(60));
    const device = await stage.startDevice('drifting');
    await stage.untilCondition('drifting', 'Synced', 'True/InSync');
    const documents = await stage.world.broker.watch(stage.topic('drifting', 'desired'));
    device.drift(RATE, { intervalSeconds: 7 });
    await stage.untilCondition('drifting', 'Synced', 'False/Drifted');
    await stage.untilEvent('drifting', 'Drifted', RATE);
    expect(condition(await stage.get('drifting'), 'Ready')).toBe('True/Published');
    // A change of another message is the barrier: its document is the first one since.
    await stage.desire('drifting', 'features.v1.Flags', { enableAdvancedMetrics: true });
    await documents.first('the document of the barrier', ({ text }) => text.includes('features.v1.Flags'));
    const sent = documents.messages.filter(
      ({ isRetained, text }) => !isRetained && !text.includes('features.v1.Flags'),
    );
    expect(sent).toEqual([]);
    expect(device.applied.filter(({ message }) => message === RATE)).toHaveLength(1);
  });

  it('that are removed are withdrawn from the device', async () => {
    await stage.create('withdrawn', { ...rate(60), 'features.v1.Flags': { enableAdvancedMetrics: true } });
    await stage.startDevice('withdrawn');
    await stage.untilCondition('withdrawn', 'Synced', 'True/InSync');
    await stage.desire('withdrawn', RATE, null);
    await stage.until('withdrawn', 'knows only the other message', ({ status }) =>
      expect(Object.keys(status?.sync ?? {})).toEqual(['features.v1.Flags']),
    );
    const document = (await stage.world.broker.retained(stage.topic('withdrawn', 'desired'))).get(
      stage.topic('withdrawn', 'desired'),
    );
    expect(Object.keys(JSON.parse(document ?? '{}').messages)).toEqual(['features.v1.Flags']);
  });

  it('larger than the device or the limit allows are not sent, and say so', async () => {
    await stage.create('small', rate(60));
    await stage.say('small', 'state', { online: true, session: 's', maxBytes: 300 });
    await stage.until('small', 'has said how much it takes', ({ status }) =>
      expect(status?.session?.maxBytes).toBe(300),
    );
    await stage.desire('small', 'wifi.v1.Settings', { ssid: 'x'.repeat(300) });
    await stage.untilCondition('small', 'Ready', 'False/TooLargeForDevice');
    expect(syncState(await stage.get('small'), 'wifi.v1.Settings')).toBe('Invalid');
    await stage.create('huge', { 'wifi.v1.Settings': { ssid: 'x'.repeat(20_000) } });
    await stage.untilCondition('huge', 'Stalled', 'True/TooLarge');
    await stage.desire('huge', 'wifi.v1.Settings', { ssid: 'short' });
    await stage.untilCondition('huge', 'Ready', 'True/Published');
  });
});

describe('an object', () => {
  it('that is deleted takes all its retained topics with it', async () => {
    await stage.create('deleted', rate(60));
    const device = await stage.startDevice('deleted');
    await stage.untilCondition('deleted', 'Synced', 'True/InSync');
    await device.goOffline();
    await stage.delete('deleted');
    await expectNothingRetained('deleted');
  });

  it('that is deleted while the operator is down takes all its retained topics with it', async () => {
    await stage.create('deleted-meanwhile', rate(60));
    const device = await stage.startDevice('deleted-meanwhile');
    await stage.untilCondition('deleted-meanwhile', 'Synced', 'True/InSync');
    await device.goOffline();
    await stage.operator.stop();
    await stage.delete('deleted-meanwhile');
    await stage.restartOperator();
    await expectNothingRetained('deleted-meanwhile');
  });

  it('that is disabled cuts the device off, and enabling it restores everything', async () => {
    await stage.create('disabled', rate(60));
    const device = await stage.startDevice('disabled');
    await stage.untilCondition('disabled', 'Synced', 'True/InSync');
    await stage.patch('disabled', { spec: { disabled: true } });
    await stage.untilCondition('disabled', 'Online', 'False/Disabled');
    const topic = stage.topic('disabled', 'desired');
    const document = (await stage.world.broker.retained(topic)).get(topic) ?? '';
    expect(JSON.parse(document)).toMatchObject({ disabled: true, messages: {} });
    const before = await stage.badInput('DeviceDisabled');
    device.report(BATTERY, { percentage: 12 });
    await eventually('what it says is counted', async () =>
      expect(await stage.badInput('DeviceDisabled')).toBeGreaterThan(before),
    );
    expect((await stage.get('disabled')).status?.reported?.[BATTERY]).toEqual({ percentage: 87, voltage: 3.2 });

    await stage.patch('disabled', { spec: { disabled: false } });
    await stage.untilCondition('disabled', 'Synced', 'True/InSync');
    await stage.until('disabled', 'is online and has the report of meanwhile', ({ status }) => {
      expect(status?.online).toBe(true);
      expect(status?.reported?.[BATTERY]).toEqual({ percentage: 12 });
    });
    expect(device.applied).toHaveLength(1);
  });

  it('with the device id of an older one is Stalled, and takes over when that goes', async () => {
    const deviceId = stage.id('contested');
    await stage.create('older', rate(60), { deviceId });
    await stage.untilCondition('older', 'Ready', 'True/Published');
    // Creation times have whole seconds; of two objects of one second the smaller uid wins.
    await eventually('a second has passed', async () => {
      const { metadata } = await stage.get('older');
      expect(Date.now() - Date.parse(metadata.creationTimestamp)).toBeGreaterThan(1100);
    });
    await stage.create('younger', rate(10), { deviceId });
    await stage.untilCondition('younger', 'Stalled', 'True/DuplicateDeviceId');
    const younger = await stage.get('younger');
    const stalled = younger.status?.conditions?.find(({ type }) => type === 'Stalled');
    expect(stalled?.message).toContain(`${stage.namespace}/older`);
    await stage.untilEvent('younger', 'DuplicateDeviceId', 'older');
    const device = await stage.startDevice('contested');
    await stage.untilCondition('older', 'Synced', 'True/InSync');
    await stage.delete('older');
    await stage.untilCondition('younger', 'Synced', 'True/InSync');
    expect(device.applied.map(({ value }) => value)).toEqual([{ intervalSeconds: 60 }, { intervalSeconds: 10 }]);
    await stage.untilCondition('younger', 'Stalled', 'absent');
  });

  it('leaves the document of another cluster alone until it may take over', async () => {
    const owner = { cluster: 'elsewhere', namespace: 'x', name: 'y', uid: 'z' };
    const foreign = JSON.stringify({ version: 1, owner, disabled: false, messages: {} });
    await stage.say('claimed', 'desired', foreign);
    await stage.create('claimed', rate(60));
    await stage.untilCondition('claimed', 'Stalled', 'True/ForeignOwner');
    const topic = stage.topic('claimed', 'desired');
    expect((await stage.world.broker.retained(topic)).get(topic)).toBe(foreign);
    await stage.operator.stop();
    await stage.restartOperator(['--take-over-foreign=elsewhere']);
    await stage.untilCondition('claimed', 'Ready', 'True/Published');
    await stage.untilCondition('claimed', 'Stalled', 'absent');
  });
});

async function expectNothingRetained(name: string): Promise<void> {
  await eventually(`nothing is retained of ${name}`, async () => {
    expect([...(await stage.world.broker.retained(stage.topic(name, '#'))).keys()]).toEqual([]);
  });
}
