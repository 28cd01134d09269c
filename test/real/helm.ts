/** Helm as people run it, with a home of its own. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { CommandResult } from '../world/kubectl.ts';

/** Resolves whatever the exit code. */
export type Helm = (...args: readonly string[]) => Promise<CommandResult>;

/** Runs `binary` against the API server of `kubeconfig`; what it caches goes into `directory`. */
export function helmFor(binary: string, kubeconfig: string, directory: string): Helm {
  const home = join(directory, 'helm-home');
  mkdirSync(home, { recursive: true });
  const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: kubeconfig, HELM_CACHE_HOME: join(home, 'cache') };
  return (...args) =>
    new Promise((resolve) => {
      execFile(binary, args, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
}

/** Standard output of a command that must succeed. */
export async function succeed(result: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
