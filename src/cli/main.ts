/** `kubectl-mir` on PATH becomes `kubectl mir`. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { runCommandLine } from './command-line.ts';
import type { Io } from './base/context.ts';
import { EXIT } from './base/exit.ts';
import { printable } from './base/printable.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
// `| head` closes the pipe: that is enough for it, and no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.error),
);
void run();

async function run(): Promise<void> {
  process.exitCode = await runCommandLine(process.argv.slice(2), ioOfProcess());
}

function ioOfProcess(): Io {
  const { stdin, stdout, stderr, env } = process;
  const isTerminal = stdout.isTTY && stderr.isTTY;
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0';
  return {
    out: (line) => void stdout.write(printable(line)),
    err: (line) => void stderr.write(printable(line)),
    stdin: () => text(stdin),
    ask: stdin.isTTY && isTerminal ? ask : undefined,
    isTerminal,
    columns: stdout.columns ?? Number(env['COLUMNS'] ?? 120),
    hasColor: (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && (stdout.isTTY || forced),
    env,
    now: () => Date.now(),
    signal: interrupted.signal,
  };
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question, { signal: interrupted.signal });
  } finally {
    terminal.close();
  }
}
