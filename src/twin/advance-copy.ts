import type { CopyEvent } from '../document/broker-copy.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { Wake } from './wake.ts';

/** Takes what happened into the broker's copy of a device, and wakes whom that concerns. */
export function advanceCopy(memory: DeviceMemory, event: CopyEvent, wake: Wake): void {
  for (const effect of memory.stepCopy(event)) {
    switch (effect.kind) {
      case 'readPage':
        wake.page(memory.deviceId);
        break;
      case 'reconcile':
        wake.desired(memory.deviceId, effect.afterMs);
        break;
      case 'updateStatus':
        wake.status(memory, 'sync', effect.afterMs);
        break;
      default:
        effect satisfies never;
    }
  }
}
