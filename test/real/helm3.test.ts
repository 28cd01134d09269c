/** The chart under Helm 3: what it refuses, and that it renders the very objects that Helm 4 renders. upgrade.test.ts installs it. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { findHelm } from './binaries.ts';
import { REFUSED_VALUES, TAKEN_VALUES } from './chart-cases.ts';
import { helmFor, succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { scratchDirectory } from './reaper.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const CRD_CHART = join(ROOT, 'helm/mir-operator-crds');
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const INSTALL = ['mir-operator', CHART, '--namespace', 'mir-system', '--set', 'mqtt.url=mqtt://b:1883'] as const;

let helm3: Helm;
let helm4: Helm;

beforeAll(async () => {
  const directory = scratchDirectory('helm3');
  const helm = async (major: 3 | 4): Promise<Helm> =>
    helmFor(await findHelm(progress, major), join(directory, 'no-cluster'), join(directory, String(major)));
  [helm3, helm4] = [await helm(3), await helm(4)];
}, 600_000);

describe('the chart under Helm 3', () => {
  it('is run by Helm 3 here', async () => {
    expect(await succeed(helm3('version', '--short'))).toMatch(/^v3\./);
  });

  it('passes helm lint', async () => {
    const out = await succeed(helm3('lint', '--strict', CHART, '--set', 'mqtt.url=mqtt://b:1883'));
    expect(out).toContain('0 chart(s) failed');
    await succeed(helm3('lint', '--strict', CRD_CHART));
  });

  it.each(REFUSED_VALUES)('refuses %s with a message that names it', async (_what, flags, message) => {
    const { code, stderr } = await helm3('template', ...INSTALL, ...flags);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it.each(TAKEN_VALUES)('renders what Helm 4 renders: %s', async (_what, sets, kinds = []) => {
    const flags = [...sets.flatMap((set) => ['--set', set]), ...kinds.flatMap((kind) => ['--api-versions', kind])];
    const rendered = async (helm: Helm): Promise<unknown[]> =>
      loadAll(await succeed(helm('template', ...INSTALL, ...flags))).filter((object) => object !== null);
    const objects = await rendered(helm3);
    expect(objects.length).toBeGreaterThan(5);
    expect(objects).toEqual(await rendered(helm4));
  });
});
