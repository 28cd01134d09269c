import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { eventually } from '../world/eventually.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import type { CommandResult } from '../world/kubectl.ts';
import { KUBECTL_CASES } from './kubectl-cases.ts';
import type { Command } from './kubectl-cases.ts';
import { normaliseText } from './normalise.ts';

describe('kubectl shows of the embedded API what it shows of kube-apiserver', () => {
  let real: World;
  let embedded: World;

  beforeAll(async () => {
    [real, embedded] = await Promise.all([openWorld({ kind: 'real' }), openWorld({ kind: 'embedded' })]);
    await eventually('the API server describes what it has just begun to serve', async () => {
      expect(await real.kubectl('explain', 'device')).toMatchObject({ code: 0 });
    });
  });
  afterAll(() => Promise.all([real?.close(), embedded?.close()]));

  it.each(KUBECTL_CASES)('$name', async ({ commands }) => {
    const [fromReal, fromEmbedded] = await Promise.all([outputs(real, commands), outputs(embedded, commands)]);
    expect(fromEmbedded).toEqual(fromReal);
  });
});

interface Output extends CommandResult {
  readonly command: string;
}

async function outputs(world: World, commands: readonly Command[]): Promise<Output[]> {
  const namespace = await world.namespace();
  const hash = createHash('sha256').update(namespace).digest('hex').slice(1);
  const fill = (text: string): string => text.replaceAll('{ns}', namespace).replaceAll('{hash}', hash);
  const shown = (text: string): string => withoutTheMoment(normaliseText(text, { namespace, hash }));
  const found: Output[] = [];
  let printed = '';
  for (const { args, stdin = '', isPiped = false } of commands) {
    const words = fill(args)
      .split(' ')
      .filter((word) => word !== '');
    const { code, stdout, stderr } = await world.kubectlWithInput(isPiped ? printed : fill(stdin), ...words);
    if (words[0] === 'get') printed = stdout;
    found.push({ command: args, code, stdout: shown(stdout), stderr: shown(stderr) });
  }
  return found;
}

/** Ages, times and versions, and the folders in which diff keeps its files. */
function withoutTheMoment(text: string): string {
  return text
    .replaceAll(/\d+s( *)$|\d+s {2,}/gm, '{age} ')
    .replaceAll(/(creationTimestamp|Creation Timestamp|resourceVersion|Resource Version|time)(: +).*/g, '$1$2{moment}')
    .replaceAll(/(\\?"(?:creationTimestamp|resourceVersion)\\?": ?\\?")[^"\\]+/g, '$1{moment}')
    .replaceAll(/^[WEI]\d{4} [\d:.]+ +\d+ (\S+\.go):\d+\]/gm, '{moment} $1')
    .replaceAll(/\/tmp\/(LIVE|MERGED)-\d+/g, '/tmp/$1')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}/g, '{moment}');
}
