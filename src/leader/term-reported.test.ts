import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import { ApiError } from '../kube/errors.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import { encodeReportedProtobuf } from '../protocol/protobuf-envelopes.ts';

const MODE = 'sensor.v1.Mode';
const value = (intervalSeconds: number) => ({ value: { intervalSeconds } });
const decided = (revision: number, status: 'accepted' | 'applied' | 'rejected', more: ReportedEnvelope = {}) => ({
  uid: 'uid-1',
  revision,
  status,
  ...more,
});

/** An object whose document stands at the broker, and nothing under way. */
async function published(parts: DeviceParts = { desired: rate(60) }, config = {}) {
  const bed = await startTerm([device(parts)], config);
  await bed.pass(5000);
  expect(bed.condition('Ready')).toMatch(/^True/);
  return bed;
}

describe('what a device decides', () => {
  it('goes from Pending over Acknowledged to InSync', async () => {
    await using bed = await published();
    expect(bed.sync(RATE)?.state).toBe('Pending');
    bed.reports(RATE, decided(1, 'accepted'));
    await bed.pass(100);
    expect(bed.sync(RATE)?.state).toBe('Acknowledged');
    bed.reports(RATE, decided(1, 'applied', value(60)));
    await bed.pass(100);
    expect(bed.sync(RATE)?.state).toBe('InSync');
    expect(bed.condition('Synced')).toBe('True/InSync');
    expect(bed.events).toContain('Normal Synced');
  });

  it('is Rejected with its reason, until something else is desired', async () => {
    await using bed = await published();
    bed.reports(RATE, decided(1, 'rejected', { reason: 'too fast', ...value(10) }));
    await bed.pass(100);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Rejected', message: 'too fast' });
    expect(bed.condition('Stalled')).toBe('True/Rejected');
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 2 });
    expect(bed.condition('Stalled')).toBe('absent');
  });

  it('is Drifted when it reports another value after being in sync, and no document is sent for that', async () => {
    await using bed = await published();
    bed.reports(RATE, decided(1, 'applied', value(60)));
    await bed.pass(2000);
    bed.reports(RATE, decided(1, 'applied', value(10)));
    await bed.pass(2000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Drifted', reason: 'Drifted' });
    expect(bed.documents()).toHaveLength(1);
    bed.reports(RATE, value(60));
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('costs one write when it comes within the time to settle', async () => {
    await using bed = await published();
    bed.says({ online: true, session: 's1' });
    await bed.pass(2000);
    const before = bed.kube.writes.length;
    bed.apply({ desired: rate(30) });
    await bed.pass(20);
    bed.reports(RATE, decided(2, 'applied', value(30)));
    await bed.pass(2000);
    expect(bed.kube.writes.length).toBe(before + 1);
    expect(bed.sync(RATE)).toMatchObject({ state: 'InSync', revision: 2 });
  });

  it('about an older revision does not count for the newer one', async () => {
    await using bed = await published();
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    bed.reports(RATE, decided(1, 'rejected', { reason: 'no' }));
    await bed.pass(1000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 2 });
  });

  it('about a predecessor of the object counts for its value only', async () => {
    await using bed = await published();
    bed.reports(RATE, { uid: 'uid-0', revision: 1, status: 'rejected', ...value(5) });
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('Pending');
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 5 } });
    expect(await bed.badInput('ForeignUid')).toBe(1);
  });
});

describe("a birth's list of reports", () => {
  /** A twin of two reported messages. */
  const ofTwo = async () => {
    const bed = await published();
    bed.says({ online: true, session: 's1', reports: [RATE, MODE] });
    bed.reports(RATE, value(60));
    bed.reports(MODE, { value: { mode: 'eco' } });
    await bed.pass(2000);
    expect(Object.keys(bed.status().reported ?? {}).toSorted()).toEqual([MODE, RATE].toSorted());
    return bed;
  };

  it('drops other names from the twin and from the broker', async () => {
    await using bed = await ofTwo();
    bed.says({ online: true, session: 's2', reports: [RATE] });
    await bed.pass(2000);
    expect(Object.keys(bed.status().reported ?? {})).toEqual([RATE]);
    expect(bed.broker.keptTopics).not.toContain(`mir/v1alpha/sensor-01/reported/${MODE}`);
    expect(bed.broker.keptTopics).toContain(`mir/v1alpha/sensor-01/reported/${RATE}`);
  });

  it.each(['transient', 'lost'] as const)(
    'drops other names from the broker although clearing was %s',
    async (result) => {
      await using bed = await ofTwo();
      bed.broker.publishScript.push(result);
      bed.says({ online: true, session: 's2', reports: [RATE] });
      await bed.pass(2000);
      bed.broker.disconnect();
      bed.broker.connect();
      await bed.pass(2000);
      expect(Object.keys(bed.status().reported ?? {})).toEqual([RATE]);
      expect(bed.broker.keptTopics).not.toContain(`mir/v1alpha/sensor-01/reported/${MODE}`);
    },
  );

  it('lets a name come back when it is reported again', async () => {
    await using bed = await ofTwo();
    bed.says({ online: true, session: 's2', reports: [RATE] });
    await bed.pass(2000);
    bed.reports(MODE, { value: { mode: 'turbo' } });
    await bed.pass(2000);
    bed.broker.disconnect();
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.status().reported?.[MODE]).toEqual({ mode: 'turbo' });
    expect(bed.broker.keptTopics).toContain(`mir/v1alpha/sensor-01/reported/${MODE}`);
  });

  it('drops nothing when it is absent', async () => {
    await using bed = await ofTwo();
    bed.says({ online: true, session: 's2' });
    await bed.pass(2000);
    expect(Object.keys(bed.status().reported ?? {})).toHaveLength(2);
  });

  it('drops other names although the first write of that failed', async () => {
    await using bed = await ofTwo();
    bed.kube.writeScript.push(new ApiError(500, { code: 500 }), new ApiError(500, { code: 500 }));
    bed.says({ online: true, session: 's2', reports: [RATE] });
    await bed.pass(2000);
    expect(Object.keys(bed.status().reported ?? {})).toEqual([RATE]);
    expect(bed.broker.keptTopics).not.toContain(`mir/v1alpha/sensor-01/reported/${MODE}`);
  });

  it('is asked for when what it names does not come', async () => {
    await using bed = await published();
    bed.says({ online: true, session: 's1', heartbeat: 0, reports: [RATE, MODE] });
    bed.reports(RATE, value(60));
    await bed.pass(120_000);
    const asked = bed.broker.published.filter(({ topic }) => topic === 'mir/v1alpha/sensor-01/get');
    expect(asked.map(({ payload }) => payload)).toEqual(['reported', 'reported', 'reported']);
    bed.reports(MODE, { value: { mode: 'eco' } });
    bed.says({ online: true, session: 's2', heartbeat: 0, reports: [RATE, MODE] });
    await bed.pass(120_000);
    expect(bed.broker.published.filter(({ topic }) => topic === 'mir/v1alpha/sensor-01/get')).toHaveLength(3);
  });
});

describe('bad input', () => {
  it.each([
    ['EmptyPayload', ''],
    ['InvalidJson', '{'],
    ['InvalidUtf8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['InvalidEnvelope', '{"value": 5}'],
    ['UnsupportedEncoding', encodeReportedProtobuf({ value: Buffer.from([0x08, 0x3c]) })],
    ['InvalidProtobuf', Buffer.from([0x08, 0x01, 0x32, 0xff])],
    ['UnsupportedVersion', '{"version": 2, "value": {}}'],
    ['TooLarge', JSON.stringify({ value: { text: 'x'.repeat(20_000) } })],
    ['TooDeep', `{"value": {"a": ${'['.repeat(50)}${']'.repeat(50)}}}`],
    ['ForbiddenName', '{"value": {"__proto__": {"a": 1}}}'],
    ['InvalidValue', '{"value": {"intervalSeconds": 1e400}}'],
    ['InvalidValue', '{"value": {"intervalSeconds": 9007199254740993}}'],
    ['InvalidValue', '{"value": {"text": "\\ud800"}}'],
  ])('of kind %s is counted and told, and hurts neither what stood nor what follows', async (reason, payload) => {
    await using bed = await published();
    bed.reports(RATE, value(50));
    await bed.pass(2000);
    const before = bed.status();
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/${RATE}`, payload, false);
    await bed.pass(2000);
    expect(await bed.badInput(reason)).toBe(1);
    expect(bed.events).toContain(`Warning ${reason}`);
    expect(bed.status()).toEqual(before);
    bed.reports(RATE, value(60));
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('in a value takes neither the value before it with it nor the decision beside it', async () => {
    await using bed = await published();
    bed.reports(RATE, value(50));
    bed.broker.hear(
      `mir/v1alpha/sensor-01/reported/${RATE}`,
      `{"uid":"uid-1","revision":1,"status":"rejected","reason":"no","value":{"intervalSeconds":1e400}}`,
    );
    await bed.pass(2000);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 50 } });
    expect(bed.sync(RATE)).toMatchObject({ state: 'Rejected', message: 'no' });
    expect(await bed.badInput('InvalidValue')).toBe(1);
  });

  it("in fields that nobody knows is nobody's concern", async () => {
    await using bed = await published();
    bed.broker.hear(
      `mir/v1alpha/sensor-01/reported/${RATE}`,
      `{"sentAtNs":1732112345678901234,"note":"\\ud800","value":{"intervalSeconds":60}}`,
    );
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('of an unknown device or topic is counted', async () => {
    await using bed = await published();
    bed.reports(RATE, value(1), 'stranger');
    bed.broker.hear('mir/v1alpha/sensor-01/nonsense', 'x');
    expect(await bed.badInput('UnknownDevice')).toBe(1);
    expect(await bed.badInput('InvalidTopic')).toBe(1);
  });
});
