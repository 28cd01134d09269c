import { API_VERSION, devicePath } from '../api/device.ts';
import type { Device, DeviceKey } from '../api/device.ts';
import { DELETED_LABEL, HISTORY_KIND, historiesPath, historyPath } from '../api/history.ts';
import type { DeviceHistory, HistoryBody } from '../api/history.ts';
import type { ManagedFields } from '../api/managed-fields.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import { stampOf, stampedAuthor } from '../api/author.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Lister } from '../cache/lister.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, isNotFound, isUnserved } from '../kube/errors.ts';
import type { TwinObserver } from '../twin/observer.ts';
import { authorOf, isNobody, isNoneSince, lastManager, textOf } from './author.ts';
import { isOwnedAgainst, metadataFor, withoutManagers } from './metadata.ts';
import type { OpenChanges } from './open-changes.ts';
import type { HistoryPace } from './pace.ts';
import { readHistory } from './read.ts';
import { differenceOf, isWorthAWrite, recordSteps, stateOf } from './record.ts';
import type { HistoryRules, Step } from './record.ts';
import { isOf, toSteps } from './steps.ts';
import type { SeenStep, SeenSteps } from './steps.ts';

export interface HistoryDeps {
  readonly lister: Lister<Device>;
  readonly client: KubeClient;
  readonly rules: HistoryRules;
  readonly runtime: Runtime;
  readonly pace: HistoryPace;
  readonly steps: SeenSteps;
  readonly open: OpenChanges;
  readonly observer: TwinObserver;
}

/**
 * Brings the history of a device up to what its object desires. Level-triggered, keyed by object, the only writer: it compares what the
 * history holds with the object, so that whatever nobody saw happen is found as one step. What was seen tells who and when.
 */
export class HistoryReconciler {
  readonly #deps: HistoryDeps;

  constructor(deps: HistoryDeps) {
    this.#deps = deps;
  }

  async reconcile(key: DeviceKey, signal: AbortSignal): Promise<Outcome> {
    const { lister, pace, steps, rules } = this.#deps;
    const device = lister.get(key);
    if (device === undefined ? !rules.keepsDeleted : hasNoHistory(device)) {
      steps.drop(key);
      return DONE;
    }
    await pace.turn(signal);
    if (signal.aborted) return DONE;
    try {
      await this.#bringUp(key, signal);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#noteUnavailable(error);
      return { kind: 'requeue', afterMs: 0 };
    }
    return DONE;
  }

  async #bringUp(key: DeviceKey, signal: AbortSignal): Promise<void> {
    const { lister, client, pace, steps } = this.#deps;
    const stored = await client.get<DeviceHistory>(historyPath(key), undefined, signal).catch(unlessAbsent);
    pace.noteAvailable();
    const before = stored && readHistory(stored);
    // Both as they are now: a change that comes later has its own turn.
    const [device, seen] = [lister.get(key), steps.take(key)];
    if (device === undefined) return before && this.#markDeleted(key, before, signal);
    try {
      await this.#record(key, device, before, seen, signal);
    } catch (error) {
      steps.putBack(key, seen);
      throw error;
    }
  }

  async #record(
    key: DeviceKey,
    device: Device,
    before: DeviceHistory | undefined,
    seen: readonly SeenStep[],
    signal: AbortSignal,
  ): Promise<void> {
    const { rules, open } = this.#deps;
    const { object, steps } = await this.#stepsOf(key, device, before, seen, signal);
    const after = recordSteps(before, object, steps, rules);
    if (isWorthAWrite(before, after) || isOwnedAgainst(rules, before?.metadata))
      await this.#write(object, before, after, signal);
    open.note(key, after.changes, object);
    this.#tell(before, after);
  }

  /** What is to be recorded, and the object as it is after that. */
  async #stepsOf(
    key: DeviceKey,
    device: Device,
    before: HistoryBody | undefined,
    seen: readonly SeenStep[],
    signal: AbortSignal,
  ): Promise<{ readonly object: Device; readonly steps: readonly Step[] }> {
    const { uid, generation } = device.metadata;
    const recorded = before?.device.uid === uid ? before.device : undefined;
    if (recorded?.generation === generation) return { object: device, steps: [] };
    const newest = seen.at(-1);
    const isSeen = newest !== undefined && isOf(newest, device.metadata);
    const known = isSeen ? toSteps(seen, device, recorded) : [];
    const last = known.at(-1);
    if (last !== undefined && !isNobody(last)) return { object: device, steps: known };
    // Nobody saw it, or the times of two managers are the same: the object itself tells.
    const object = await this.#deps.client.get<Device>(devicePath(key), undefined, signal);
    const state = recorded === undefined ? {} : (before?.recorded ?? {});
    return { object, steps: [...known.slice(0, -1), this.#stepOf(object, state, recorded)] };
  }

  #stepOf(object: Device, state: HistoryBody['recorded'], recorded: HistoryBody['device'] | undefined): Step {
    const { clock } = this.#deps.runtime;
    const { generation, annotations } = object.metadata;
    const { managedFields } = object.metadata as { readonly managedFields?: readonly ManagedFields[] };
    const difference = differenceOf(state, stateOf(object), 0);
    const paths = Object.keys(difference?.messages ?? {}).map((name) => ['properties', 'desired', name]);
    const write = lastManager(managedFields, difference?.disabled ? [...paths, ['spec', 'disabled']] : paths);
    const newest = lastManager(managedFields);
    const manager = isNoneSince(newest, recorded?.managed) ? undefined : write.manager;
    // Nobody knows the stamp before it: it may be of any change so far.
    const known = recorded === undefined && generation > 1 ? stampOf(annotations) : recorded?.stamp;
    return {
      ...authorOf(stampedAuthor(annotations, generation, known), manager),
      generation,
      time: (manager === undefined ? undefined : write.time) ?? new Date(clock.now()).toISOString(),
      stamp: stampOf(annotations),
      managed: textOf(newest),
      state: stateOf(object),
    };
  }

  async #write(
    object: Device,
    before: DeviceHistory | undefined,
    after: HistoryBody,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, rules } = this.#deps;
    const { namespace, name } = object.metadata;
    const metadata = metadataFor(object, before, after, rules);
    const { device, recorded, changes } = after;
    const body = { apiVersion: API_VERSION, kind: HISTORY_KIND, metadata, device, recorded, changes };
    const query = { fieldManager: OPERATOR_NAME };
    if (before === undefined) await client.create(historiesPath(namespace), body, query, signal);
    else await client.replace(historyPath(`${namespace}/${name}`), body, query, signal);
  }

  async #markDeleted(key: DeviceKey, before: DeviceHistory, signal: AbortSignal): Promise<void> {
    if (before.device.deleted !== undefined) return;
    const { client, runtime } = this.#deps;
    const deleted = new Date(runtime.clock.now()).toISOString();
    const metadata = {
      ...withoutManagers(before.metadata),
      labels: { ...before.metadata.labels, [DELETED_LABEL]: 'true' },
    };
    const body = { ...before, metadata, device: { ...before.device, deleted } };
    await client.replace(historyPath(key), body, { fieldManager: OPERATOR_NAME }, signal);
  }

  #tell(before: HistoryBody | undefined, after: HistoryBody): void {
    const { observer, runtime } = this.#deps;
    const recorded = before?.device.uid === after.device.uid ? before.device.generation : 0;
    for (const { revision, uid, time, authorKind } of after.changes) {
      if (uid !== undefined || revision <= recorded) return;
      observer.changeRecorded(authorKind, Math.max(0, runtime.clock.now() - Date.parse(time)));
    }
  }

  #noteUnavailable(error: unknown): void {
    const { pace, runtime } = this.#deps;
    if (pace.noteUnavailable()) runtime.log.warn({ err: error, remedy: REMEDY }, 'histories cannot be read or written');
  }
}

export const REMEDY =
  'apply crds/devicehistories.iot.mir.yaml and the roles of this version, or set --history-limit=0 (chart: config.historyLimit)';

/** Nothing was ever desired of it. */
export function hasNoHistory({ metadata, spec, properties }: Device): boolean {
  return metadata.generation === 1 && spec.disabled !== true && Object.keys(properties?.desired ?? {}).length === 0;
}

/** No history can be read or written: the CRD is not there, or the right to it. */
export function isUnavailable(error: unknown): boolean {
  if (isUnserved(error)) return true;
  return error instanceof ApiError && error.status === 403 && /cannot (get|list|create|update) /.test(error.message);
}

function unlessAbsent(error: unknown): undefined {
  if (!isNotFound(error) || isUnavailable(error)) throw error;
}
