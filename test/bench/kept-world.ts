/** A world of many settled twins, made once and kept: creating 100,000 objects and writing their statuses takes most of an hour on a busy machine. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../real/reaper.ts';
import { TWO_MESSAGES } from './load-order.ts';
import { SERVED, openRig, untilIdle } from './rig.ts';
import type { RigOptions } from './rig.ts';

const PARTS = ['control-plane', 'mosquitto'];
const FILL_MS = 3_600_000;

/**
 * Fills `directory` with `twins` that are online and in sync, unless it holds them already. Whatever a benchmark does, it does
 * to a copy (`copyWorld`).
 */
export async function keepWorld(directory: string, twins: number, options: RigOptions): Promise<void> {
  const settled = join(directory, 'settled');
  if (existsSync(settled)) {
    const held = Number(readFileSync(settled, 'utf8'));
    if (held !== twins) throw new Error(`${directory} holds ${held} twins: use --twins ${held}, or another --world`);
    return;
  }
  // What was cut short is made anew.
  for (const part of PARTS) rmSync(join(directory, part), { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const rig = await openRig({ ...options, world: directory });
  try {
    options.progress(`creating ${twins} twins in ${directory}`);
    await rig.createDevices(SERVED, 0, twins, TWO_MESSAGES);
    const operator = await rig.startOperator();
    await rig.load({ kind: 'birth', devices: twins, messages: twins, perSecond: 2000 });
    await rig.load({ kind: 'answer', devices: twins, messages: 2 * twins, perSecond: 2000 });
    options.progress('the operator settles them');
    await untilIdle(operator, twins, FILL_MS);
    await operator.stop();
  } finally {
    await rig.close();
  }
  writeFileSync(settled, String(twins));
}

/** A directory with what is kept in `directory`, which ends with this process. */
export function copyWorld(directory: string): string {
  const copy = scratchDirectory('bench');
  for (const part of PARTS) cpSync(join(directory, part), join(copy, part), { recursive: true });
  for (const log of ['etcd.log', 'kube-apiserver.log']) rmSync(join(copy, 'control-plane', log), { force: true });
  return copy;
}
