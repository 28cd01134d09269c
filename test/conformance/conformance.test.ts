import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { eventually } from '../world/eventually.ts';
import { request } from '../world/http.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { CASES } from './cases.ts';
import { differences } from './differences.ts';
import { exchange } from './exchange.ts';
import type { Answer } from './exchange.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';

const GADGETS = join(import.meta.dirname, 'gadgets.yaml');

/** Resolves when the API server serves the resource. */
async function serveGadgets(world: World): Promise<void> {
  await world.kubectl('apply', '-f', GADGETS);
  await eventually('gadgets are served', async () => {
    const { status } = await request(world.kubeconfig, 'GET', '/apis/test.mir/v1/namespaces/default/gadgets');
    expect(status).toBe(200);
  });
}

describe('the embedded API answers as kube-apiserver does', () => {
  let real: World;
  let embedded: World;

  beforeAll(async () => {
    [real, embedded] = await Promise.all([openWorld({ kind: 'real' }), openWorld({ kind: 'embedded' })]);
    await Promise.all([real, embedded].map(serveGadgets));
  });
  afterAll(() => Promise.all([real?.close(), embedded?.close()]));

  for (const [group, cases] of Object.entries(CASES)) {
    describe(`in ${group}`, () => {
      for (const { name, steps } of cases) {
        const known = KNOWN_DIFFERENCES.get(`${group} › ${name}`);
        const answers = async (world: World): Promise<Answer[]> =>
          exchange(world.kubeconfig, await world.namespace(), steps);

        if (known === undefined) {
          it(`to ${name}`, async () => {
            expect(await answers(embedded)).toEqual(await answers(real));
          });
        } else {
          // Fails once it is mended, or differs in another way: then its entry in known-differences.ts goes or changes.
          it(`to ${name} (known difference: ${known.because})`, async () => {
            expect(differences(await answers(real), await answers(embedded))).toEqual(known.differs);
          });
        }
      }
    });
  }

  it('knows differences of existing cases only', () => {
    const names = Object.entries(CASES).flatMap(([group, cases]) => cases.map(({ name }) => `${group} › ${name}`));
    expect([...KNOWN_DIFFERENCES.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });
});
