/** One replica of the operator with a network of its own: the bundle, the chart's account, and a clock that need not be right. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeOperatorKubeconfig } from '../real/operator-account.ts';
import { readKubeconfig, writeKubeconfig } from '../world/kubeconfig.ts';
import { startOperator } from '../world/operator-process.ts';
import type { LogLine, OperatorProcess } from '../world/operator-process.ts';
import { startCommand } from '../world/start-command.ts';
import type { Wire, Wires } from './wires.ts';

export interface ReplicaOptions {
  readonly name: string;
  /** The bundle's `main.js`. */
  readonly entry: string;
  readonly directory: string;
  /** The administrator's. */
  readonly kubeconfig: string;
  readonly brokerPort: number;
  /** Where its pod would be, and with it the Lease. */
  readonly podNamespace: string;
  readonly wires: Wires;
  /** How far ahead of the others its clock goes. */
  readonly clockSkewMs: number;
}

export class Replica {
  readonly name: string;
  /** The `jti` of its token, by which the audit log knows it. */
  readonly credential: string;
  readonly api: Wire;
  readonly broker: Wire;
  readonly #options: ReplicaOptions;
  readonly #kubeconfig: string;
  readonly #former: LogLine[] = [];
  #process: OperatorProcess | undefined;

  private constructor(
    options: ReplicaOptions,
    parts: Pick<Replica, 'credential' | 'api' | 'broker'>,
    kubeconfig: string,
  ) {
    this.name = options.name;
    this.credential = parts.credential;
    this.api = parts.api;
    this.broker = parts.broker;
    this.#options = options;
    this.#kubeconfig = kubeconfig;
  }

  /** Started and ready. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const { name, directory, wires, brokerPort } = options;
    mkdirSync(directory, { recursive: true });
    const path = join(directory, `${name}.account`);
    const account = readKubeconfig(await writeOperatorKubeconfig(options.kubeconfig, path));
    const api = await wires.open(Number(new URL(account.url).port));
    const broker = await wires.open(brokerPort, name);
    const url = `https://127.0.0.1:${api.port}`;
    const kubeconfig = writeKubeconfig(join(directory, `${name}.kubeconfig`), { ...account, url });
    const credential = 'token' in account.credentials ? tokenId(account.credentials.token) : '';
    const replica = new Replica(options, { credential, api, broker }, kubeconfig);
    await replica.begin();
    return replica;
  }

  get process(): OperatorProcess {
    if (this.#process === undefined) throw new Error(`${this.name} does not run`);
    return this.#process;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Starts its process, again after `end`. */
  async begin(): Promise<void> {
    const { name, entry, podNamespace, clockSkewMs } = this.#options;
    this.#process = await startOperator(this.#kubeconfig, `mqtt://127.0.0.1:${this.broker.port}`, {
      entry,
      // As the image starts it.
      nodeFlags: [...startCommand().nodeFlags, `--import=${skewedClock(clockSkewMs)}`],
      flags: [`--identity=${name}`],
      env: { POD_NAMESPACE: podNamespace },
      // A standby is ready when its cache is filled, which an API server that is cut off does not do.
      isReadyAwaited: false,
    });
  }

  /** Ends it with a signal, SIGKILL by default. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { process } = this;
    await (signal === 'SIGKILL' ? process.kill() : process.stop());
    this.#former.push(...process.logs());
    this.#process = undefined;
  }

  /** What all of its processes have logged. */
  logs(): readonly LogLine[] {
    return [...this.#former, ...(this.#process?.logs() ?? [])];
  }
}

function tokenId(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti?: string };
  return claims.jti ?? '';
}

/** A module that moves the process's wall clock, and leaves the monotonic one. */
function skewedClock(ms: number): string {
  const module = `const { now } = Date;
    globalThis.Date = class extends Date {
      constructor(...parts) { if (parts.length === 0) super(now() + ${ms}); else super(...parts); }
      static now() { return now() + ${ms}; }
    };`;
  return `data:text/javascript,${encodeURIComponent(module)}`;
}
