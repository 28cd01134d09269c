/** Carries a planned change out: a few requests at a time, at most so many a second, through overloads and outages. */
import { devicePath } from '../../api/device.ts';
import { ApiError } from '../../kube/errors.ts';
import type { PlannedChange } from './plan.ts';
import { FIELD_MANAGER } from '../base/context.ts';
import type { Cluster } from '../base/context.ts';
import { keyOf } from '../fleet/fleet.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { patiently, pause } from '../base/patiently.ts';
import { messageOf } from '../../base/message-of.ts';

export interface RunOptions {
  readonly concurrency: number;
  /** Changes a second; undefined: as fast as the server takes them. */
  readonly rate: number | undefined;
  /** One that fails stops no other. */
  readonly continueOnError: boolean;
  readonly onPatched: (device: FleetDevice) => void;
  readonly onFailed: (key: string, why: string) => void;
}

/** Resolves when nothing is under way any more. What an abort or a failure left undone can be done by the same command again. */
export async function runBulk(
  cluster: Cluster,
  changed: readonly PlannedChange[],
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const beganAt = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < changed.length && !either.aborted) {
      const at = next;
      next += 1;
      if (options.rate !== undefined) await pause(beganAt + (at * 1000) / options.rate - performance.now(), either);
      const change = changed[at];
      if (change === undefined || either.aborted) return;
      try {
        options.onPatched(await patch(cluster, change, either));
      } catch (error) {
        if (either.aborted) return;
        options.onFailed(keyOf(change.device), messageOf(error));
        if (!options.continueOnError) stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, changed.length) }, work));
}

/** A merge patch may be sent again: the second time it changes nothing. */
async function patch({ client }: Cluster, { device, patch: body }: PlannedChange, signal: AbortSignal) {
  const path = devicePath(keyOf(device));
  const query = { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' } as const;
  const request = (): Promise<FleetDevice> => client.patch(path, 'application/merge-patch+json', body, query);
  return await patiently(request, signal).catch((error: unknown) => {
    throw explained(error);
  });
}

function explained(error: unknown): unknown {
  if (error instanceof ApiError && error.status === 404) return new Error('the device was deleted meanwhile');
  return error;
}
