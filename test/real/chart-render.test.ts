/** What the chart renders, where values decide between objects; no cluster needed. */
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { envName, flagName } from '../../src/config/option.ts';
import { ALL_OPTIONS } from '../../src/config/options.ts';
import { findHelm } from './binaries.ts';
import { helmFor, succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { scratchDirectory } from './reaper.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const CRD_CHART = join(ROOT, 'helm/mir-operator-crds');
const BROKER = ['mqtt.url=', 'broker.enabled=true', 'broker.credentialsSecret=c', 'broker.tls.secretName=t'] as const;

let directory: string;
let helm: Helm;
beforeAll(async () => {
  directory = scratchDirectory('chart-render');
  const binary = await findHelm((line) => void process.stderr.write(`${line}\n`));
  helm = helmFor(binary, join(directory, 'no-cluster'), directory);
}, 600_000);

type Labels = Readonly<Record<string, string>>;

interface Container {
  readonly name: string;
  readonly resources?: object;
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec?: {
    readonly selector?: Labels | { readonly matchLabels: Labels };
    readonly podSelector?: { readonly matchLabels: Labels };
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
    readonly strategy?: object;
  };
}

const objectsOf = (text: string): Rendered[] => (loadAll(text) as (Rendered | null)[]).filter((one) => one !== null);

async function render(sets: readonly string[], ...flags: readonly string[]): Promise<Rendered[]> {
  const values = ['mqtt.url=mqtt://b:1883', ...sets].flatMap((set) => ['--set', set]);
  return objectsOf(await succeed(helm('template', 'mir-operator', CHART, ...values, ...flags)));
}

const named = (objects: readonly Rendered[], kind: string): string[] =>
  objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);

describe('without an election', () => {
  it('one pod goes before the next one comes, and no Lease is granted', async () => {
    const objects = await render(['config.leaderElection=false', 'replicaCount=1']);
    const deployment = objects.find(({ kind }) => kind === 'Deployment');
    expect(deployment?.spec?.strategy).toEqual({ type: 'Recreate', rollingUpdate: null });
    expect(named(objects, 'Role')).not.toContain('mir-operator-lease');
    expect(named(await render([]), 'Role')).toContain('mir-operator-lease');
  });
});

/** Options of the operator by which a template decides. */
function decidingOptions(): string[] {
  const folder = join(CHART, 'templates');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(yaml|tpl|txt)$/.test(name),
  );
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  return [...new Set([...text.matchAll(/\.Values\.config\.(\w+)/g)].map(([, key = '']) => key))].toSorted();
}

describe('an option by which the chart decides', () => {
  it.each(decidingOptions())('is taken from config alone: %s', async (key) => {
    const option = ALL_OPTIONS.get(key);
    if (option === undefined) throw new Error(`${key} is no option`);
    const flag = flagName(key, option) ?? '';
    const variable = envName(key, option);
    const said = [
      [flag, `extraArgs={${flag}=false}`],
      [flag, `extraArgs={${flag},false}`],
      ...(option.kind === 'boolean' ? [[`--no-${flag.slice(2)}`, `extraArgs={--no-${flag.slice(2)}}`]] : []),
      [variable, `extraEnv[0].name=${variable},extraEnv[0].value=false`],
    ];
    for (const [name, set = ''] of said) {
      const { code, stderr } = await helm('template', 'm', CHART, '--set', 'mqtt.url=mqtt://b:1883', '--set', set);
      expect({ set, code: code === 0 ? 0 : 1 }).toEqual({ set, code: 1 });
      expect(stderr).toContain(`${name} in extraArgs or extraEnv`);
      expect(stderr).toContain(`set config.${key} instead`);
    }
  });

  it('leaves other arguments and variables to whoever installs', async () => {
    await render(['extraArgs={--log-level=debug}', 'extraEnv[0].name=MIR_PAGE_SIZE,extraEnv[0].value=50']);
  });
});

describe('beside a Prometheus operator', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['by default', [], ['ServiceMonitor']],
    ['that reads pods', ['metrics.podMonitor.enabled=true'], ['PodMonitor']],
    ['that reads neither', ['metrics.serviceMonitor.enabled=false'], []],
  ])('one monitor at most scrapes the operator: %s', async (_which, sets, expected) => {
    const kinds = ['ServiceMonitor', 'PodMonitor'].flatMap((kind) => [
      '--api-versions',
      `monitoring.coreos.com/v1/${kind}`,
    ]);
    const monitors = (await render(sets, ...kinds)).filter(({ kind }) => kind.endsWith('Monitor'));
    expect(monitors.map(({ kind }) => kind)).toEqual(expected);
  });
});

describe('the pod of helm test', () => {
  it("is no pod of the operator's for Services, policies and budgets, nor of the broker's", async () => {
    const objects = await render(BROKER);
    const pod = objects.find(({ kind }) => kind === 'Pod');
    const labels = Object.entries(pod?.metadata.labels ?? {});
    const selectors = objects.flatMap(({ kind, metadata, spec }) => {
      const selector = spec?.podSelector ?? spec?.selector;
      if (selector === undefined) return [];
      const wanted = ('matchLabels' in selector ? selector.matchLabels : selector) as Labels;
      return [{ of: `${kind}/${metadata.name}`, wanted: Object.entries(wanted) }];
    });
    expect(selectors.length).toBeGreaterThan(6);
    const isMatched = (wanted: readonly (readonly [string, string])[]): boolean =>
      wanted.every(([key, value]) => labels.some(([name, text]) => name === key && text === value));
    expect(selectors.filter(({ wanted }) => isMatched(wanted)).map(({ of }) => of)).toEqual([]);
  });
});

describe('every container', () => {
  it('says what it needs', async () => {
    const specs = (await render(BROKER)).flatMap((one) => one.spec?.template?.spec ?? []);
    const containers = specs.flatMap(({ containers: main, initContainers = [] }) => [...initContainers, ...main]);
    expect(containers.map(({ name }) => name).toSorted()).toEqual(['mosquitto', 'operator', 'passwords', 'reload']);
    const expected = { requests: expect.any(Object), limits: expect.any(Object) };
    for (const container of containers) expect(container.resources).toEqual(expected);
  });
});

describe('as a part of another chart', () => {
  it('both charts are switched by its condition', async () => {
    const parent = join(directory, 'umbrella');
    mkdirSync(join(parent, 'charts'), { recursive: true });
    const charts = [CRD_CHART, CHART].map((source) => {
      const name = /^name: (.*)$/m.exec(readFileSync(join(source, 'Chart.yaml'), 'utf8'))?.[1] ?? '';
      cpSync(source, join(parent, 'charts', name), { recursive: true });
      return name;
    });
    const dependencies = charts.map((name) => `  - {name: ${name}, version: 0.1.0, condition: ${name}.enabled}\n`);
    const head = 'apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n';
    writeFileSync(join(parent, 'Chart.yaml'), `${head}${dependencies.join('')}`);
    const crds = async (...enabled: readonly string[]): Promise<string[]> => {
      const values = [
        'global.site=a',
        'mir-operator.mqtt.url=mqtt://b:1883',
        'mir-operator.crds.install=false',
        ...enabled,
      ];
      const flags = values.flatMap((set) => ['--set', set]);
      const objects = objectsOf(await succeed(helm('template', 'site', parent, ...flags)));
      return [...named(objects, 'Deployment'), ...named(objects, 'CustomResourceDefinition')];
    };
    expect(await crds('mir-operator.enabled=true', 'mir-operator-crds.enabled=false')).toEqual(['site-mir-operator']);
    expect(await crds('mir-operator.enabled=false', 'mir-operator-crds.enabled=true')).toContain('devices.iot.mir');
    expect(await crds('mir-operator.enabled=false', 'mir-operator-crds.enabled=false')).toEqual([]);
  });
});

describe('the chart of the CRDs', () => {
  it('refuses what it does not know', async () => {
    const { code, stderr } = await helm('template', 'crds', CRD_CHART, '--set', 'kept=false');
    expect(code).not.toBe(0);
    expect(stderr).toContain("additional properties 'kept' not allowed");
  });
});
