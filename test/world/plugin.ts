import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { bareEnvironment } from './bare-environment.ts';
import type { CommandResult } from './kubectl.ts';

const SOURCE = join(import.meta.dirname, '../../src/cli/main.ts');

/** A run of the plugin that may be ended before its time. */
export interface PluginRun {
  readonly child: ChildProcess;
  readonly done: Promise<CommandResult>;
  output(): string;
}

/** Runs `kubectl mir` from source against one kubeconfig. */
export function startPlugin(
  kubeconfig: string,
  args: readonly string[],
  stdin?: string,
  env: Readonly<Record<string, string>> = {},
): PluginRun {
  const child = spawn(process.execPath, [SOURCE, ...args], {
    env: { ...bareEnvironment(), HOME: process.env['HOME'], KUBECONFIG: kubeconfig, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(stdin ?? '');
  const done = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return { child, done, output: () => stdout + stderr };
}
