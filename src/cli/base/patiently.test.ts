import { describe, expect, it } from '@jest/globals';
import { ApiError, TransportError } from '../../kube/errors.ts';
import { patiently } from './patiently.ts';

const status = (code: number): ApiError => new ApiError(code, { message: `answer ${code}` });

/** Fails with each of `failures`, then answers. */
function server(...failures: readonly Error[]) {
  const left = [...failures];
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    request: async (): Promise<string> => {
      asked += 1;
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return 'done';
    },
  };
}

describe('a request made patiently', () => {
  const { signal } = new AbortController();

  it.each([
    ['an API server that has just started', status(503)],
    ['too many requests', status(429)],
    ['no answer', new TransportError('refused')],
  ])('is made again after %s', async (_what, failure) => {
    const one = server(failure);
    expect(await patiently(one.request, signal)).toBe('done');
    expect(one.asked).toBe(2);
  });

  it('fails at once with what is not over by itself', async () => {
    const one = server(status(403));
    await expect(patiently(one.request, signal)).rejects.toThrow('answer 403');
    expect(one.asked).toBe(1);
  });

  it('is not made again after an interruption', async () => {
    const one = server(status(503));
    await expect(patiently(one.request, AbortSignal.abort())).rejects.toThrow('answer 503');
    expect(one.asked).toBe(1);
  });
});
