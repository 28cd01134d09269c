export const RATE = 'sensor.v1.SampleRate';
export const BATTERY = 'sensor.v1.BatteryStatus';
