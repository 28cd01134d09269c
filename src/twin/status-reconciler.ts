import { Buffer } from 'node:buffer';
import { devicesPath } from '../api/device.ts';
import type { Device, DeviceKey } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import type { Clock } from '../clock.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, isNotFound } from '../kube/errors.ts';
import { recallPresence } from '../liveness/presence.ts';
import { parseDesired } from '../protocol/desired-document.ts';
import type { DesiredDocument, ProtocolLimits } from '../protocol/envelopes.ts';
import type { DeviceMemory } from './device-memory.ts';
import { expressionOf } from './desired-reconciler.ts';
import type { TwinEvent } from './events.ts';
import { transitionEvents } from './events.ts';
import type { Fleet } from './fleet.ts';
import { WRITE_PRIORITY, planStatusWrite } from './status-patch.ts';
import type { StatusWrite, WriteClass } from './status-patch.ts';
import { computeStatus } from './status.ts';
import type { BadInputSink, Wake } from './wake.ts';
import type { Claim, Publication, TwinView } from './view.ts';

export interface StatusDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly client: KubeClient;
  readonly limits: ProtocolLimits & { readonly maxMessages: number };
  readonly clock: Clock;
  readonly wake: Wake;
  /** Feeds the answer to a write into the cache, so that the next reconcile does not see an older object. */
  readonly observe: (device: Device) => void;
  /** How the broker is: what is not published may be on its way (`up`, `briefly-down`) or stuck (`down`). */
  readonly brokerHealth: () => 'up' | 'briefly-down' | 'down';
  /** Milliseconds between two writes for one device's reported values. */
  readonly reportedIntervalMs: number;
  readonly onWrite: (writeClass: WriteClass, reports: number, oldestReportAt: number | undefined) => void;
  readonly onWriteError: (status: number) => void;
  readonly onEvents: (device: Device, events: readonly TwinEvent[]) => void;
  readonly onBadInput: BadInputSink;
  /** The last heartbeat has been written. */
  readonly onHeartbeatWritten: (deviceId: string) => void;
}

/**
 * Writes what is known of a device into its object's status: one JSON merge patch of what changed, nothing when nothing did.
 * Level-triggered, keyed by object; the only writer of status.
 */
export class StatusReconciler {
  readonly #deps: StatusDeps;

  constructor(deps: StatusDeps) {
    this.#deps = deps;
  }

  async reconcile(key: DeviceKey, signal: AbortSignal): Promise<Outcome> {
    const { lister, fleet } = this.#deps;
    if (!lister.hasSynced) return DONE;
    const device = lister.get(key);
    const memory = device === undefined ? undefined : fleet.get(device.spec.deviceId);
    if (device === undefined || memory === undefined) return DONE;
    const view = this.#view(key, device, memory);
    if (view === undefined) return DONE;
    const { status, refused } = computeStatus(view);
    const hasNewName = this.#noteNamedRevisions(view, memory);
    const write = planStatusWrite(device.status, status);
    const after = { ...device, status };
    const wait = write === undefined ? 0 : this.#waitBefore(write, after, memory, device);
    if (write !== undefined && wait > 0)
      return { kind: 'requeue', afterMs: wait, priority: WRITE_PRIORITY[write.writeClass] };
    if (write !== undefined) await this.#write(view, write, memory, after, signal);
    this.#conclude(view, memory, after, refused);
    // Only on news: the desired side wakes this one in turn.
    if ((hasNewName || write !== undefined) && mayNeedReissue(memory, after)) this.#deps.wake.desired(memory.deviceId);
    return DONE;
  }

  /** Undefined when the desired side is about to say something: it wakes this one when it has. */
  #view(key: DeviceKey, device: Device, memory: DeviceMemory): TwinView | undefined {
    const { clock, limits } = this.#deps;
    const claim = claimOf(key, memory);
    const publication = claim.kind === 'owner' ? this.#publication(device, memory) : NOTHING_PUBLISHED;
    if (publication === undefined) return undefined;
    const isOwner = claim.kind === 'owner';
    return {
      device,
      now: clock.now(),
      claim,
      publication,
      presence: isOwner ? memory.presence : recallPresence(device.status, 0),
      reports: isOwner ? memory.inbox.peek() : NO_REPORTS,
      announced: isOwner ? memory.announced : undefined,
      isHeartbeatDue: isOwner && memory.isHeartbeatDue,
      maxMessages: limits.maxMessages,
    };
  }

  #publication(device: Device, memory: DeviceMemory): Publication | undefined {
    const { copy } = memory;
    const document = this.#parseOwn(device, copy.payload);
    if (copy.problem !== undefined) return { kind: 'held', problem: copy.problem, document };
    if (copy.expresses === expressionOf(device) && document !== undefined) return { kind: 'published', document };
    const isNew = device.status?.observedGeneration !== device.metadata.generation;
    if (!isNew || this.#deps.brokerHealth() !== 'down') return undefined;
    const message = 'the broker cannot be reached; the change is published when it is back';
    return { kind: 'held', problem: { reason: 'BrokerUnavailable', message }, document };
  }

  #parseOwn(device: Device, payload: string | undefined): DesiredDocument | undefined {
    if (payload === undefined) return undefined;
    const parsed = parseDesired(Buffer.from(payload), {
      ...this.#deps.limits,
      maxPayloadBytes: Number.POSITIVE_INFINITY,
    });
    return parsed.ok && parsed.value.owner.uid === device.metadata.uid ? parsed.value : undefined;
  }

  /** A device that names a higher revision than was issued knows more than we do: its messages may have to be issued anew. */
  #noteNamedRevisions(view: TwinView, memory: DeviceMemory): boolean {
    const issued = view.publication.document?.messages ?? {};
    const before = memory.named;
    for (const [name, { envelope }] of view.reports) {
      const { uid, revision } = envelope;
      const known = Math.max(issued[name]?.revision ?? Number.POSITIVE_INFINITY, memory.named.reports.get(name) ?? 0);
      if (uid !== view.device.metadata.uid || revision === undefined || revision <= known) continue;
      memory.named = { ...memory.named, reports: new Map(memory.named.reports).set(name, revision) };
    }
    return memory.named !== before;
  }

  /** Milliseconds for which `write` is better left undone, because it is soon outdated or too frequent. */
  #waitBefore({ writeClass }: StatusWrite, after: Device, memory: DeviceMemory, before: Device): number {
    const now = this.#deps.clock.monotonic();
    // A person changed something: that is never paced, and the device's answer to it is usually back before the write would be.
    const isAsked = before.status?.observedGeneration !== before.metadata.generation;
    const pacedMs = isAsked ? 0 : memory.pace.waitMs(writeClass, now, this.#deps.reportedIntervalMs);
    const isDecided = Object.values(after.status?.sync ?? {}).every(
      ({ state }) => state !== 'Pending' && state !== 'Acknowledged',
    );
    return Math.max(pacedMs, writeClass === 'sync' && !isDecided ? memory.settleUntil - now : 0);
  }

  async #write(
    view: TwinView,
    write: StatusWrite,
    memory: DeviceMemory,
    after: Device,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, observe, onWrite } = this.#deps;
    const { namespace, name, uid } = view.device.metadata;
    const path = `${devicesPath(namespace)}/${name}/status`;
    // The uid is a precondition: a namesake that was created in the meantime must not inherit this status.
    const body = { metadata: { uid }, status: write.patch };
    try {
      observe(
        await client.patch<Device>(
          path,
          'application/merge-patch+json',
          body,
          { fieldManager: 'mir-operator' },
          signal,
        ),
      );
    } catch (error) {
      // Nothing was written, so nothing is concluded: what was heard may belong to the namesake that the cache is about to tell of.
      if (!isGone(error)) this.#deps.onWriteError(error instanceof ApiError ? error.status : 0);
      throw error;
    }
    memory.pace.note(clock.monotonic(), this.#deps.reportedIntervalMs, 'reported' in write.patch);
    onWrite(write.writeClass, view.reports.size, oldestOf(view));
    this.#deps.onEvents(after, transitionEvents(view.device.status, after.status ?? {}));
  }

  /** Everything the view held is in the status now. */
  #conclude(view: TwinView, memory: DeviceMemory, after: Device, refused: readonly string[]): void {
    if (view.claim.kind !== 'owner') return;
    const { wake, onBadInput, onHeartbeatWritten } = this.#deps;
    memory.inbox.settle(view.reports);
    if (memory.announced === view.announced) memory.announced = undefined;
    if (after.status?.lastHeartbeat !== view.device.status?.lastHeartbeat || view.isHeartbeatDue) {
      memory.isHeartbeatDue = false;
      onHeartbeatWritten(memory.deviceId);
    }
    for (const name of droppedNames(view, after)) wake.clear(memory, name);
    for (const name of refused) {
      onBadInput('TooManyMessages', `reported/${name}: the twin holds ${view.maxMessages} messages already`, memory);
    }
  }
}

const NOTHING_PUBLISHED: Publication = {
  kind: 'held',
  problem: { reason: 'NotPublished', message: 'this object does not speak for its device id' },
  document: undefined,
};

const NO_REPORTS: TwinView['reports'] = new Map();

function claimOf(key: DeviceKey, memory: DeviceMemory): Claim {
  if (memory.owner !== undefined && memory.owner !== key) return { kind: 'duplicate', winner: memory.owner };
  const { foreignOwner } = memory.copy;
  return foreignOwner === undefined ? { kind: 'owner' } : { kind: 'foreign', owner: foreignOwner };
}

function mayNeedReissue({ named }: DeviceMemory, { status }: Device): boolean {
  if (named.birth === 0 && named.reports.size === 0) return false;
  return Object.values(status?.sync ?? {}).some(({ state }) => state !== 'InSync');
}

/** The object is gone, or another one has its name: no fault of anyone, and the cache knows it soon. */
function isGone(error: unknown): boolean {
  return isNotFound(error) || (error instanceof ApiError && error.status === 409 && /uid/i.test(error.message));
}

function oldestOf(view: TwinView): number | undefined {
  if (view.reports.size === 0) return undefined;
  return Math.min(...[...view.reports.values()].map(({ receivedAt }) => receivedAt));
}

function droppedNames(view: TwinView, after: Device): string[] {
  const kept = after.status?.reported ?? {};
  return Object.keys(view.device.status?.reported ?? {}).filter((name) => !Object.hasOwn(kept, name));
}
