import { isOfGeneration, stampOf } from '../api/author.ts';
import type { Device, DeviceKey } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Lister } from '../cache/lister.ts';
import type { Change, ReflectorHandler } from '../cache/reflector.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { KubeClient } from '../kube/client.ts';
import type { TwinObserver } from '../twin/observer.ts';
import { OpenChanges } from './open-changes.ts';
import { HistoryPace } from './pace.ts';
import { HistoryReconciler, REMEDY, hasNoHistory } from './reconcile.ts';
import type { HistoryRules } from './record.ts';
import { SeenSteps } from './steps.ts';
import { HistorySurvey } from './survey.ts';

export interface HistoryPorts {
  readonly lister: Lister<Device>;
  readonly client: KubeClient;
  readonly rules: HistoryRules & { readonly namespace: string | undefined; readonly writesPerSecond: number };
  readonly queue: { readonly length: number; addAfter(key: DeviceKey, delayMs: number): void };
  /** Nothing else waits for the API server or the broker. */
  readonly isCalm: () => boolean;
  readonly runtime: Runtime;
  readonly observer: TwinObserver;
}

/** Milliseconds from a change to its record. Edits in quick succession become one record, and most devices have answered by then. */
const SETTLE_MS = 2000;
/** An outcome is written a moment later, with those of the other messages. */
const NEWS_MS = 500;

/**
 * Who changed what of which device: listens to the cache, and writes it into an object of its own, one for each device. It asks for nothing
 * while a change is on its way, holds nothing of a device whose history is complete, and finds by comparing what it did not see
 * (decision 0081).
 */
export class History implements ReflectorHandler<Device> {
  readonly #ports: HistoryPorts;
  readonly #steps = new SeenSteps();
  readonly #open = new OpenChanges();
  readonly #pace: HistoryPace;
  readonly #survey: HistorySurvey;
  readonly #reconciler: HistoryReconciler;

  constructor(ports: HistoryPorts, signal: AbortSignal) {
    const { lister, client, rules, queue, runtime, observer } = ports;
    this.#ports = ports;
    this.#pace = new HistoryPace(runtime.clock, rules.writesPerSecond, ports.isCalm);
    const [steps, open, pace] = [this.#steps, this.#open, this.#pace];
    this.#reconciler = new HistoryReconciler({ lister, client, rules, runtime, pace, steps, open, observer });
    // What was seen meanwhile has a turn of its own.
    const wake = (key: DeviceKey): boolean => {
      const device = lister.get(key);
      if (device !== undefined && hasNoHistory(device)) return false;
      if (!steps.has(key)) queue.addAfter(key, 0);
      return true;
    };
    const backlog = (): number => queue.length;
    const deps = { lister, client, rules, runtime, pace, open, wake, backlog };
    this.#survey = new HistorySurvey(deps, signal);
  }

  /** For the readiness listing. */
  get problem(): string | undefined {
    return this.#pace.isAvailable ? undefined : `histories cannot be read or written: ${REMEDY}`;
  }

  reconcile(key: DeviceKey, signal: AbortSignal): Promise<Outcome> {
    return this.#reconciler.reconcile(key, signal);
  }

  /** To be called every so often. */
  tick(): void {
    this.#survey.tick();
  }

  onChange(change: Change<Device>): void {
    const { key, kind, source, isGenerationMoved, object } = change;
    // What was there before, the survey compares.
    if (source === 'held') return;
    if (kind === 'deleted') return this.#onDeleted(key);
    // A LIST tells of everything that may have changed: which of it has, the survey finds out.
    if (source === 'list') return this.#survey.want();
    if (!isGenerationMoved) return this.#steps.has(key) ? this.#steps.restamp(key, object) : undefined;
    const { queue, runtime } = this.#ports;
    this.#pace.noteChange();
    // It would count as one that was recorded, while none can be.
    if (hasNoHistory(object)) return;
    this.#steps.note(key, object, runtime.clock.now(), formerStampOf(change));
    queue.addAfter(key, SETTLE_MS);
  }

  onSynced(): void {
    this.#survey.want();
  }

  onWritten(key: DeviceKey, object: Device): void {
    if (this.#steps.has(key)) this.#steps.restamp(key, object);
    if (this.#open.hasNews(key, object)) this.#ports.queue.addAfter(key, NEWS_MS);
  }

  #onDeleted(key: DeviceKey): void {
    this.#steps.drop(key);
    this.#open.forget(key);
    if (this.#ports.rules.keepsDeleted) this.#ports.queue.addAfter(key, 0);
  }
}

/** What the object was stamped with before; undefined: nothing. One that nobody held before may have had the stamp for long. */
function formerStampOf({ object: { metadata }, formerly }: Change<Device>): string | undefined {
  const stamp = stampOf(metadata.annotations);
  if (stamp === undefined || isOfGeneration(stamp)) return undefined;
  const former = formerly?.().metadata;
  if (former?.uid === metadata.uid) return stampOf(former.annotations);
  return metadata.generation === 1 ? undefined : stamp;
}
