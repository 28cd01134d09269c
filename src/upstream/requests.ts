import type { Device } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Lister } from '../cache/lister.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Wake } from '../twin/wake.ts';
import { ReportRequests } from './report-requests.ts';
import { StateRequests } from './state-requests.ts';

interface RequestsDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly broker: { readonly connected: boolean };
  readonly wake: Wake;
  readonly runtime: Runtime;
  readonly queues: {
    /** Nothing else asks much of the broker just now. */
    readonly isPublishingNothing: boolean;
  };
}

/** Asks devices for what they should have sent: the reports that a birth announced, and a state where nobody knows any. */
export class Requests {
  readonly reports = new ReportRequests();
  readonly #states = new StateRequests();
  readonly #deps: RequestsDeps;

  constructor(deps: RequestsDeps) {
    this.#deps = deps;
  }

  /** All that stands stored of the device has been read. */
  onRead({ deviceId, retained, stateGap }: DeviceMemory): void {
    const { reason } = stateGap;
    const now = this.#deps.runtime.clock.monotonic();
    if (reason !== undefined) this.#states.add(deviceId, reason === 'cleared', now);
    this.reports.expect(deviceId, retained.takeIncomplete(), now);
  }

  /** Asks those whose turn it is; to be called every so often. */
  tick(): void {
    const { fleet, broker, wake, runtime, queues } = this.#deps;
    const now = runtime.clock.monotonic();
    const isAnyMissing = (deviceId: string, names: readonly string[]): boolean => this.#isAnyMissing(deviceId, names);
    for (const deviceId of this.reports.due(now, isAnyMissing)) wake.ask(deviceId, 'reported');
    if (broker.connected)
      this.#states.tick(now, queues.isPublishingNothing, (deviceId) => this.#askState(fleet.get(deviceId)));
  }

  /** The object is unpacked once for all names: it may be large. */
  #isAnyMissing(deviceId: string, names: readonly string[]): boolean {
    const { fleet, lister } = this.#deps;
    const memory = fleet.get(deviceId);
    if (memory?.owner === undefined || memory.isDisabled || !memory.presence.online) return false;
    const unheard = names.filter((name) => !memory.inbox.has(name));
    if (unheard.length === 0) return false;
    const reported = lister.get(memory.owner)?.status?.reported ?? {};
    return unheard.some((name) => !Object.hasOwn(reported, name));
  }

  /** True when that was needed. */
  #askState(memory: DeviceMemory | undefined): boolean {
    if (memory?.owner === undefined || memory.isDisabled || memory.stateGap.reason === undefined) return false;
    memory.stateGap.noteAsked();
    this.#deps.wake.ask(memory.deviceId, 'state');
    return true;
  }
}
