import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import type { BrokerOptions } from '../sdk/index.ts';
import type { FleetOptions } from './fleet.ts';
import { SAMPLE_DEVICE } from './models.ts';
import { readProfile, scaled } from './profile/profile.ts';
import type { Group, Profile } from './profile/profile.ts';
import { durationOf } from './profile/span.ts';

export const USAGE = `Simulated devices that speak to a broker until they are stopped.

  npm run simulate -- [options]

  --mqtt-url URL           broker (MIR_MQTT_URL; default mqtt://127.0.0.1:1883)
  --mqtt-version 5|4       4 is MQTT 3.1.1 (default 5)
  --username NAME          user name at the broker
  --password-file FILE     file with the password (or MIR_MQTT_PASSWORD)
  --ca-file FILE           PEM authorities that sign the broker's certificate (MIR_MQTT_CA_FILE)
  --cert-file FILE         PEM client certificate (MIR_MQTT_CERT_FILE)
  --key-file FILE          PEM private key of it (MIR_MQTT_KEY_FILE)
  --prefix LEVELS          topic prefix (default mir/v1alpha)

  --profile FILE           groups of devices and their behaviours; see src/simulator/README.md
  --devices N              N devices <id-prefix>1 to <id-prefix>N, or that many of the profile's, in proportion
  --id ID                  one device of this id; may be repeated
  --id-prefix TEXT         default sim-
  --heartbeat SECONDS      default 10; 0 for none
  --apply-delay-ms MS      time a device takes to apply a value (default 0)
  --applies MESSAGE        messages it understands; may be repeated (default: those of manifests/samples)
  --data DIR               keep each device's store in DIR, so that it survives a restart

  --seed TEXT              what is drawn at random is the same for the same seed (default 1)
  --connect-rate N         first connects a second (default 500; 0: all at once)
  --duration TIME          stop after this time, such as 90s or 10m
  --json                   progress as lines of JSON
  --events                 a line per event of a device (default for up to 10 devices without a profile)
  --quiet                  print nothing while it runs

  --manifests              print the twins of the devices as YAML for kubectl apply, and end
  --namespace NAME         namespace of these twins (default default)`;

const OPTIONS = {
  'mqtt-url': { type: 'string' },
  'mqtt-version': { type: 'string', default: '5' },
  username: { type: 'string' },
  'password-file': { type: 'string' },
  'ca-file': { type: 'string' },
  'cert-file': { type: 'string' },
  'key-file': { type: 'string' },
  prefix: { type: 'string', default: 'mir/v1alpha' },
  profile: { type: 'string' },
  devices: { type: 'string' },
  id: { type: 'string', multiple: true },
  'id-prefix': { type: 'string', default: 'sim-' },
  heartbeat: { type: 'string', default: '10' },
  'apply-delay-ms': { type: 'string', default: '0' },
  applies: { type: 'string', multiple: true },
  data: { type: 'string' },
  seed: { type: 'string', default: '1' },
  'connect-rate': { type: 'string', default: '500' },
  duration: { type: 'string' },
  json: { type: 'boolean', default: false },
  events: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  manifests: { type: 'boolean', default: false },
  namespace: { type: 'string', default: 'default' },
  help: { type: 'boolean', default: false },
} as const satisfies NonNullable<ParseArgsConfig['options']>;

type Values = ReturnType<typeof readArguments>;

/** What is printed while it runs. */
type Output = 'progress' | 'json' | 'events' | 'nothing' | 'manifests';

export interface SimulatorOptions {
  readonly fleet: Omit<FleetOptions, 'onEvent' | 'clock' | 'schemas'>;
  /** Path of the profile, from whose folder its schemas are read. */
  readonly profilePath: string;
  readonly output: Output;
  /** Milliseconds; undefined: until a signal. */
  readonly durationMs: number | undefined;
  /** Of the twins that `manifests` prints. */
  readonly namespace: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined asks for the help. Throws an Error that names the flag and the remedy. */
export function readOptions(argv: readonly string[], env: Environment): SimulatorOptions | undefined {
  const values = readArguments(argv);
  if (values.help) return undefined;
  const profile = profileOf(values);
  return {
    fleet: {
      profile,
      devices: {
        broker: brokerOf(values, env),
        model: {
          ...SAMPLE_DEVICE,
          ...(values.applies !== undefined && { applies: values.applies }),
          applyDelayMs: numberOf('apply-delay-ms', values['apply-delay-ms']),
        },
        ...(values.data !== undefined && { dataDir: values.data }),
      },
      seed: values.seed,
      connectRate: numberOf('connect-rate', values['connect-rate']),
    },
    profilePath: values.profile ?? '',
    output: outputOf(values, profile),
    namespace: values.namespace,
    durationMs: values.duration === undefined ? undefined : durationFlag(values.duration),
  };
}

function readArguments(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: false }).values;
}

function profileOf(values: Values): Profile {
  const devices = values.devices === undefined ? undefined : wholeNumberOf('devices', values.devices);
  if (values.profile !== undefined) {
    if (values.id !== undefined)
      throw new Error('--id and --profile exclude each other; put the device into the profile');
    const profile = readProfile(values.profile);
    return devices === undefined ? profile : scaled(profile, devices);
  }
  const heartbeat = numberOf('heartbeat', values.heartbeat) * 1000;
  const named = values.id ?? [];
  const count = devices ?? Number(named.length === 0);
  const plain = {
    heartbeat,
    keepalive: 30_000,
    desired: {},
    labels: {},
    behaviours: [],
    includes: [],
    encoding: 'json' as const,
  };
  const groups: Group[] = named.map((id) => ({ ...plain, name: id, id, count: 1 }));
  if (count > 0) groups.push({ ...plain, name: 'devices', id: `${values['id-prefix']}{n}`, count });
  return { groups };
}

function brokerOf(values: Values, env: Environment): BrokerOptions {
  const password = readPassword(values['password-file'], env);
  const ca = readPem('ca-file', values['ca-file'] ?? env['MIR_MQTT_CA_FILE']);
  const cert = readPem('cert-file', values['cert-file'] ?? env['MIR_MQTT_CERT_FILE']);
  const key = readPem('key-file', values['key-file'] ?? env['MIR_MQTT_KEY_FILE']);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error('--cert-file and --key-file need each other; give both or neither');
  }
  return {
    url: values['mqtt-url'] ?? env['MIR_MQTT_URL'] ?? 'mqtt://127.0.0.1:1883',
    protocolVersion: protocolVersion(values['mqtt-version']),
    prefix: values.prefix,
    ...(values.username !== undefined && { username: values.username }),
    ...(password !== undefined && { password }),
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    },
  };
}

function protocolVersion(text: string): NonNullable<BrokerOptions['protocolVersion']> {
  if (text === '5') return 5;
  if (text === '4' || text === '3.1.1') return 4;
  throw new Error(`--mqtt-version ${text} is not known; use 5 or 4 (MQTT 3.1.1)`);
}

function readPassword(path: string | undefined, env: Environment): string | undefined {
  return path === undefined ? env['MIR_MQTT_PASSWORD'] : readPem('password-file', path)?.replace(/\r?\n$/, '');
}

function readPem(flag: string, path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`--${flag} ${path} cannot be read; check the path and its permissions`, { cause: error });
  }
}

function outputOf(values: Values, profile: Profile): Output {
  if (values.manifests) return 'manifests';
  if (values.quiet) return 'nothing';
  if (values.json) return 'json';
  const isSmall = profile.groups.reduce((sum, { count }) => sum + count, 0) <= MAX_DEVICES_WITH_EVENTS;
  return values.events || (isSmall && values.profile === undefined) ? 'events' : 'progress';
}

const MAX_DEVICES_WITH_EVENTS = 10;

function durationFlag(text: string): number {
  const ms = durationOf(text);
  if (ms !== undefined) return ms;
  throw new Error(`--duration ${text} is not a time; use one such as 90s or 10m`);
}

function wholeNumberOf(name: string, text: string): number {
  const value = numberOf(name, text);
  if (Number.isInteger(value)) return value;
  throw new Error(`--${name} ${text} is not a whole number; use 0 or more`);
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} ${text} is not a number; use 0 or more`);
}
