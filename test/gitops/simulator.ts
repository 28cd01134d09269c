import { join } from 'node:path';
import type { Subprocess } from '../real/subprocess.ts';
import { ROOT } from './gitops-world.ts';
import type { GitOpsWorld } from './gitops-world.ts';

/** Devices of `npm run simulate` at the world's broker; they end with the world. */
export function startSimulator(world: GitOpsWorld, name: string, flags: readonly string[]): Promise<Subprocess> {
  const main = join(ROOT, 'src/simulator/main.ts');
  return world.launch(name, process.execPath, [main, `--mqtt-url=${world.broker.url}`, ...flags]);
}
