import type { Device } from '../api/device.ts';
import type { Informed } from '../cache/informer.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { Fleet } from './fleet.ts';
import type { SchemaState } from './schema-state.ts';

/** What is known: the objects, what is remembered of their devices, and how those write their messages. */
export interface Twins {
  readonly devices: Informed<Device>;
  readonly fleet: Fleet;
  readonly schemas: { schemaStateOf(memory: DeviceMemory): SchemaState };
}
