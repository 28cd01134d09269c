import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { SAMPLE_DEVICE } from './models.ts';
import { createSimulatedDevice, describeEvent } from './simulated-device.ts';
import type { SimulatedDevice } from './simulated-device.ts';

const USAGE = `Simulated devices that speak to a broker until they are stopped.

  npm run simulate -- [options]

  --mqtt-url URL           broker (MIR_MQTT_URL; default mqtt://127.0.0.1:1883)
  --mqtt-version 5|4       4 is MQTT 3.1.1 (default 5)
  --username NAME          user name at the broker
  --password-file FILE     file with the password (or MIR_MQTT_PASSWORD)
  --prefix LEVELS          topic prefix (default mir/v1alpha)
  --id ID                  one device of this id; may be repeated
  --devices N              N devices <id-prefix>1 to <id-prefix>N
  --id-prefix TEXT         default sim-
  --heartbeat SECONDS      default 10; 0 for none
  --apply-delay-ms MS      time a device takes to apply a value (default 0)
  --applies MESSAGE        messages it understands; may be repeated (default: those of manifests/samples)
  --data DIR               keep each device's store in DIR, so that it survives a restart
  --quiet                  no line per event`;

const OPTIONS = {
  'mqtt-url': { type: 'string' },
  'mqtt-version': { type: 'string', default: '5' },
  username: { type: 'string' },
  'password-file': { type: 'string' },
  prefix: { type: 'string', default: 'mir/v1alpha' },
  id: { type: 'string', multiple: true },
  devices: { type: 'string' },
  'id-prefix': { type: 'string', default: 'sim-' },
  heartbeat: { type: 'string', default: '10' },
  'apply-delay-ms': { type: 'string', default: '0' },
  applies: { type: 'string', multiple: true },
  data: { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const satisfies NonNullable<ParseArgsConfig['options']>;

type Values = ReturnType<typeof readArguments>;

async function main(): Promise<void> {
  const values = readArguments();
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const fleet = deviceIds(values).map((deviceId) => simulate(deviceId, values));
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
  await Promise.all(fleet.map((device) => device.start()));
  await stopped;
  await Promise.all(fleet.map((device) => device.goOffline()));
}

function readArguments() {
  return parseArgs({ options: OPTIONS, allowPositionals: false }).values;
}

function deviceIds(values: Values): string[] {
  const named = values.id ?? [];
  const count = values.devices === undefined ? Number(named.length === 0) : numberOf('devices', values.devices);
  return [...named, ...Array.from({ length: count }, (_, index) => `${values['id-prefix']}${index + 1}`)];
}

function simulate(deviceId: string, values: Values): SimulatedDevice {
  const password = readPassword(values['password-file']);
  if (values.data !== undefined) mkdirSync(values.data, { recursive: true });
  return createSimulatedDevice({
    ...SAMPLE_DEVICE,
    ...(values.applies !== undefined && { applies: values.applies }),
    deviceId,
    url: values['mqtt-url'] ?? process.env['MIR_MQTT_URL'] ?? 'mqtt://127.0.0.1:1883',
    protocolVersion: protocolVersion(values['mqtt-version']),
    prefix: values.prefix,
    heartbeatSeconds: numberOf('heartbeat', values.heartbeat),
    applyDelayMs: numberOf('apply-delay-ms', values['apply-delay-ms']),
    ...(values.username !== undefined && { username: values.username }),
    ...(password !== undefined && { password }),
    ...(values.data !== undefined && { store: join(values.data, `${deviceId}.db`) }),
    ...(!values.quiet && { onEvent: (event) => console.log(describeEvent(deviceId, event)) }),
  });
}

function protocolVersion(text: string): 4 | 5 {
  if (text === '5') return 5;
  if (text === '4' || text === '3.1.1') return 4;
  throw new Error(`--mqtt-version ${text} is not known; use 5 or 4 (MQTT 3.1.1)`);
}

function readPassword(path: string | undefined): string | undefined {
  return path === undefined ? process.env['MIR_MQTT_PASSWORD'] : readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} ${text} is not a number; use 0 or more`);
}

try {
  await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\nSee --help.`);
  process.exitCode = 2;
}
