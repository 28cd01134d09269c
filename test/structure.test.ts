/** The imports follow the flow of data: one way, without cycles. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SRC = join(import.meta.dirname, '..', 'src');

/** What each room may import, beside itself. A room is a folder of src, or a file at its top. */
const LEAVES = ['api', 'clock', 'log'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: [],
  clock: [],
  log: [],
  'leaky-level': [],
  'broker-url': [],
  metrics: ['api'],
  protocol: ['api'],
  // Protobuf schemas: pure, shared by the operator and the device's side.
  schema: ['api', 'protocol'],
  kube: LEAVES,
  mqtt: [...LEAVES, 'broker-url'],
  workqueue: LEAVES,
  cache: [...LEAVES, 'kube'],
  controller: [...LEAVES, 'kube', 'workqueue'],
  // The three meet in the twin and nowhere else.
  downstream: ['api', 'protocol', 'schema'],
  upstream: ['api', 'protocol', 'schema'],
  liveness: ['api', 'clock', 'leaky-level', 'protocol'],
  server: LEAVES,
  'config-value': [],
  'config-options': ['protocol', 'server', 'config-value'],
  'config-docs': ['config-options'],
  config: ['config-options', 'config-docs', 'protocol'],
  'metrics-hooks': ['metrics', 'cache', 'controller', 'kube', 'workqueue'],
  twin: [
    ...LEAVES,
    'leaky-level',
    'metrics',
    'config',
    'protocol',
    'schema',
    'kube',
    'mqtt',
    'cache',
    'controller',
    'downstream',
    'upstream',
    'liveness',
  ],
  // The device's side knows no Kubernetes.
  sdk: ['api', 'broker-url', 'clock', 'protocol', 'schema'],
  simulator: ['api', 'broker-url', 'clock', 'protocol', 'schema', 'sdk'],
  operator: [
    ...LEAVES,
    'metrics',
    'metrics-hooks',
    'config',
    'protocol',
    'kube',
    'mqtt',
    'cache',
    'controller',
    'workqueue',
    'server',
    'twin',
  ],
  main: ['config', 'log', 'operator'],
  dev: ['api', 'clock', 'config', 'kube', 'log', 'operator', 'sdk', 'simulator'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import of a file of src by another that is not a test. */
const imports: readonly Import[] = globSync('**/*.ts', { cwd: SRC })
  .filter((file) => !file.endsWith('.test.ts') && !file.includes('/testing/'))
  .flatMap((from) =>
    [...readFileSync(join(SRC, from), 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(([, path]) => ({
      from,
      to: relative(SRC, join(SRC, dirname(from), path ?? '')),
    })),
  );

const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, ''));

describe('the imports of src', () => {
  it('are all seen by this test', () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(
      [...new Set(imports.map(({ from }) => roomOf(from)))].filter((room) => MAY_IMPORT[room] === undefined),
    ).toEqual([]);
  });

  it('go one way', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && MAY_IMPORT[room]?.includes(other) !== true;
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}: ${roomOf(from)} may not import ${roomOf(to)}`)).toEqual(
      [],
    );
  });

  it('have no cycle', () => {
    const targets = Map.groupBy(imports, ({ from }) => from);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (path.includes(file) || done.has(file)) return;
      for (const { to } of targets.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const { from } of imports) visit(from, []);
    expect(cycles).toEqual([]);
  });
});
