/** The operator under test, as users run it: a process of its own. */
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/base/message-of.ts';
import { startSubprocess } from '../real/subprocess.ts';
import type { Exit } from '../real/subprocess.ts';
import { bareEnvironment } from './bare-environment.ts';
import { eventually } from './eventually.ts';
import { parseMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';

export interface OperatorOptions {
  /** Only this namespace; all by default. */
  readonly namespace?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further command-line flags, after the world's own. */
  readonly flags?: readonly string[];
  /** Another broker address, for example the world's `broker.proxyUrl`. */
  readonly mqttUrl?: string;
  /** Straight to the API server instead of through the world's proxy: for measurements. */
  readonly isDirect?: boolean;
  /** What is run instead of `src/main.ts`, for example the bundle. */
  readonly entry?: string;
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** False: resolve when it listens, without waiting for /readyz. */
  readonly isReadyAwaited?: boolean;
  /** How long /readyz may take. */
  readonly readyMs?: number;
}

export interface OperatorProcess {
  readonly pid: number;
  /** `http://127.0.0.1:port` of metrics and health. */
  readonly url: string;
  readonly exited: Promise<Exit>;
  /** Sends the signal (SIGKILL by default) and resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGTERM, as Kubernetes ends a pod. */
  stop(): Promise<Exit>;
  freeze(): void;
  thaw(): void;
  isReady(): Promise<boolean>;
  metrics(): Promise<Metrics>;
  /** Its log so far: one parsed JSON object a line; a line that is not JSON as `{ text }`. */
  logs(): readonly LogLine[];
}

export type LogLine = Readonly<Record<string, unknown>>;

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starts the operator and waits until it is ready; rejects with its last log lines when it ends or does not get ready. */
export async function startOperator(
  kubeconfig: string,
  mqttUrl: string,
  options: OperatorOptions = {},
): Promise<OperatorProcess> {
  const log: LogLine[] = [];
  const child = await startSubprocess(process.execPath, commandLine(kubeconfig, mqttUrl, options), {
    env: { ...bareEnvironment(), ...options.env },
    onLine: (line) => log.push(parseLine(line)),
  });
  const kill = (signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    child.signal(signal);
    return child.exited;
  };
  let url = '';
  try {
    url = await eventually('the operator listens', () => addressIn(log), { timeoutMs: 60_000, signal: child.gone });
    if (options.isReadyAwaited !== false) {
      await eventually('the operator is ready', () => assertReady(url), {
        timeoutMs: options.readyMs ?? 60_000,
        signal: child.gone,
      });
    }
  } catch (cause) {
    await child.kill();
    const failure = messageOf(cause);
    throw new Error(`${failure}; the operator's last words:\n${tail(log)}`, { cause });
  }
  return {
    pid: child.pid,
    url,
    exited: child.exited,
    kill,
    stop: () => child.stop(20_000),
    freeze: () => child.signal('SIGSTOP'),
    thaw: () => child.signal('SIGCONT'),
    isReady: async () => (await fetch(`${url}/readyz`)).status === 200,
    metrics: async () => parseMetrics(await (await fetch(`${url}/metrics`)).text()),
    logs: () => log,
  };
}

function commandLine(kubeconfig: string, mqttUrl: string, options: OperatorOptions): string[] {
  return [
    ...(options.nodeFlags ?? []),
    options.entry ?? MAIN,
    `--kubeconfig=${kubeconfig}`,
    `--mqtt-url=${options.mqttUrl ?? mqttUrl}`,
    '--http-address=127.0.0.1:0',
    ...(options.namespace === undefined ? [] : [`--namespace=${options.namespace}`]),
    ...(options.flags ?? []),
  ];
}

async function assertReady(url: string): Promise<void> {
  const response = await fetch(`${url}/readyz?verbose`);
  if (response.status !== 200) throw new Error(`/readyz answers ${response.status}: ${await response.text()}`);
}

function addressIn(log: readonly LogLine[]): string {
  for (const { address } of log) {
    if (typeof address === 'string') return `http://${address}`;
  }
  throw new Error('no log line has an address yet');
}

function parseLine(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) return parsed as LogLine;
  } catch {
    // A crash writes plain text: kept as it is.
  }
  return { text: line };
}

function tail(log: readonly LogLine[]): string {
  return log
    .slice(-15)
    .map((line) => (typeof line['text'] === 'string' ? line['text'] : JSON.stringify(line)))
    .join('\n');
}
