import type { Broker } from './broker.ts';
import type { Topics } from '../protocol/topics.ts';

/** The way to the devices: the broker, and what their topics are called there. */
export interface DeviceLine {
  readonly broker: Broker;
  readonly topics: Topics;
}
