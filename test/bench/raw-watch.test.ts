import { describe, expect, it } from '@jest/globals';
import type { KubeClient } from '../../src/kube/client.ts';
import { device } from '../gen/device.ts';
import { RawWatch } from './raw-watch.ts';
import { within } from './within.ts';

const version = (generation: number) => {
  const made = device({});
  return { ...made, metadata: { ...made.metadata, generation } };
};

/** A client whose watch tells two versions of one device in one chunk. */
const client = {
  get: () => Promise.resolve({ metadata: { resourceVersion: '1' } }),
  async *watch() {
    yield { type: 'MODIFIED', object: version(1) };
    yield { type: 'MODIFIED', object: version(2) };
    await new Promise(() => undefined);
  },
} as unknown as KubeClient;

describe('a raw watch', () => {
  it('sees what came before it was asked', async () => {
    const watch = await RawWatch.open(client, new AbortController().signal);
    await watch.until('default/sensor', ({ metadata }) => metadata.generation === 1);
    const { device: seen } = await watch.until('default/sensor', ({ metadata }) => metadata.generation === 2);
    expect(seen.metadata.generation).toBe(2);
  });
});

describe('a wait of the bench', () => {
  it('ends with what it waited for when that does not come', async () => {
    const never = new Promise<never>(() => undefined);
    await expect(within('the moon is blue', never, 5)).rejects.toThrow('not within 0.005 s: the moon is blue');
  });
});
