import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A mosquitto process of the machine, for tests. */
export interface Mosquitto {
  readonly url: string;
  readonly port: number;
  /** SIGHUP has it read passwords, access rules and certificates again. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGHUP'): void;
  /** Kill without warning; the store is in memory, so a restart begins empty. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Kill and remove what was written. */
  close(): Promise<void>;
}

const PATHS = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin` };

/** True where `mosquitto` and its clients can be started. */
export function hasMosquitto(): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v mosquitto mosquitto_sub mosquitto_pub'], { env: PATHS, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts mosquitto on a free port of the loopback with more lines of configuration; `files` are written beside it first. */
export async function startMosquitto(
  lines: (folder: string) => readonly string[] = () => ['allow_anonymous true'],
  files: Readonly<Record<string, string>> = {},
): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'mir-mosquitto-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  // Without `user root` a mosquitto started by root drops to a user that cannot read the folder.
  const fixed = [`listener ${port} 127.0.0.1`, 'persistence false', 'log_dest stderr', 'user root'];
  writeFileSync(config, [...fixed, ...lines(folder), ''].join('\n'));
  let child = await run(config, port);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    signal: (name) => void child.kill(name),
    kill,
    restart: async () => {
      await kill();
      child = await run(config, port);
    },
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(config: string, port: number): Promise<ChildProcess> {
  const child = spawn('mosquitto', ['-c', config], { env: PATHS, stdio: 'ignore' });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`mosquitto -c ${config} exited with ${child.exitCode}`);
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => setTimeout(resolve, 10, false));
    socket.once('connect', () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
