import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { JsonObject } from '../api/json-value.ts';
import { silentLogger } from '../base/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, TransportError } from '../kube/errors.ts';
import { AuthorPolicy, STAMPS_AUTHORS } from './author-policy.ts';

const KNOWN = { paths: { 'apis/apps/v1': {}, 'apis/iot.mir/v1alpha': {} } };
const UNKNOWN = { paths: { 'apis/apps/v1': {} } };
const APART: JsonObject = { metadata: { name: 'v1alpha.mir' } };
const BEGUN: JsonObject = { metadata: { name: 'v1alpha.mir', annotations: { [STAMPS_AUTHORS]: '' } } };

/** `answers`: what `/openapi/v3` says, one after the other, the last for ever. `patches`: how writes end. */
function bed(answers: readonly (object | Error)[], patches: readonly (Error | undefined)[] = []) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const [reads, writes] = [[...answers], [...patches]];
  const client = {
    get: () => {
      asked.push('GET');
      const answer = reads.length > 1 ? reads.shift() : reads[0];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    patch: (path: string, _type: string, body: JsonObject) => {
      asked.push(`PATCH ${path.split('/').at(-1)} ${JSON.stringify(body)}`);
      const failure = writes.shift();
      return failure === undefined ? Promise.resolve({}) : Promise.reject(failure);
    },
  };
  const policy = new AuthorPolicy(client as unknown as KubeClient, { clock, log: silentLogger, random: () => 0 });
  const stop = new AbortController();
  const written = (): string[] => asked.filter((request) => request.startsWith('PATCH'));
  return { clock, policy, stop, asked, written, see: (object?: JsonObject) => policy.see(object, stop.signal) };
}

describe('the policy that stamps authors', () => {
  it('begins ten seconds after an API server knows the kind of devices', async () => {
    const { clock, see, written } = bed([UNKNOWN, UNKNOWN, KNOWN]);
    see(APART);
    await clock.advance(13_900);
    expect(written()).toEqual([]);
    await clock.advance(200);
    expect(written()).toEqual([
      `PATCH v1alpha.mir {"metadata":{"annotations":{"${STAMPS_AUTHORS}":"2026-01-01T00:00:14.000Z"}}}`,
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is let begin once, however often its object changes meanwhile', async () => {
    const { clock, see, written } = bed([KNOWN]);
    see(APART);
    see(APART);
    await clock.advance(60_000);
    see(BEGUN);
    await clock.advance(60_000);
    expect(written()).toHaveLength(1);
  });

  it('is let begin again where somebody has put its object back', async () => {
    const { clock, see, written } = bed([KNOWN]);
    see(APART);
    await clock.advance(60_000);
    see(undefined);
    see(APART);
    await clock.advance(60_000);
    expect(written()).toHaveLength(2);
  });

  it('waits for an API server that is away, and for a right that is missing', async () => {
    const { clock, see, written } = bed(
      [new TransportError('refused'), KNOWN],
      [new ApiError(403, { message: 'User "x" cannot patch resource "apiservices"' })],
    );
    see(APART);
    await clock.advance(60_000);
    expect(written()).toHaveLength(2);
  });

  it.each([
    ['has begun', BEGUN],
    ['is not there', undefined],
  ])('is left alone where it %s', async (_, object) => {
    const { clock, see, asked } = bed([KNOWN]);
    see(object);
    await clock.advance(60_000);
    expect(asked).toEqual([]);
  });

  it('is given up with its object, and with the operator', async () => {
    const gone = bed([KNOWN], [new ApiError(404, { reason: 'NotFound', message: 'not found' })]);
    gone.see(APART);
    await gone.clock.advance(60_000);
    expect(gone.written()).toHaveLength(1);
    const stopped = bed([UNKNOWN]);
    stopped.see(APART);
    await stopped.clock.advance(5000);
    stopped.stop.abort();
    await stopped.clock.advance(60_000);
    expect(stopped.asked).toHaveLength(3);
    expect(stopped.clock.pendingTimers).toBe(0);
  });
});
