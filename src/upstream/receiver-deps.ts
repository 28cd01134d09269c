import type { Runtime } from '../base/runtime.ts';
import type { StateLimits } from '../protocol/state-envelope.ts';
import type { ParsedTopic, Topics } from '../protocol/topics.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { LivenessRules } from '../presence/presence.ts';
import type { Wake } from '../twin/wake.ts';
import type { ReportRequests } from './report-requests.ts';

export interface ReceiverRules {
  readonly topics: Topics;
  readonly limits: StateLimits;
  /** Reports of one device that are read in a second. */
  readonly reportsPerSecond: number;
}

/** What others make of what a device says. */
export interface ReceiverPorts {
  readonly liveness: {
    readonly rules: LivenessRules;
    /** Milliseconds of reading the broker. */
    readonly reading: { readonly reading: number };
    /** Heartbeats that nothing else carries into a status. */
    readonly heartbeats: { add(deviceId: string): void };
  };
  /** Reports that a birth announces are to come. */
  readonly expected: ReportRequests;
  readonly schemas: {
    announce(memory: DeviceMemory, hash: string | undefined, isNewSession: boolean): void;
    receive(memory: DeviceMemory, payload: Buffer): void;
    /** The device may have come, and could be asked for its schema. */
    want(memory: DeviceMemory): void;
  };
  readonly discovery: {
    /** Something stored of an id that no object has. */
    note(topic: ParsedTopic, payload: Buffer): void;
  };
  /** Undefined: an id that no object has gets none. */
  readonly provisioner:
    | {
        /** A state message of an id that no object has; true when it is provided for. */
        announce(deviceId: string, payload: Buffer): boolean;
        /** Something stored of an id that no object has. */
        note(topic: ParsedTopic, payload: Buffer): void;
      }
    | undefined;
}

export interface ReceiverDeps {
  readonly fleet: Fleet;
  readonly rules: ReceiverRules;
  readonly runtime: Runtime;
  readonly wake: Wake;
  readonly observer: TwinObserver;
  readonly ports: ReceiverPorts;
}
