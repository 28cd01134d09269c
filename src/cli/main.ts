/** `kubectl-mir` on PATH becomes `kubectl mir`. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { CommanderError } from 'commander';
import { COMPLETE, complete } from './complete/complete.ts';
import type { Io } from './base/context.ts';
import { CliError, EXIT } from './base/exit.ts';
import { printable } from './base/printable.ts';
import { messageOf } from '../base/message-of.ts';
import { createProgram } from './program.ts';
import { TransportError } from '../kube/errors.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
// `| head` closes the pipe: that is enough for it, and no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.error),
);
void run();

async function run(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), ioOfProcess());
}

async function main(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(io, (exit) => (code = exit)).exitOverride();
  for (const command of program.commands) command.exitOverride();
  if (args[0] === COMPLETE) return await complete(io, program, args.slice(1));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.error;
    if (io.signal.aborted) return EXIT.interrupted;
    io.err(`error: ${explain(error)}\n`);
    return error instanceof CliError ? error.code : EXIT.error;
  }
}

function explain(error: unknown): string {
  const remedy = error instanceof TransportError ? '; check the kubeconfig and the API server' : '';
  return `${messageOf(error)}${remedy}`;
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
