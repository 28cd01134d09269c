/** What binds a device id to a namespace where tenants do not trust each other: the policy that is shipped, on a real API server. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';

const POLICY = join(import.meta.dirname, '..', '..', 'manifests', 'policies', 'device-id-prefix.yaml');
// The embedded API server has no admission policies, and says so.
const onReal = process.env['MIR_WORLD'] === 'real' ? describe : describe.skip;

onReal('the policy that gives each tenant a prefix', () => {
  let world: World;
  let [acme, common]: [string, string] = ['', ''];

  beforeAll(async () => {
    // A policy is about the whole cluster.
    world = await openWorld({ dedicated: true });
    [acme, common] = [await world.namespace(), await world.namespace()];
    await world.kubectl('label', 'namespace', acme, 'iot.mir/device-id-prefix=acme');
    const { code, stderr } = await world.kubectl('apply', '-f', POLICY);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await eventually('the policy is in force', async () =>
      expect(await create(common, 'acme--probe')).toContain('has none'),
    );
  }, 60_000);
  afterAll(() => world.close());

  async function create(namespace: string, deviceId: string): Promise<string> {
    const object = {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: deviceId.toLowerCase(), namespace },
      spec: { deviceId },
    };
    const { code, stderr } = await world.kubectlWithInput(
      JSON.stringify(object),
      'create',
      '-f',
      '-',
      '--dry-run=server',
    );
    return code === 0 ? 'created' : stderr;
  }

  it('lets a tenant have ids with its prefix and no others', async () => {
    expect(await create(acme, 'acme--pump-1')).toBe('created');
    expect(await create(acme, 'pump-1')).toContain(`must begin with acme--, the prefix of namespace ${acme}`);
    expect(await create(acme, 'acme-pump-1')).toContain('must begin with acme--');
  });

  it('keeps ids with a prefix out of the reach of everyone else', async () => {
    expect(await create(common, 'pump-1')).toBe('created');
    expect(await create(common, 'acme--pump-1')).toContain(`namespace ${common} has none`);
  });

  it('refuses a prefix that would reach into another', async () => {
    const nested = await world.namespace();
    await world.kubectl('label', 'namespace', nested, 'iot.mir/device-id-prefix=acme--north');
    await eventually('the label is seen', async () =>
      expect(await create(nested, 'acme--north--pump-1')).toContain('must not contain --'),
    );
  });
});
