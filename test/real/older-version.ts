/** The project as it was at an older commit: what people upgrade from. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** The last commit before the source was laid out anew. */
const OLDER = '8578f7fbc85e587ba5ddf056140675af9e29af1e';

export interface OlderVersion {
  readonly chart: string;
  readonly crds: string;
  /** The operator's entry point. */
  readonly main: string;
}

/** False in a clone without history. */
export function hasOlderVersion(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${OLDER}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Lays it out in `directory`; it runs with today's packages. */
export function layOutOlderVersion(directory: string): OlderVersion {
  const at = join(directory, 'older');
  mkdirSync(at);
  const archive = execFileSync('git', ['archive', OLDER, 'src', 'helm', 'crds', 'package.json'], {
    cwd: ROOT,
    maxBuffer: 1 << 28,
  });
  execFileSync('tar', ['-x', '-C', at], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(at, 'node_modules'));
  return { chart: join(at, 'helm/mir-operator'), crds: join(at, 'crds'), main: join(at, 'src/main.ts') };
}
