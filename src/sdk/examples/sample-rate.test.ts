/** The C example, compiled and run over the vectors that a device with one message can run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_PROTOCOL_LIMITS } from '../../protocol/envelopes.ts';
import { parseState } from '../../protocol/state-envelope.ts';
import { payloadOf, readVectors } from '../testing/vectors.ts';
import type { DesiredCase } from '../testing/vectors.ts';

const RATE = 'sensor.v1.SampleRate';
const MAIN = join(import.meta.dirname, '..', 'testing', 'sample-rate-main.c');

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mir-c-'));
  program = join(folder, 'sample-rate');
  const flags = ['-std=c99', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-format-truncation'];
  execFileSync(process.env['CC'] ?? 'gcc', [
    ...flags,
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover',
    '-o',
    program,
    MAIN,
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly took: number;
  readonly foreign: number;
  readonly asked: number;
  /** Seconds in effect. */
  readonly rate: number;
  readonly report: Readonly<Record<string, unknown>>;
  readonly birth: unknown;
}

let devices = 0;

/** The EEPROM of another device, with what is in `store`. */
function eepromOf(store: DesiredCase['store'] = {}): string {
  const eeprom = join(folder, `eeprom-${(devices += 1)}`);
  const entry = store[RATE];
  if (entry === undefined) return eeprom;
  const interval = JSON.stringify(entry.value['intervalSeconds']);
  execFileSync(program, ['put', entry.uid, String(entry.revision), interval, eeprom]);
  return eeprom;
}

function play(what: 'desired' | 'get' | 'state' | 'start', eeprom: string, payload: Buffer | string = ''): Answer {
  return JSON.parse(execFileSync(program, [what, eeprom], { input: payload, encoding: 'utf8' })) as Answer;
}

const ask = (payload: Buffer, store: DesiredCase['store'] = {}): Answer => play('desired', eepromOf(store), payload);

/** It knows one field of one message, rejects nothing, and reads no more of the others than it must to skip them. */
function isForIt(given: DesiredCase): boolean {
  const entries = [...Object.values(given.store), ...Object.values(given.storeAfter)];
  const isKnown = entries.every(
    ({ value, decision }) => typeof value['intervalSeconds'] === 'number' && decision === 'applied',
  );
  const names = Object.keys({ ...given.store, ...given.storeAfter });
  return isKnown && names.every((name) => name === RATE) && given.rejects === undefined && !isAboutOthers(given);
}

/** What only a full parser finds wrong, with the reason why a device like this may take it. */
const BEYOND: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /one revision of two|one value is no object|name that is no message name/,
    'another message is wrong, which it does not read',
  ],
  [/__proto__/, 'the name means nothing in C'],
  [/maxBytes/, 'its own bound is another'],
  [/nested over 32/, 'it keeps no stack'],
];
const isAboutOthers = ({ name }: DesiredCase): boolean => BEYOND.some(([pattern]) => pattern.test(name));

const cases = readVectors('desired').filter((given) => payloadOf(given) !== undefined && isForIt(given));

/** What `take` answers. */
function expectedOf({ runs, withdrawn, published }: DesiredCase): number {
  if (runs.length > 0) return 1;
  if (withdrawn.length > 0) return 3;
  return published[RATE] === undefined ? 0 : 2;
}

describe('the C example', () => {
  it('is given most of the vectors', () => {
    expect(cases.length).toBeGreaterThanOrEqual(20);
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, given) => {
    const answer = ask(payloadOf(given) ?? Buffer.alloc(0), given.store);
    expect(answer.took).toBe(expectedOf(given));
    const { published } = given;
    expect(published[RATE] === undefined ? undefined : answer.report).toEqual(published[RATE]);
    const reports = [given.storeAfter[RATE]]
      .flatMap((after) => after ?? [])
      .map(({ uid, revision, value }) => ({
        version: 1,
        uid,
        revision,
        status: 'applied',
        value,
      }));
    expect(given.storeAfter[RATE] === undefined ? [] : [answer.report]).toEqual(reports);
  });

  describe('that does what its header says', () => {
    const document = (messages: object) =>
      JSON.stringify({ owner: { cluster: 'c', namespace: 'n', name: 'd', uid: 'u1' }, messages });
    const rate = (revision: number, intervalSeconds: number) =>
      document({ [RATE]: { revision, value: { intervalSeconds } } });

    it('has after a restart what it had before it', () => {
      const eeprom = eepromOf();
      expect(play('start', eeprom)).toMatchObject({ rate: 60, report: { value: { intervalSeconds: 60 } } });
      expect(play('desired', eeprom, rate(1, 30))).toMatchObject({ took: 1, rate: 30 });
      expect(play('start', eeprom)).toMatchObject({ rate: 30, report: { revision: 1, status: 'applied' } });
    });

    it('has no withdrawn value back after a restart, and reports it once more without a decision', () => {
      const eeprom = eepromOf();
      play('desired', eeprom, rate(7, 30));
      expect(play('desired', eeprom, document({}))).toMatchObject({ took: 3, rate: 60 });
      const after = play('start', eeprom);
      expect(after.rate).toBe(60);
      expect(after.report).toEqual({ version: 1, value: { intervalSeconds: 60 } });
      expect(play('desired', eeprom, rate(8, 30))).toMatchObject({ took: 1, rate: 30 });
    });

    it('goes on with the rate before a rejected one, also after a restart', () => {
      const eeprom = eepromOf();
      play('desired', eeprom, rate(1, 30));
      expect(play('desired', eeprom, rate(2, 0))).toMatchObject({ took: 2, rate: 30 });
      expect(play('start', eeprom)).toMatchObject({
        rate: 30,
        report: { revision: 2, status: 'rejected', value: { intervalSeconds: 30 } },
      });
      const first = eepromOf();
      expect(play('desired', first, rate(1, 0))).toMatchObject({ took: 2, rate: 60 });
      expect(play('start', first)).toMatchObject({ rate: 60, report: { revision: 1, status: 'rejected' } });
    });

    it.each(readVectors('state').map((one) => [one.name, one] as const))('%s', (_, given) => {
      const eeprom = eepromOf();
      const heard = given.in.map((state) => {
        const session = state['session'] === '$own' ? { session: '0000b7c1' } : {};
        return play('state', eeprom, JSON.stringify({ ...state, ...session })).foreign;
      });
      // Once for each connection.
      expect(Math.max(0, ...heard)).toBe(given.births);
    });

    it.each(readVectors('get').map((one) => [one.name, one] as const))('%s', (_, { in: payload, births, reported }) => {
      expect(play('get', eepromOf(), payload).asked).toBe(births > 0 ? 1 : reported.length > 0 ? 2 : 0);
    });

    it('leaves alone what it cannot read on its state topic', () => {
      for (const payload of ['', '{', 'null', '{"online":"false"}', '{"session":"x"}', '[{"online":false}]'])
        expect(play('state', eepromOf(), payload).foreign).toBe(0);
    });
  });

  it('announces itself as the protocol says, with the size that it takes', () => {
    const { birth } = ask(Buffer.alloc(0), {
      [RATE]: { uid: 'u1', revision: 7, value: { intervalSeconds: 5 }, decision: 'applied' },
    });
    const state = parseState(Buffer.from(JSON.stringify(birth)), { ...DEFAULT_PROTOCOL_LIMITS, maxReports: 100 });
    expect(state).toMatchObject({
      ok: true,
      value: { online: true, uid: 'u1', revision: 7, reports: [RATE], maxBytes: 1900 },
    });
  });

  it.each([0, 60.5, 86_401])('rejects a rate it cannot keep, with the reason and the rate it has: %d', (seconds) => {
    const owner = { cluster: 'c', namespace: 'n', name: 'd', uid: 'u1' };
    const messages = { [RATE]: { revision: 8, value: { intervalSeconds: seconds } } };
    const store: DesiredCase['store'] = {
      [RATE]: { uid: 'u1', revision: 7, value: { intervalSeconds: 5 }, decision: 'applied' },
    };
    expect(ask(Buffer.from(JSON.stringify({ owner, messages })), store)).toMatchObject({
      took: 2,
      report: {
        revision: 8,
        status: 'rejected',
        reason: 'intervalSeconds: whole, 1 to 86400',
        value: { intervalSeconds: 5 },
      },
    });
  });

  it('takes nothing larger than that, and nothing cut anywhere', () => {
    const owner = { cluster: 'c', namespace: 'n', name: 'd', uid: 'u1' };
    const document = (pad: string) =>
      Buffer.from(JSON.stringify({ owner, pad, messages: { [RATE]: { revision: 1, value: { intervalSeconds: 9 } } } }));
    expect(ask(document('"}{[\\'.repeat(20)))).toMatchObject({ took: 1, report: { value: { intervalSeconds: 9 } } });
    expect(ask(document('x'.repeat(1900))).took).toBe(0);
    const whole = document('');
    for (let length = 0; length < whole.length; length += 7) expect(ask(whole.subarray(0, length)).took).toBe(0);
  });
});
