import type { MessageValue } from '../sdk/index.ts';

/** What a kind of device understands and says. */
export interface DeviceModel {
  readonly applies: readonly string[];
  /** Of these, what is carried out once and not again after a restart. */
  readonly oneShot: readonly string[];
  readonly initialReports: Readonly<Record<string, MessageValue>>;
  /** The reason to reject a value, or undefined to apply it. */
  readonly rejects: (message: string, value: MessageValue) => string | undefined;
}

const SAMPLE_RATE = 'sensor.v1.SampleRate';
const FIRMWARE = 'firmware.v1.Update';

/** Understands every message of `manifests/samples`, reports a battery, and wants at least a second between two samples. */
export const SAMPLE_DEVICE: DeviceModel = {
  applies: [
    SAMPLE_RATE,
    'sensor.v1.AlertThreshold',
    FIRMWARE,
    'wifi.v1.Settings',
    'device.v1.Mode',
    'features.v1.Flags',
  ],
  oneShot: [FIRMWARE],
  initialReports: { 'sensor.v1.BatteryStatus': { percentage: 87, voltage: 3.2 } },
  rejects(message, value) {
    if (message !== SAMPLE_RATE) return undefined;
    const { intervalSeconds } = value;
    const isRate = typeof intervalSeconds === 'number' && intervalSeconds >= 1;
    return isRate ? undefined : 'intervalSeconds must be a number of at least 1';
  },
};
