import { describe, expect, it } from '@jest/globals';
import type { KubeClient } from './client.ts';
import { TransportError } from './errors.ts';
import { fenceWrites } from './fence.ts';

function recordingClient() {
  const calls: string[] = [];
  const call = (name: string) => async () => void calls.push(name);
  const names = ['get', 'create', 'replace', 'patch', 'delete'] as const;
  const client = Object.fromEntries(names.map((name) => [name, call(name)])) as unknown as KubeClient;
  return { client, calls };
}

const WRITES: readonly (readonly [name: string, write: (client: KubeClient) => Promise<unknown>])[] = [
  ['create', (client) => client.create('/path', {})],
  ['replace', (client) => client.replace('/path', {})],
  ['patch', (client) => client.patch('/path', 'application/merge-patch+json', {})],
  ['delete', (client) => client.delete('/path')],
];

describe('fenceWrites', () => {
  it.each(WRITES)('sends a %s while it may, and nothing afterwards', async (name, write) => {
    const { client, calls } = recordingClient();
    let mayWrite = true;
    const fenced = fenceWrites(client, () => mayWrite);
    await write(fenced);
    mayWrite = false;
    await expect(write(fenced)).rejects.toThrow(TransportError);
    expect(calls).toEqual([name]);
  });

  it('reads whether or not it may write', async () => {
    const { client, calls } = recordingClient();
    await fenceWrites(client, () => false).get('/path');
    expect(calls).toEqual(['get']);
  });
});
