import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reapWithUs, releaseFromReaper } from '../real/reaper.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Drops standard output; standard error always goes through. */
  readonly isOutputIgnored?: boolean;
}

/** Runs a command to its end with its output shown; resolves with its exit code. Ctrl-C reaches it too. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env, isOutputIgnored = false }: CommandOptions,
): Promise<number> {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', isOutputIgnored ? 'ignore' : 'inherit', 'inherit'],
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  reapWithUs(pid);
  const [code] = (await once(child, 'exit')) as [number | null];
  releaseFromReaper(pid);
  return code ?? 1;
}
