/** Does what the README says, as a newcomer would: its commands, as they stand there, in the world that `npm run dev` starts. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { renderConfigTable } from '../../src/config/docs.ts';
import { eventually } from '../world/eventually.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const CONTRIBUTING = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
const ENV_FILE = join(ROOT, '.dev', 'env');
const run = promisify(execFile);

/** The lines of every `sh` block. */
const commands = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? '').trim().split('\n'));
/** Commands within the text: those of more than two words, because `kubectl apply` alone is a figure of speech. */
const codeIn = (text: string): string[] =>
  [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
const inShell = codeIn(README).filter((code) => /^(kubectl|npm run dev) \S+ /.test(code));
const describeEmbedded = process.env['MIR_WORLD'] === 'real' ? describe.skip : describe;

describe('the README', () => {
  it('is short, and leads to the table of options that the code has', () => {
    expect(README.split('\n').length).toBeLessThanOrEqual(131);
    const [, page] = /\[every option\]\(([^)]+)\)/.exec(README) ?? [];
    expect(readFileSync(join(ROOT, page ?? ''), 'utf8')).toContain(renderConfigTable());
  });

  it('and CONTRIBUTING.md name only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...`${README}${CONTRIBUTING}`.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describeEmbedded("the README's commands", () => {
  const children: ChildProcess[] = [];
  afterAll(async () => {
    await Promise.all(children.map(stop));
  });

  it('do in a fresh folder what it promises', async () => {
    const [start, ...rest] = commands;
    expect(start).toBe('npm ci && npm run dev');
    expect(existsSync(ENV_FILE)).toBe(false);
    const dev = spawnShell('npm run dev', {});
    await eventually('npm run dev writes .dev/env', () => readFileSync(ENV_FILE, 'utf8'), { timeoutMs: 60_000 });

    expect(rest.shift()).toBe('export $(cat .dev/env)');
    const env = Object.fromEntries(
      readFileSync(ENV_FILE, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('=', 2)),
    );
    const transcript: string[] = [];
    for (const command of rest.filter((line) => line.startsWith('kubectl'))) {
      const { stdout } = await run('bash', ['-c', `${command}${command.includes(' wait ') ? ' --timeout=30s' : ''}`], {
        cwd: ROOT,
        env: { ...process.env, ...env },
      });
      transcript.push(stdout);
    }
    const said = transcript.join('');
    expect(said).toContain('device.iot.mir/temperature-sensor-01 created');
    expect(said).toMatch(/NAME +DEVICE ID +ONLINE +SYNCED +READY +HEARTBEAT\n.* true +True +True +\d+s/);
    const reported =
      '{"sensor.v1.AlertThreshold":{"maxTemp":25,"minTemp":18},"sensor.v1.BatteryStatus":{"percentage":87,"voltage":3.2},' +
      '"sensor.v1.SampleRate":{"intervalSeconds":30}}\n';
    expect(README).toContain(reported);
    expect(said).toContain(reported);
    expect(said).toMatch(/Warning +Rejected .*intervalSeconds must be a number of at least 1/);

    expect(inShell).toHaveLength(4);
    for (const command of inShell) {
      const { stdout } = await run('bash', ['-o', 'pipefail', '-c', command], {
        cwd: ROOT,
        env: { ...process.env, ...env },
      });
      expect([command, stdout]).toEqual([command, expect.stringMatching(/\S/)]);
    }

    // `npm start`, as it stands, but for ports that may be taken.
    const npmStart = codeIn(CONTRIBUTING).find((command) => command.startsWith('npm start'));
    expect(npmStart).toBeDefined();
    const port = 'MIR_HTTP_ADDRESS=127.0.0.1:0 MIR_LEASE_NAME=second';
    const second = spawnShell(`${port} ${npmStart?.replace('mqtt://127.0.0.1:1883', env['MIR_MQTT_URL'] ?? '')}`, env);
    await eventually('npm start leads', () => expect(second.output()).toContain('"msg":"leading"'));

    // What is left is what the tests of the chart run, and what runs these tests.
    expect(rest.filter((line) => !line.startsWith('kubectl'))).toEqual([
      expect.stringMatching(/^helm install /),
      'npm ci && npm test',
    ]);
    await stop(dev.child);
    // npm is gone before what it ran is.
    await eventually('.dev/env is removed', () => expect(existsSync(ENV_FILE)).toBe(false));
  }, 150_000);

  function spawnShell(command: string, env: Record<string, string | undefined>) {
    const child = spawn(
      'bash',
      ['-c', `exec ${command.replace(/^(\S+=\S+ )+/, (assignments) => `env ${assignments}`)}`],
      {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      },
    );
    children.push(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return { child, output: () => text };
  }
});

/** The whole group: npm stands between us and what it runs. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid, 'SIGTERM');
  await gone;
}
