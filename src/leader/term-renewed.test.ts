import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, device, rate } from '../../test/gen/device.ts';

const GET = 'mir/v1alpha/sensor-01/get';
const BIRTH = { online: true, session: 's1', heartbeat: 10, maxBytes: 4096, encoding: 'json', reports: [RATE] };
const NEXT = { uid: 'uid-2', created: '2024-12-01T00:00:00Z', desired: rate(20) };

const asked = (bed: TermBed): string[] =>
  bed.broker.published.filter(({ topic }) => topic === GET).map(({ payload }) => payload);

/** The device is there and in sync. */
async function connected(birth: object = BIRTH): Promise<TermBed> {
  const bed = await startTerm([device({ desired: rate(10) })]);
  await bed.pass(1000);
  bed.says(birth);
  bed.reports(RATE, { value: { intervalSeconds: 10 } });
  await bed.pass(1000);
  return bed;
}

describe('an object that is deleted and made again while its device stays connected', () => {
  it('knows at once what the device had said of itself', async () => {
    await using bed = await connected();
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    expect(bed.broker.keptTopics).toEqual([]);
    bed.apply(NEXT);
    await bed.pass(1000);
    expect(bed.status().session).toEqual({ id: 's1', heartbeat: 10, maxBytes: 4096 });
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(bed.document()?.owner.uid).toBe('uid-2');
  });

  it.each([
    ['after its topics were cleared', 2000],
    ['at once', 0],
  ])('shows no heartbeat that is older than itself: %s', async (_, goneMs) => {
    await using bed = await connected();
    bed.beats();
    await bed.pass(2000);
    const former = bed.status().lastHeartbeat;
    bed.kube.delete('default/sensor');
    await bed.pass(goneMs);
    bed.apply(NEXT);
    await bed.pass(5000);
    expect(former).toBeDefined();
    expect(bed.status()).toMatchObject({ online: true, session: { id: 's1' } });
    expect(bed.status().lastHeartbeat).toBeUndefined();
    bed.beats();
    await bed.pass(2000);
    expect(bed.status().lastHeartbeat).not.toBe(former);
    expect(bed.status().lastHeartbeat).toBeDefined();
  });

  it('asks the device what it is, and then for the reports that are gone', async () => {
    await using bed = await connected();
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    bed.apply(NEXT);
    await bed.pass(1000);
    expect(asked(bed)).toEqual(['state']);
    bed.says(BIRTH);
    await bed.pass(6000);
    expect(asked(bed)).toEqual(['state', 'reported']);
    bed.reports(RATE, { value: { intervalSeconds: 20 } });
    await bed.pass(1000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('does so when nobody led in between', async () => {
    await using bed = await startTerm([device(NEXT)]);
    await bed.pass(11_000);
    expect(bed.condition('Online')).toBe('False/NeverSeen');
    expect(asked(bed)).toEqual(['state']);
    bed.says(BIRTH);
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(bed.status().session?.maxBytes).toBe(4096);
  });

  it('asks for the reports that are gone also when another one leads by then', async () => {
    const former = await connected();
    former.kube.delete('default/sensor');
    await former.pass(2000);
    former.apply(NEXT);
    await former.pass(1000);
    former.says(BIRTH);
    await former.pass(1000);
    const object = former.object();
    const stored = former.broker.keptTopics.map((topic) => [topic, former.broker.kept(topic) ?? ''] as const);
    await former.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    bed.broker.disconnect();
    for (const [topic, payload] of stored) bed.broker.keep(topic, payload);
    bed.broker.connect();
    await bed.pass(7000);
    expect(asked(bed)).toEqual(['reported']);
  });

  it('asks the device what it is also when the leader that cleared its topics had no time to', async () => {
    const former = await connected();
    former.kube.delete('default/sensor');
    await former.pass(2000);
    // The document, then the question.
    former.broker.publishScript.push('ok', 'lost');
    former.apply(NEXT);
    await former.pass(2000);
    const object = former.object();
    expect(object?.status).toMatchObject({ observedGeneration: 1, session: { id: 's1' } });
    expect(former.broker.keptTopics).toEqual(['mir/v1alpha/sensor-01/desired']);
    const document = former.broker.kept('mir/v1alpha/sensor-01/desired') ?? '';
    await former.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    bed.broker.disconnect();
    bed.broker.keep('mir/v1alpha/sensor-01/desired', document);
    bed.broker.connect();
    await bed.pass(11_000);
    expect(asked(bed)).toEqual(['state']);
  });

  it('does so when its predecessor went under a former leader', async () => {
    await using bed = await startTerm();
    await bed.pass(1000);
    bed.apply(NEXT);
    await bed.pass(11_000);
    expect(bed.condition('Online')).toBe('False/NeverSeen');
    expect(asked(bed)).toEqual(['state']);
  });

  it('does so when it comes while the topics of its predecessor are being cleared', async () => {
    await using bed = await connected();
    bed.broker.publishDelayMs = 100;
    bed.kube.delete('default/sensor');
    await bed.until(() => bed.broker.published.some(({ payload }) => payload === ''), 2000);
    bed.apply(NEXT);
    await bed.pass(3000);
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(asked(bed)).toEqual(['state']);
    expect(bed.document()?.owner.uid).toBe('uid-2');
  });

  it('does so once more after its device had spoken while the topics were being cleared', async () => {
    await using bed = await connected();
    bed.broker.publishDelayMs = 100;
    bed.kube.delete('default/sensor');
    await bed.until(() => bed.broker.published.some(({ payload }) => payload === ''), 2000);
    bed.says(BIRTH);
    bed.apply(NEXT);
    await bed.pass(3000);
    bed.says(BIRTH);
    await bed.pass(1000);
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    bed.apply({ ...NEXT, uid: 'uid-3' });
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('True/Birth');
  });

  it('believes what was said in between, not what was said before', async () => {
    await using bed = await connected();
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    bed.says({ online: false, session: 's1' });
    bed.apply(NEXT);
    await bed.pass(1000);
    expect(bed.status().online).toBe(false);
    expect(asked(bed)).toEqual([]);
  });

  it('sends protobuf at once to a device that had asked for it', async () => {
    await using bed = await connected({ ...BIRTH, encoding: 'protobuf' });
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    bed.apply({ ...NEXT, desired: {} });
    await bed.pass(1000);
    expect(bed.broker.keptBytes('mir/v1alpha/sensor-01/desired')?.subarray(0, 1)).toEqual(Buffer.of(0x08));
  });
});

describe('the question for a state', () => {
  it.each([
    ['is asked again when it was lost with the connection', 'lost', ['state', 'state']],
    ['is not asked again when the broker had taken it', 'ok', ['state']],
  ] as const)('%s', async (_, result, expected) => {
    await using bed = await connected();
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    // The document, then the question.
    bed.broker.publishScript.push('ok', result);
    bed.apply(NEXT);
    await bed.pass(1000);
    expect(bed.broker.published.at(-1)).toMatchObject({ topic: GET, payload: 'state', result });
    bed.broker.disconnect();
    bed.broker.connect();
    await bed.pass(2000);
    expect(asked(bed).filter((what) => what === 'state')).toEqual(expected);
  });
});

describe('the question for a state that the broker refuses', () => {
  const refusing = async (): Promise<TermBed> => {
    const bed = await connected();
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    bed.broker.isRefusingTopic = (topic) => topic === GET;
    bed.apply(NEXT);
    return bed;
  };

  const states = (bed: TermBed): number => asked(bed).filter((what) => what === 'state').length;

  it('is asked again after a pause, until the broker takes it', async () => {
    await using bed = await refusing();
    await bed.pass(5000);
    expect(states(bed)).toBe(1);
    await bed.pass(10_000);
    expect(states(bed)).toBe(2);
    bed.broker.isRefusingTopic = () => false;
    await bed.pass(60_000);
    expect(states(bed)).toBe(3);
  });

  it('is not repeated for ever', async () => {
    await using bed = await refusing();
    await bed.pass(120_000);
    expect(states(bed)).toBe(4);
  });
});

describe('nobody is asked for a state', () => {
  it('that stands stored', async () => {
    const former = await connected();
    const object = former.object();
    const state = former.broker.kept('mir/v1alpha/sensor-01/state') ?? '';
    await former.pass(20_000);
    expect(asked(former)).toEqual([]);
    await former.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    bed.broker.disconnect();
    bed.broker.keep('mir/v1alpha/sensor-01/state', state);
    bed.broker.connect();
    await bed.pass(20_000);
    expect(asked(bed).filter((what) => what === 'state')).toEqual([]);
  });

  it('of an object that was looked at before, and whose device has never said any', async () => {
    const former = await startTerm([device({ desired: rate(10) })]);
    await former.pass(20_000);
    const object = former.object();
    expect(object?.status?.observedGeneration).toBe(1);
    await former.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    await bed.pass(20_000);
    expect(asked(bed)).toEqual([]);
  });

  it('faster than the broker has time for, when a whole fleet is new', async () => {
    const fleet = Array.from({ length: 300 }, (_, at) =>
      device({ name: `d${at}`, uid: `u${at}`, deviceId: `id-${at}` }),
    );
    await using bed = await startTerm(fleet);
    await bed.pass(11_000);
    const states = (): number => bed.broker.published.filter(({ payload }) => payload === 'state').length;
    expect(states()).toBeLessThanOrEqual(250);
    await bed.pass(2000);
    expect(states()).toBe(300);
  });
});
