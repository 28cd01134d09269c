import type { Clock } from '../base/clock.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';
import { onReconnect } from '../presence/presence.ts';
import type { LivenessRules } from '../presence/presence.ts';
import type { Wake } from '../twin/wake.ts';
import { BrokerOutage } from './broker-outage.ts';
import { HeartbeatBudget } from './heartbeat-budget.ts';
import { PresenceWatch } from './presence-watch.ts';
import { ReadingClock } from './reading-clock.ts';

interface LivenessOptions extends LivenessRules {
  /** Status writes a second that carry nothing but a heartbeat. */
  readonly heartbeatWritesPerSecond: number;
}

/** Who is there: the devices, and the broker between them and us. */
export class Liveness {
  readonly rules: LivenessRules;
  readonly reading: ReadingClock;
  readonly heartbeats: HeartbeatBudget;
  readonly presence: PresenceWatch;
  readonly outage: BrokerOutage;

  /** `tickMs`: how often `judge` is called. */
  constructor(options: LivenessOptions, clock: Clock, tickMs: number) {
    this.rules = options;
    this.reading = new ReadingClock(clock, tickMs);
    this.heartbeats = new HeartbeatBudget(options.heartbeatWritesPerSecond);
    this.presence = new PresenceWatch(options, clock, this.reading);
    this.outage = new BrokerOutage(clock);
  }

  onConnected(memories: Iterable<DeviceMemory>): void {
    this.outage.onConnected();
    this.reading.isReading = true;
    for (const memory of memories) {
      memory.replacePresence(onReconnect(memory.presence, this.reading.reading));
    }
  }

  onDisconnected(): void {
    this.outage.onDisconnected();
    this.reading.isReading = false;
  }

  /** Lets time act on whoever it may concern, and wakes whose status has to tell of it. */
  judge(fleet: Fleet, wake: Wake, observer: TwinObserver): void {
    this.reading.tick();
    for (const { owner } of this.presence.judge((deviceId) => fleet.get(deviceId))) {
      if (owner !== undefined) wake.object(owner, 'online');
    }
    observer.onlineCounted(this.presence.online);
    if (!this.outage.becomesDown()) return;
    for (const { owner } of fleet.all()) if (owner !== undefined) wake.object(owner, 'sync');
  }

  /** Has those heartbeats written whose turn it is after `elapsedMs`. */
  writeHeartbeats(elapsedMs: number, fleet: Fleet, wake: Wake): void {
    for (const deviceId of this.heartbeats.take(Math.min(elapsedMs, 1000))) {
      const memory = fleet.get(deviceId);
      if (memory?.owner === undefined) continue;
      memory.status.dueHeartbeat();
      wake.object(memory.owner, 'heartbeat');
    }
  }
}
