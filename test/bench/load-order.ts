/** What the load process is asked to send, and what it answers. */

export interface LoadOrder {
  readonly port: number;
  /** `unread`: like reports, on topics that nobody subscribes to. `flap`: goodbyes and births in turn. `answer`: reports `TWO_MESSAGES`, in turn. */
  readonly kind: 'birth' | 'report' | 'heartbeat' | 'unread' | 'flap' | 'answer';
  /** Devices 0…devices-1 in turn. */
  readonly devices: number;
  readonly messages: number;
  /** Messages a second; 0: as fast as the broker acknowledges. */
  readonly perSecond: number;
}

export interface LoadAnswer {
  readonly seconds: number;
}

export const REPORTED_MESSAGE = 'bench.v1.Reading';

/** What twins desire where it does not matter. */
export const TWO_MESSAGES = { 'bench.v1.Setting': { n: 1 }, 'bench.v1.Schedule': { fromHour: 6, toHour: 22 } };

export const deviceIdOf = (device: number): string => `bench-${String(device).padStart(6, '0')}`;

/** The value of the last report of `device` after `order`. */
export function lastSequence({ messages, devices }: LoadOrder, device: number): number {
  const last = messages - 1 - ((messages - 1 - device) % devices);
  return last;
}
