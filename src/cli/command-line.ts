import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { messageOf } from '../base/message-of.ts';
import { isForbidden, TransportError } from '../kube/errors.ts';
import type { Io } from './base/context.ts';
import { CliError, EXIT } from './base/exit.ts';
import { COMPLETE, complete } from './complete/complete.ts';
import { createProgram } from './program.ts';

/** Runs one command; resolves to its exit code. `args`: without the program's own name. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(io, (exit) => (code = exit));
  throwInsteadOfExit(program);
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

/** A command within a command too: what it does not understand would else end the process with commander's own exit code. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

function explain(error: unknown): string {
  if (error instanceof TransportError) return `${messageOf(error)}; check the kubeconfig and the API server`;
  if (isForbidden(error))
    return `${messageOf(error)}; ask for that right: whoever has view, edit or admin of a namespace has it there`;
  return messageOf(error);
}
