import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { reapWithUs, releaseFromReaper } from '../real/reaper.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Drops standard output; standard error always goes through. */
  readonly isOutputIgnored?: boolean;
  /** True when it has nothing left to do: a minute later it is killed, and its exit code is 0. */
  readonly isDone?: () => boolean;
}

const LOOK_EVERY_MS = 5000;
const LOOKS_UNTIL_KILLED = 12;

/** Runs a command to its end with its output shown; resolves with its exit code. Ctrl-C reaches it too. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env, isOutputIgnored = false, isDone }: CommandOptions,
): Promise<number> {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', isOutputIgnored ? 'ignore' : 'inherit', 'inherit'],
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  reapWithUs(pid);
  const hang = isDone === undefined ? undefined : watchEnd(child, isDone);
  const [code] = (await once(child, 'exit')) as [number | null];
  hang?.stop();
  releaseFromReaper(pid);
  return hang?.wasKilled === true ? 0 : (code ?? 1);
}

/** Node itself hangs at the end of a process now and then, in the closing of its handles, where no test can do anything about it. */
function watchEnd(
  child: ChildProcess,
  isDone: () => boolean,
): { readonly stop: () => void; readonly wasKilled: boolean } {
  let looks = 0;
  let wasKilled = false;
  const timer = setInterval(() => {
    if (!isDone()) return;
    looks += 1;
    if (looks < LOOKS_UNTIL_KILLED) return;
    console.error('it has done its work and does not exit: something is left open, or Node hangs; killed');
    wasKilled = child.kill('SIGKILL');
  }, LOOK_EVERY_MS);
  return {
    stop: () => clearInterval(timer),
    get wasKilled() {
      return wasKilled;
    },
  };
}
