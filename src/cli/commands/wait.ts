import { findCondition } from '../../api/conditions.ts';
import type { Condition } from '../../api/conditions.ts';
import { withCluster } from '../base/context.ts';
import type { Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { keyOf, readAll, withoutSelectors } from '../fleet/fleet.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { follow } from '../fleet/follow.ts';
import { pause } from '../base/patiently.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';

export interface WaitFlags extends SelectFlags {
  /** A condition: `Synced`, `Ready`, `Online` … */
  readonly for: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** `kubectl mir wait`: until a condition of all selected devices is true, or a person must act on one. */
export async function wait(io: Io, names: readonly string[], flags: WaitFlags): Promise<number> {
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, async (cluster) => {
    const page = await readAll(cluster, selection);
    const { devices } = page;
    if (devices.length === 0) throw new CliError('no device is selected; see kubectl mir list', EXIT.failed);
    const waiting = new Map(devices.map((device) => [keyOf(device), device]));
    let failed = 0;
    const look = (device: FleetDevice): void => {
      const key = keyOf(device);
      if (!waiting.has(key)) return;
      waiting.set(key, device);
      const state = stateOf(device, flags.for);
      if (state === 'waiting') return;
      waiting.delete(key);
      if (state === 'met') io.out(`device.iot.mir/${device.metadata.name} condition met\n`);
      else {
        failed += 1;
        io.err(`device.iot.mir/${device.metadata.name} ${state.stalled}\n`);
      }
    };
    devices.forEach(look);
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, io.signal]);
    const timer = pause(flags.timeout, signal).then(() => over.abort());
    if (waiting.size > 0) {
      for await (const event of follow(cluster, withoutSelectors(selection, devices), signal, page)) {
        if (event.kind === 'changed') look(event.device);
        else if (waiting.delete(event.key)) {
          failed += 1;
          io.err(`device.iot.mir/${event.key.split('/')[1]} was deleted meanwhile\n`);
        }
        if (waiting.size === 0) break;
      }
    }
    over.abort();
    await timer;
    for (const [key, device] of waiting) io.err(`timed out waiting for ${key}: ${whyNot(device, flags.for)}\n`);
    if (io.signal.aborted) return EXIT.interrupted;
    return failed + waiting.size === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** Of any type, as a person types it. */
function conditionOf(status: FleetDevice['status'], type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type.toLowerCase() === type.toLowerCase());
}

function stateOf({ metadata, status }: FleetDevice, type: string): 'met' | 'waiting' | { readonly stalled: string } {
  if ((status?.observedGeneration ?? -1) < metadata.generation) return 'waiting';
  if (conditionOf(status, type)?.status === 'True') return 'met';
  const stalled = findCondition(status?.conditions, 'Stalled');
  return stalled === undefined ? 'waiting' : { stalled: `is stalled: ${stalled.reason} ${stalled.message}`.trimEnd() };
}

function whyNot({ status }: FleetDevice, type: string): string {
  const condition = conditionOf(status, type);
  if (condition === undefined) return `it has no condition ${type}`;
  return `${type} is ${condition.status}, ${condition.reason}${condition.message === '' ? '' : `: ${condition.message}`}`;
}
