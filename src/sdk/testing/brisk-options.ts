import type { BrokerOptions, DeviceOptions } from '../options.ts';

export interface BriskOptions extends Partial<Omit<DeviceOptions, 'broker'>> {
  readonly broker?: Partial<BrokerOptions>;
}

/** Options of `d1`, which waits for nothing: no heartbeats, reports and reconnects at once, unless `more` says otherwise. */
export function briskOptions(url: string, more: BriskOptions = {}): DeviceOptions {
  const { broker, announce } = more;
  return {
    deviceId: 'd1',
    ...more,
    broker: { url, ...broker, reconnect: { baseMs: 5, maxMs: 20, reportSpreadMs: 0, ...broker?.reconnect } },
    announce: { heartbeatSeconds: 0, ...announce },
  };
}
