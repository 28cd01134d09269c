/**
 * Runs the tests: `node test/tools/run.ts embedded|real|brokers|gitops|ha|observability [jest arguments]`.
 * The last line is `N passed, N failed`; the exit code is not 0 when one failed or none ran.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../../src/base/message-of.ts';
import { findControlPlane } from '../real/binaries.ts';
import { startControlPlane } from '../real/control-plane.ts';
import type { ControlPlane } from '../real/control-plane.ts';
import { AUDIT_FOLDER, compareRights } from '../real/operator-account.ts';
import { findMosquitto, findMosquittoClients, findProtoc, findPythonProtobuf } from '../real/system-packages.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { SHARED_CONTROL_PLANES } from '../world/real.ts';
import { chooseFiles } from './jest-arguments.ts';
import { coverageArguments, printCoverage } from './coverage.ts';
import { Phases } from './phases.ts';
import { runCommand } from './run-command.ts';

const WORKERS = 2;
/** More than processors: half of the time its tests wait, in worlds that share nothing. */
const EMBEDDED_WORKERS = 4;
const ROOT = join(import.meta.dirname, '..', '..');

/** What each kind of run is about; arguments of the caller narrow it further. */
const SELECTION = {
  embedded: [
    '--testPathIgnorePatterns',
    '/node_modules/',
    '/test/real/',
    '/test/oracle/',
    '/test/conformance/',
    '/test/brokers/',
    '/test/gitops/',
    '/test/ha/',
    '/test/observability/',
  ],
  real: ['--testPathPatterns', '/test/integration/', '/test/conformance/', '/test/oracle/', '/test/real/', '/test/ha/'],
  brokers: ['--testPathPatterns', '/test/brokers/'],
  gitops: ['--testPathPatterns', '/test/gitops/', '/test/real/argo-health'],
  ha: ['--testPathPatterns', '/test/ha/'],
  observability: ['--testPathPatterns', '/test/observability/'],
} as const;

type Kind = keyof typeof SELECTION;

const isKind = (word: string): word is Kind => Object.hasOwn(SELECTION, word);

async function main([kind = '', ...jestArguments]: readonly string[]): Promise<number> {
  if (!isKind(kind)) {
    console.error('usage: node test/tools/run.ts embedded|real|brokers|gitops|ha|observability [jest arguments]');
    return 2;
  }
  const phases = new Phases();
  const planes = kind === 'real' || kind === 'brokers' ? await prepareRealWorld(phases) : [];
  try {
    const shared = JSON.stringify(planes.map(({ kubeconfig }) => kubeconfig));
    const result = await phases.run(`${kind} tests`, () =>
      runJest(kind, jestArguments, { [SHARED_CONTROL_PLANES]: shared }),
    );
    const rights = kind === 'real' && jestArguments.length === 0 ? await judgeRights() : NO_RESULT;
    const passed = result.passed + rights.passed;
    const failed = result.failed + rights.failed;
    console.log(phases.summary());
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0 && passed > 0 && result.code === 0 ? 0 : 1;
  } finally {
    await Promise.all(planes.map((plane) => plane.close()));
  }
}

/** One control plane for each jest worker, so that files that run side by side do not see each other's devices. */
async function prepareRealWorld(phases: Phases): Promise<ControlPlane[]> {
  const progress = (line: string): void => console.log(`    ${line}`);
  const binaries = await phases.run('binaries', async () => {
    await findMosquitto(progress);
    await findMosquittoClients(progress);
    await findProtoc(progress);
    await findPythonProtobuf(progress);
    return findControlPlane(progress);
  });
  const directory = scratchDirectory('run');
  process.env[AUDIT_FOLDER] = scratchDirectory('audit');
  return phases.run('control planes', () =>
    Promise.all(
      Array.from({ length: WORKERS }, (_, index) => startControlPlane(binaries, join(directory, `plane-${index + 1}`))),
    ),
  );
}

const NO_RESULT = { passed: 0, failed: 0 };

/** Counts as one test: the suite asked for every right that the chart grants, and for no other. */
async function judgeRights(): Promise<Pick<Result, 'passed' | 'failed'>> {
  const { used, unused, refused } = await compareRights(process.env[AUDIT_FOLDER] ?? '');
  console.log(`rights used by the operator: ${used.join(', ')}`);
  for (const right of unused) console.error(`the chart grants what no test needed: ${right}`);
  for (const right of refused) console.error(`the chart does not grant what the operator asked for: ${right}`);
  const isExact = unused.length === 0 && refused.length === 0;
  return isExact ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

interface Result {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
}

async function runJest(kind: Kind, jestArguments: readonly string[], env: Record<string, string>): Promise<Result> {
  const directory = scratchDirectory('jest');
  const report = join(directory, 'report.json');
  // It takes time, so it is asked for; of a part of the tests it would say nothing.
  const isCovered = process.env['MIR_COVERAGE'] === '1' && kind === 'embedded' && jestArguments.length === 0;
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const code = await runCommand(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      jest,
      `--maxWorkers=${workersOf(kind, isCovered)}`,
      '--testTimeout=60000',
      '--json',
      `--outputFile=${report}`,
      ...(isCovered ? coverageArguments(directory) : []),
      ...jestArguments,
      ...(chooseFiles(jestArguments) ? [] : SELECTION[kind]),
    ],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: await warmCompileCache(),
        ...env,
        MIR_WORLD: kind === 'embedded' ? kind : 'real',
      },
      isOutputIgnored: true,
      isDone: () => existsSync(report),
    },
  );
  if (isCovered) printCoverage(directory);
  return { code, ...readReport(report) };
}

function workersOf(kind: Kind, isCovered: boolean): number {
  // Files of these open control planes of their own, and start half a dozen servers more.
  if (kind === 'gitops' || kind === 'observability') return 1;
  if (kind !== 'embedded') return WORKERS;
  // To count coverage costs as much again as the tests compute.
  return isCovered ? EMBEDDED_WORKERS - 1 : EMBEDDED_WORKERS;
}

/** Programs that tests start, hundreds of times in all. */
const PROGRAMS = ['src/main.ts', 'src/cli/main.ts', 'src/simulator/main.ts', 'src/dev/main.ts'];

/**
 * Has Node keep what it compiles, so that each program starts in half the time. Done beforehand, because a program writes the
 * cache when it ends, and most operators of tests are killed.
 */
async function warmCompileCache(): Promise<string> {
  const directory = scratchDirectory('compiled');
  const env = { ...process.env, NODE_COMPILE_CACHE: directory };
  for (const program of PROGRAMS)
    await runCommand(process.execPath, [join(ROOT, program), '--help'], { cwd: ROOT, env, isOutputIgnored: true });
  return directory;
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** A file that cannot even be loaded counts as one failed test. */
function readReport(path: string): Pick<Result, 'passed' | 'failed'> {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8')) as JestReport;
    return { passed: report.numPassedTests, failed: report.numFailedTests + report.numRuntimeErrorTestSuites };
  } catch {
    console.error('jest ended without a report');
    return { passed: 0, failed: 1 };
  }
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(messageOf(error));
  console.log('0 passed, 1 failed');
  return 1;
});
