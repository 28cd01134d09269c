/** A twin that outgrows what the API server and etcd take: what is left out is enough, and no write is refused. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Stage, condition } from './support/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.operator.stop();
  await stage.restartOperator(['--max-document-bytes=262144']);
}, 120_000);
afterAll(() => stage?.close(), 120_000);

it.each([
  ['plain text', 'x', 60_000],
  ['what Go writes six times as long', '<', 60_000],
  ['many-byte characters', 'ä', 30_000],
])('loses its largest values of %s, and is written', async (what, letter, length) => {
  const name = `heap-${what.split(' ')[0]}`;
  await stage.create(name, { 'a.v1.Desired': { text: 'd'.repeat(20_000) } });
  await stage.say(name, 'state', { online: true, session: 's' });
  for (let at = 10; at < 50; at += 1) {
    await stage.say(name, `reported/a.v1.M${at}`, { value: { text: letter.repeat(length - at * 10) } });
  }
  await stage.say(name, 'reported/a.v1.Last', { value: { at: 1 } });
  await stage.until(name, 'is written without its largest values', (device) => {
    expect(condition(device, 'Truncated')).toBe('True/TwinTooLarge');
    expect(device.status?.online).toBe(true);
    const reported = device.status?.reported ?? {};
    expect(reported['a.v1.Last']).toEqual({ at: 1 });
    expect(reported['a.v1.M49']).toBeDefined();
    expect(reported['a.v1.M10']).toBeUndefined();
  });
  expect((await stage.operator.metrics()).value('mir_status_write_errors_total')).toBe(0);
});
