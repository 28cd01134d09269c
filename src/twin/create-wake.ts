import type { Runtime } from '../base/runtime.ts';
import type { Topics } from '../protocol/topics.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { Fleet } from './fleet.ts';
import type { Wake } from './wake.ts';
import { WRITE_PRIORITY } from './write-class.ts';

/** What the wake needs of a queue; the workqueue has more. */
interface KeyQueue {
  add(key: string, priority?: number): void;
  addAfter(key: string, delayMs: number, priority?: number): void;
}

interface WakeDeps {
  readonly queues: { readonly desired: KeyQueue; readonly status: KeyQueue; readonly schema: KeyQueue };
  readonly pages: { request(deviceId: string): void };
  readonly fleet: Fleet;
  /** The way to the devices, on which nobody waits for an answer. */
  readonly line: {
    readonly broker: {
      publish(topic: string, payload: string, options: { readonly retain: boolean; readonly qos: 1 }): Promise<void>;
    };
    readonly topics: Topics;
  };
  readonly runtime: Runtime;
}

export function createWake({ queues, pages, fleet, line, runtime }: WakeDeps): Wake {
  const { clock, log } = runtime;
  const { desired: desiredQueue, status: statusQueue, schema: schemaQueue } = queues;
  const restMs = (memory: DeviceMemory | undefined): number => memory?.writePace.restMs(clock.monotonic()) ?? 0;
  return {
    desired: (deviceId, afterMs = 0) => desiredQueue.addAfter(deviceId, Math.max(afterMs, restMs(fleet.get(deviceId)))),
    changed: (deviceId, afterMs = 0) => desiredQueue.addAfter(deviceId, afterMs),
    status: (memory, writeClass, afterMs = 0) => {
      if (memory.owner === undefined) return;
      statusQueue.addAfter(memory.owner, Math.max(afterMs, restMs(memory)), WRITE_PRIORITY[writeClass]);
    },
    object: (key, writeClass) => statusQueue.add(key, WRITE_PRIORITY[writeClass]),
    page: (deviceId) => pages.request(deviceId),
    schema: (name) => schemaQueue.add(name),
    ask: (deviceId, what) => {
      line.broker.publish(line.topics.get(deviceId), what, { retain: false, qos: 1 }).catch((error: unknown) => {
        log.debug({ err: error, deviceId, what }, 'could not ask a device');
        // Asked again after a while, or when the device's page has been read. Reports are asked for more than once anyway.
        if (what === 'state') fleet.get(deviceId)?.stateGap.noteUnasked();
      });
    },
    clear: (memory, message) => {
      const topic = line.topics.reported(memory.deviceId, message);
      memory.inbox.noteCleared(message);
      line.broker.publish(topic, '', { retain: true, qos: 1 }).catch((error: unknown) => {
        // It is seen again, and cleared again, when its device's state is next read in this session.
        log.debug({ err: error, topic }, 'could not clear a retained topic');
      });
    },
  };
}
