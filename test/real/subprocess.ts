/** Child processes that never outlive their parent, however the parent ends. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { releaseFromReaper, reapWithUs } from './reaper.ts';

export interface Subprocess {
  readonly pid: number;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<Exit>;
  readonly hasExited: boolean;
  /** Aborts when the process is gone, its reason says how: for waits that then make no sense any more. */
  readonly gone: AbortSignal;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when it has not ended after `graceMs`. */
  stop(graceMs?: number): Promise<Exit>;
  /** SIGKILL, resolves when it is gone. */
  kill(): Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SubprocessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What it writes goes to this file. */
  readonly logFile?: string;
  /** Called for every line of standard error, which then does not go to `logFile`. */
  readonly onLine?: (line: string) => void;
}

/** Starts `command`; rejects when it cannot be started at all. */
export async function startSubprocess(
  command: string,
  args: readonly string[],
  options: SubprocessOptions = {},
): Promise<Subprocess> {
  // The file itself, not a pipe through us: a child must not stand still when this process is busy.
  const log = options.logFile === undefined ? 'ignore' : openSync(options.logFile, 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', log, options.onLine === undefined ? log : 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  if (typeof log === 'number') closeSync(log);
  await once(child, 'spawn');
  if (options.onLine !== undefined) eachLine(child, options.onLine);
  return supervise(child);
}

function supervise(child: ChildProcess): Subprocess {
  const { pid } = child;
  if (pid === undefined) throw new Error('a started process has a pid');
  reapWithUs(pid);
  const ending = new AbortController();
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      releaseFromReaper(pid);
      ending.abort(new Error(`${child.spawnfile} ended with ${signal ?? `exit code ${String(code)}`}`));
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    if (!ending.signal.aborted) child.kill(name);
  };
  return {
    pid,
    exited,
    gone: ending.signal,
    get hasExited() {
      return ending.signal.aborted;
    },
    signal,
    async stop(graceMs = 10_000) {
      // A frozen process would not hear SIGTERM.
      signal('SIGCONT');
      signal('SIGTERM');
      const timer = setTimeout(() => signal('SIGKILL'), graceMs);
      return exited.finally(() => clearTimeout(timer));
    },
    kill() {
      signal('SIGKILL');
      return exited;
    },
  };
}

function eachLine(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  child.stderr?.once('end', () => {
    if (rest !== '') onLine(rest);
  });
}
