/**
 * Cleans up after this process however it ends. A tiny shell learns our children's pids and our directories over a pipe, and
 * acts when the pipe closes: the kernel closes it even after SIGKILL, and inside jest no exit event can be relied on.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

const SCRIPT = `
pids=" "
set --
while read -r verb what; do
  case "$verb" in
    add) pids="$pids$what " ;;
    remove) pids=$(printf '%s' "$pids" | sed "s/ $what / /") ;;
    discard) set -- "$@" "$what" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf -- "$@"
`;

let pipe: Writable | undefined;

/** Has `pid`, a child of ours, killed when this process is gone. */
export function reapWithUs(pid: number): void {
  tell(`add ${pid}`);
}

/** Takes back `reapWithUs`, for a child that has ended: its number may soon be somebody else's. */
export function releaseFromReaper(pid: number): void {
  tell(`remove ${pid}`);
}

/** Makes a directory that disappears with this process. */
export function scratchDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `mir-${name}-`));
  tell(`discard ${directory}`);
  return directory;
}

function tell(line: string): void {
  pipe ??= startShell();
  pipe.write(`${line}\n`);
}

function startShell(): Writable {
  // Its own session: a Ctrl-C in the terminal must not end it before it has done its work.
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  const { stdin } = shell;
  stdin.on('error', () => undefined);
  // The pipe must not keep this process alive; a socket underneath, which the types do not say.
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return stdin;
}
