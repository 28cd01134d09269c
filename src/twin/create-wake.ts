import type { Runtime } from '../base/runtime.ts';
import type { PageReader } from '../readback/page-reader.ts';
import type { DeviceLine } from '../twin/device-line.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Wake } from '../twin/wake.ts';
import { WRITE_PRIORITY } from '../twin/write-class.ts';
import type { Queues } from './queues.ts';

interface WakeDeps {
  readonly queues: Pick<Queues, 'desired' | 'status' | 'schema'>;
  readonly pages: Pick<PageReader, 'request'>;
  readonly fleet: Fleet;
  readonly line: DeviceLine;
  readonly runtime: Runtime;
}

export function createWake({ queues, pages, fleet, line, runtime }: WakeDeps): Wake {
  const { clock, log } = runtime;
  const restMs = (memory: DeviceMemory | undefined): number => memory?.writePace.restMs(clock.monotonic()) ?? 0;
  return {
    desired: (deviceId, afterMs = 0) =>
      queues.desired.addAfter(deviceId, Math.max(afterMs, restMs(fleet.get(deviceId)))),
    changed: (deviceId, afterMs = 0) => queues.desired.addAfter(deviceId, afterMs),
    status: (memory, writeClass, afterMs = 0) => {
      if (memory.owner === undefined) return;
      queues.status.addAfter(memory.owner, Math.max(afterMs, restMs(memory)), WRITE_PRIORITY[writeClass]);
    },
    object: (key, writeClass) => queues.status.add(key, WRITE_PRIORITY[writeClass]),
    page: (deviceId) => pages.request(deviceId),
    schema: (name) => queues.schema.add(name),
    ask: (deviceId, what) => {
      line.broker.publish(line.topics.get(deviceId), what, { retain: false, qos: 1 }).catch((error: unknown) => {
        log.debug({ err: error, deviceId, what }, 'could not ask a device');
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
