/** The health checks for Argo CD, run by a real Lua 5.1, which is what Argo CD speaks. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { findLua } from './system-packages.ts';

const ARGO_CD = join(import.meta.dirname, '../../manifests/gitops/argo-cd');
const read = (path: string): string => readFileSync(join(ARGO_CD, path), 'utf8');

/** What is judged: the folder of its check, and the check's key in argocd-cm. */
const CHECKS = [
  { folder: 'health', key: 'iot.mir_device' },
  { folder: 'crd-health', key: 'apiextensions.k8s.io_CustomResourceDefinition' },
] as const;

interface HealthTest {
  readonly healthStatus: { readonly status: string; readonly message: string };
  readonly inputPath: string;
}

let lua: string;

beforeAll(async () => {
  lua = await findLua((line) => void process.stderr.write(`${line}\n`));
}, 120_000);

/** A value of JSON as a Lua expression. */
function luaLiteral(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaLiteral).join(', ')}}`;
  if (typeof value !== 'object' || value === null) return value === null ? 'nil' : JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, each]) => `[${JSON.stringify(key)}] = ${luaLiteral(each)}`);
  return `{${pairs.join(', ')}}`;
}

function healthOf(script: string, object: unknown): unknown {
  const program = [
    `obj = ${luaLiteral(object)}`,
    `local health = (function()\n${script}\nend)()`,
    'io.write(health.status, "\\n", health.message)',
  ];
  const [status, message] = execFileSync(lua, ['-'], { input: program.join('\n'), encoding: 'utf8' }).split('\n');
  return { status, message };
}

describe('what Argo CD leaves out', () => {
  it('is the Mir view, which shows devices a second time, beside what it leaves out by itself', () => {
    const { data } = load(read('argocd-cm.yaml')) as { data: Readonly<Record<string, string>> };
    const [view, ...others] = load(data['resource.exclusions'] ?? '') as { apiGroups: string[]; kinds: string[] }[];
    expect(view).toEqual({ apiGroups: ['mir'], kinds: ['*'], clusters: ['*'] });
    expect(others.flatMap(({ kinds }) => kinds)).toEqual(expect.arrayContaining(['EndpointSlice', 'Lease']));
    expect(others.flatMap(({ apiGroups }) => apiGroups)).not.toContain('iot.mir');
  });
});

describe.each(CHECKS)('the health check for Argo CD of $key', ({ folder, key }) => {
  const script = read(`${folder}/health.lua`);
  const { tests } = load(read(`${folder}/health_test.yaml`)) as { tests: readonly HealthTest[] };

  it.each(tests.map((test) => [test.inputPath, test] as const))('judges %s', (_path, { inputPath, healthStatus }) => {
    expect(healthOf(script, load(read(`${folder}/${inputPath}`)))).toEqual(healthStatus);
  });

  it('is what the snippet for argocd-cm holds', () => {
    const { data } = load(read('argocd-cm.yaml')) as { data: Readonly<Record<string, string>> };
    expect(data[`resource.customizations.health.${key}`]).toBe(script);
  });
});
