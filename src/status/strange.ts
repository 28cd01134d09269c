import type { DeviceStatus } from '../api/device.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import { planStatusWrite } from './patch.ts';

/**
 * A write of ours was answered: `stands` is what the object has under `version`, `meant` what it should have. True when the two differ, or
 * when somebody wrote beside it: then the next look mends it. Mended once, and no more until the next write: what the API server itself
 * makes of a status (an admission webhook, an older CRD) stays so.
 */
export function noteAnswer(memory: DeviceMemory, version: string, stands: DeviceStatus, meant: DeviceStatus): boolean {
  return memory.status.noteAnswer(version, meant, planStatusWrite(stands, meant) !== undefined);
}
