/**
 * A thermostat: sample rate, alert thresholds, an operating mode with a duration, and firmware updates with progress.
 * `node src/sdk/examples/thermostat.ts mqtt://localhost:1883 thermostat-12 ./thermostat.db`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Rejected, createDevice, describeEvent } from '../index.ts';
import type { DesiredContext, MessageValue } from '../index.ts';

const RATE = 'sensor.v1.SampleRate';
const THRESHOLD = 'sensor.v1.AlertThreshold';
const MODE = 'device.v1.Mode';
const FIRMWARE = 'firmware.v1.Update';
/** What the thermostat is, where that is more than what was asked of it. */
const CLIMATE = 'climate.v1.State';

const [url = 'mqtt://localhost:1883', deviceId = 'thermostat-12', store = './thermostat.db'] = process.argv.slice(2);
const device = createDevice({
  url,
  deviceId,
  store,
  reports: [CLIMATE],
  onEvent: (event) => process.stdout.write(`${describeEvent(event)}\n`),
});

let threshold = Infinity;
let sampling: NodeJS.Timeout | undefined;

device.onDesired(RATE, ({ intervalSeconds }) => {
  const seconds = numberIn(intervalSeconds, 'intervalSeconds', 1, 86_400);
  clearInterval(sampling);
  sampling = setInterval(sample, seconds * 1000);
});

device.onDesired(
  THRESHOLD,
  ({ maxCelsius }) => {
    threshold = numberIn(maxCelsius, 'maxCelsius', -40, 125);
  },
  () => {
    threshold = Infinity;
  },
);

// In sync as soon as the mode is on; done when its time is over, so that a restart later does not begin it again.
device.onDesired(MODE, async (wanted, { signal }) => {
  const mode = textIn(wanted['mode'], 'mode');
  const { requestId = null } = wanted;
  const duration = wanted['duration'] === undefined ? Infinity : secondsIn(wanted['duration']);
  const before = device.reported(CLIMATE);
  // Its clock may stand in 1970, so it counts what is left; after a restart in between it goes on from there.
  let left = before?.['requestId'] === requestId && requestId !== null ? Number(before['secondsLeft']) : duration;
  device.report(MODE, wanted);
  while (left > 0) {
    state({ mode, requestId, ...(left !== Infinity && { secondsLeft: left }) });
    if (left === Infinity) return {};
    await sleep(Math.min(left, 5) * 1000, undefined, { signal });
    left -= Math.min(left, 5);
  }
  state({ mode: 'AUTO', requestId, secondsLeft: 0 });
  return { done: true };
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
  state({ celsius, isAlert: celsius > threshold });
}

function state(change: MessageValue): void {
  device.report(CLIMATE, { mode: 'AUTO', ...device.reported(CLIMATE), ...change });
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

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Rejected(`${name} must be a text`);
}

/** `1800s`, as JSON writes a google.protobuf.Duration. */
function secondsIn(duration: unknown): number {
  return numberIn(Number(/^(\d+(?:\.\d+)?)s$/.exec(textIn(duration, 'duration'))?.[1]), 'duration', 1, 604_800);
}

process.once('SIGTERM', () => void device.close().then(() => process.exit()));
await device.connect();
