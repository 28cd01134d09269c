import { API_VERSION, DEVICE_KIND, devicePath } from '../api/device.ts';
import type { Device, DeviceKey } from '../api/device.ts';
import { DELETED_LABEL, HISTORY_KIND, RECORDED_ANNOTATION, historiesPath, historyPath } from '../api/history.ts';
import type { DeviceHistory, HistoryBody, HistoryMeta } from '../api/history.ts';
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
import { authorOf, lastManager } from './author.ts';
import { writeMark } from './mark.ts';
import type { OpenChanges } from './open-changes.ts';
import type { HistoryPace } from './pace.ts';
import { differenceOf, isWorthAWrite, recordSteps, stateOf } from './record.ts';
import type { HistoryRules, Step } from './record.ts';
import { userOf } from './steps.ts';
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
    const seen = steps.take(key);
    try {
      await this.#bringUp(key, seen, signal);
    } catch (error) {
      steps.putBack(key, seen);
      if (!isUnavailable(error)) throw error;
      this.#noteUnavailable(error);
      return { kind: 'requeue', afterMs: 0 };
    }
    return DONE;
  }

  async #bringUp(key: DeviceKey, seen: readonly SeenStep[], signal: AbortSignal): Promise<void> {
    const { lister, client, rules, open, pace } = this.#deps;
    const before = await client.get<DeviceHistory>(historyPath(key), undefined, signal).catch(unlessAbsent);
    pace.noteAvailable();
    // Not the one from before the wait: several changes become one.
    const device = lister.get(key);
    if (device === undefined) return before && this.#markDeleted(key, before, signal);
    const { object, steps } = await this.#stepsOf(key, device, before, seen, signal);
    const after = recordSteps(before, object, steps, rules);
    if (isWorthAWrite(before, after)) await this.#write(object, before, after, signal);
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
    const isSeen = seen.at(-1)?.generation === generation;
    const known = isSeen ? toSteps(seen, device, recorded?.stamp) : [];
    const last = known.at(-1);
    if (last !== undefined && last.authorKind !== 'Unknown') return { object: device, steps: known };
    // Nobody saw it, or the times of two managers are the same: the object itself tells.
    const object = await this.#deps.client.get<Device>(devicePath(key), undefined, signal);
    const state = recorded === undefined ? {} : (before?.recorded ?? {});
    return { object, steps: [...known.slice(0, -1), this.#stepOf(object, state, recorded?.stamp)] };
  }

  #stepOf(object: Device, recorded: HistoryBody['recorded'], stamp: string | undefined): Step {
    const { clock } = this.#deps.runtime;
    const { generation, annotations } = object.metadata;
    const { managedFields } = object.metadata as { readonly managedFields?: readonly ManagedFields[] };
    const difference = differenceOf(recorded, stateOf(object), 0);
    const paths = Object.keys(difference?.messages ?? {}).map((name) => ['properties', 'desired', name]);
    const manager = lastManager(managedFields, difference?.disabled ? [...paths, ['spec', 'disabled']] : paths);
    return {
      ...authorOf(stampedAuthor(annotations, generation, stamp), manager?.name),
      generation,
      time: manager?.time ?? new Date(clock.now()).toISOString(),
      stamp: stampOf(annotations),
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
    const { namespace, name, uid } = object.metadata;
    const { [DELETED_LABEL]: _deleted, ...labels } = before?.metadata.labels ?? {};
    const owner = { apiVersion: API_VERSION, kind: DEVICE_KIND, name, uid };
    const metadata: HistoryMeta = {
      name,
      namespace,
      ...identityOf(before),
      ...(Object.keys(labels).length > 0 && { labels }),
      annotations: { ...before?.metadata.annotations, [RECORDED_ANNOTATION]: writeMark(after) },
      ownerReferences: rules.keepsDeleted ? [] : [owner],
    };
    const body = { apiVersion: API_VERSION, kind: HISTORY_KIND, metadata, ...after };
    const query = { fieldManager: OPERATOR_NAME };
    if (before === undefined) await client.create(historiesPath(namespace), body, query, signal);
    else await client.replace(historyPath(`${namespace}/${name}`), body, query, signal);
  }

  async #markDeleted(key: DeviceKey, before: DeviceHistory, signal: AbortSignal): Promise<void> {
    if (before.device.deleted !== undefined) return;
    const { client, runtime } = this.#deps;
    const deleted = new Date(runtime.clock.now()).toISOString();
    const metadata = { ...before.metadata, labels: { ...before.metadata.labels, [DELETED_LABEL]: 'true' } };
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
function hasNoHistory({ metadata, spec, properties }: Device): boolean {
  return metadata.generation === 1 && spec.disabled !== true && Object.keys(properties?.desired ?? {}).length === 0;
}

function toSteps(seen: readonly SeenStep[], device: Device, stamp: string | undefined): Step[] {
  const steps: Step[] = [];
  let known = stamp;
  for (const [at, step] of seen.entries()) {
    const state = at === seen.length - 1 ? stateOf(device) : step.state;
    if (state !== undefined)
      steps.push({
        ...authorOf(userOf(step, known), step.manager),
        generation: step.generation,
        time: new Date(step.at).toISOString(),
        stamp: step.stamp,
        state,
      });
    known = step.stamp ?? known;
  }
  return steps;
}

/** What makes the write fail where somebody else has written since. */
function identityOf(before: DeviceHistory | undefined): Pick<HistoryMeta, 'uid' | 'resourceVersion'> {
  const { uid, resourceVersion } = before?.metadata ?? {};
  return { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
}

/** No history can be read or written: the CRD is not there, or the right to it. */
export function isUnavailable(error: unknown): boolean {
  if (isUnserved(error)) return true;
  return error instanceof ApiError && error.status === 403 && /cannot (get|list|create|update) /.test(error.message);
}

function unlessAbsent(error: unknown): undefined {
  if (!isNotFound(error) || isUnavailable(error)) throw error;
}
