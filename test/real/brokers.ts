/** The brokers people have, each with the settings it comes with, on a loopback port that stays the same over its restarts. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerProcess } from '../world/broker.ts';
import { eventually } from '../world/eventually.ts';
import { cacheFolder, findBroker } from './binaries.ts';
import type { Progress } from './binaries.ts';
import { startMosquitto } from './mosquitto.ts';
import { assertListening, freePort } from './ports.ts';
import { startSubprocess } from './subprocess.ts';
import type { Subprocess } from './subprocess.ts';
import { findJava, findMaven, findMosquitto, runTool } from './system-packages.ts';

export interface BrokerKind {
  readonly name: string;
  /** MQTT versions that it speaks; 4 is 3.1.1. */
  readonly versions: readonly (4 | 5)[];
  start(directory: string, progress: Progress): Promise<BrokerProcess>;
}

export const BROKERS: readonly BrokerKind[] = [
  {
    name: 'mosquitto',
    versions: [5, 4],
    start: async (directory, progress) => startMosquitto(await findMosquitto(progress), directory),
  },
  { name: 'NATS', versions: [4], start: startNats },
  { name: 'mochi', versions: [5, 4], start: startMochi },
  { name: 'HiveMQ CE', versions: [5, 4], start: startHiveMq },
];

async function startNats(directory: string, progress: Progress): Promise<BrokerProcess> {
  const config = (port: number, store: string): string =>
    `server_name: mir\nlisten: "127.0.0.1:-1"\njetstream { store_dir: "${store}" }\nmqtt { listen: "127.0.0.1:${port}" }\n`;
  const binary = await findBroker('nats-server', progress);
  return startConfigured(directory, { config, command: [binary, '-c'] });
}

async function startMochi(directory: string, progress: Progress): Promise<BrokerProcess> {
  const config = (port: number, store: string): string =>
    [
      `listeners: [{type: tcp, id: mqtt, address: "127.0.0.1:${port}"}]`,
      'hooks:',
      '  auth: {allow_all: true}',
      `  storage: {bolt: {path: "${store}/bolt.db", bucket: mochi}}`,
      '',
    ].join('\n');
  const binary = await findBroker('mochi', progress);
  return startConfigured(directory, { config, command: [binary, '-config'] });
}

async function startHiveMq(directory: string, progress: Progress): Promise<BrokerProcess> {
  const [java, libraries] = [await findJava(progress), await fetchHiveMq(progress)];
  mkdirSync(join(directory, 'conf'));
  mkdirSync(join(directory, 'extensions'));
  const listener = (port: number): string =>
    `<tcp-listener><port>${port}</port><bind-address>127.0.0.1</bind-address></tcp-listener>`;
  const config = (port: number): string =>
    `<?xml version="1.0"?><hivemq><listeners>${listener(port)}</listeners>` +
    '<persistence><mode>file</mode></persistence>' +
    '<anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics></hivemq>';
  const program = join(import.meta.dirname, 'hivemq', 'AllowAll.java');
  const command = [java, '-Xmx512m', '-cp', join(libraries, '*'), program, directory];
  return startConfigured(directory, { config, configFile: 'conf/config.xml', isConfigNamed: false, command });
}

/** HiveMQ CE and what it needs, by Maven, once. */
async function fetchHiveMq(progress: Progress): Promise<string> {
  const folder = cacheFolder('hivemq-ce-2025.5');
  if (existsSync(folder)) return folder;
  const maven = await findMaven(progress);
  progress(`fetching HiveMQ CE with Maven (kept in ${folder})`);
  // Beside its final place, so that a fetch that was interrupted is never taken for done.
  const unfinished = `${folder}.fetching-${process.pid}`;
  const pom = join(import.meta.dirname, 'hivemq', 'pom.xml');
  await runTool(maven, ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]);
  renameSync(unfinished, folder);
  return folder;
}

interface Configured {
  /** The configuration for a port, with everything that is kept in a folder of its own. */
  readonly config: (port: number, store: string) => string;
  readonly configFile?: string;
  /** False: the broker finds its configuration by itself. */
  readonly isConfigNamed?: boolean;
  readonly command: readonly string[];
}

async function startConfigured(directory: string, configured: Configured): Promise<BrokerProcess> {
  const [port, store] = [await freePort(), join(directory, 'data')];
  const file = join(directory, configured.configFile ?? 'broker.conf');
  mkdirSync(store, { recursive: true });
  writeFileSync(file, configured.config(port, store));
  const [binary = '', ...flags] = configured.command;
  const args = configured.isConfigNamed === false ? flags : [...flags, file];
  let running: Subprocess | undefined;
  const broker: BrokerProcess = {
    port,
    async stop() {
      await running?.stop(30_000);
      running = undefined;
    },
    async start(options = {}) {
      if (running?.hasExited === false) return;
      if (options.empty === true) rmSync(store, { recursive: true, force: true });
      mkdirSync(store, { recursive: true });
      const child = await startSubprocess(binary, args, { cwd: directory, logFile: join(directory, 'broker.log') });
      running = child;
      await eventually(`${binary} listens on ${port}`, () => assertListening(port), {
        signal: child.gone,
        timeoutMs: 60_000,
      });
    },
  };
  await broker.start();
  return broker;
}
