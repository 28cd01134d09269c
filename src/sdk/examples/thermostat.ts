/**
 * A thermostat: sample rate, alert thresholds, an operating mode with a duration, and firmware updates with progress.
 * `node src/sdk/examples/thermostat.ts mqtt://localhost:1883 thermostat-12 ./thermostat.db`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Rejected, createDevice, describeEvent } from 'mir-device';
import type { DesiredContext } from 'mir-device';
import { keepModes } from './timed-mode.ts';

const RATE = 'sensor.v1.SampleRate';
const THRESHOLD = 'sensor.v1.AlertThreshold';
const FIRMWARE = 'firmware.v1.Update';
const CLIMATE = 'climate.v1.State';

const [url = 'mqtt://localhost:1883', deviceId = 'thermostat-12', store = './thermostat.db'] = process.argv.slice(2);
const device = createDevice({
  deviceId,
  broker: { url },
  store,
  announce: { reports: [CLIMATE, 'device.v1.ModeStatus'] },
  onEvent: (event) => process.stdout.write(`${describeEvent(event)}\n`),
});

/** What the thermostat can measure; a limit that is not desired lies there. */
const WIDEST = { maxTemp: 125, minTemp: -40 };
let threshold = WIDEST;
let sampling: NodeJS.Timeout | undefined;

device.onDesired(RATE, ({ intervalSeconds }) => {
  const seconds = numberIn(intervalSeconds, 'intervalSeconds', 1, 86_400);
  clearInterval(sampling);
  sampling = setInterval(sample, seconds * 1000);
});

device.onDesired(
  THRESHOLD,
  (wanted) => {
    const { maxTemp, minTemp } = { ...WIDEST, ...wanted };
    threshold = { maxTemp: celsiusIn(maxTemp, 'maxTemp'), minTemp: celsiusIn(minTemp, 'minTemp') };
  },
  () => {
    threshold = WIDEST;
  },
);

const mode = keepModes(device, {
  modes: ['auto', 'eco', 'comfort', 'boost', 'maintenance', 'off'],
  onMode: (next) => process.stdout.write(`mode ${next}\n`),
});

device.onDesired(FIRMWARE, async (wanted, { signal }) => {
  const version = textIn(wanted['version'], 'version');
  // While it works it says what it runs now; `version` is the desired one only when that is true, and then it is in sync.
  const running = device.reported(FIRMWARE)?.['runningVersion'] ?? '1.0.0';
  if (version !== running) {
    for (let percent = 0; percent < 100; percent += 25) {
      device.report(FIRMWARE, { runningVersion: running, percent });
      await downloadAQuarter(textIn(wanted['url'], 'url'), { signal });
    }
  }
  return { done: true, value: { ...wanted, runningVersion: version } };
});

function sample(): void {
  const celsius = 20 + Math.round(Math.random() * 50) / 10;
  device.report(CLIMATE, { celsius, isAlert: celsius > threshold.maxTemp || celsius < threshold.minTemp });
}

/** Stands for the real thing, which fails now and then: whatever it throws is reported and tried again. */
async function downloadAQuarter(from: string, { signal }: Pick<DesiredContext, 'signal'>): Promise<void> {
  if (!from.startsWith('https://')) throw new Rejected(`url ${from} is not https`);
  await sleep(100, undefined, { signal });
}

function numberIn(value: unknown, name: string, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new Rejected(`${name} must be a number from ${least} to ${most}`);
}

function celsiusIn(value: unknown, name: string): number {
  return numberIn(value, name, WIDEST.minTemp, WIDEST.maxTemp);
}

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Rejected(`${name} must be a text`);
}

process.once('SIGTERM', () => void device.close().then(() => process.exit()));
await device.connect();
process.stdout.write(`mode ${mode()}\n`);
