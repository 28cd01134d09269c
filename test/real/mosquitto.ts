/** One Mosquitto of a world's own, on a loopback port that stays the same over its restarts. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../world/eventually.ts';
import { assertListening, freePort } from './ports.ts';
import { startSubprocess } from './subprocess.ts';
import type { Subprocess } from './subprocess.ts';

export interface Mosquitto {
  readonly port: number;
  readonly pid: number | undefined;
  /** Ends the broker with SIGTERM: what it retains is saved. */
  stop(): Promise<void>;
  /** Starts it again; `empty` forgets everything, as after the loss of its disk. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
}

/** Starts `binary` with its files in `directory`. */
export async function startMosquitto(binary: string, directory: string): Promise<Mosquitto> {
  const port = await freePort();
  const config = join(directory, 'mosquitto.conf');
  writeFileSync(config, configuration(port, directory));
  let running: Subprocess | undefined;

  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  const start = async (options: { readonly empty?: boolean } = {}): Promise<void> => {
    if (running?.hasExited === false) return;
    if (options.empty === true) rmSync(join(directory, 'mosquitto.db'), { force: true });
    const child = await startSubprocess(binary, ['-c', config], { logFile: join(directory, 'mosquitto.log') });
    running = child;
    await eventually(`mosquitto listens on ${port}`, () => assertListening(port), { signal: child.gone });
  };
  await start();
  return {
    port,
    get pid() {
      return running?.pid;
    },
    stop,
    start,
  };
}

function configuration(port: number, directory: string): string {
  return [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    // Without it Nagle's algorithm holds a second small packet back until the client's delayed ACK, 40 ms.
    'set_tcp_nodelay true',
    // Saved when it is stopped and at no other time: a restart keeps what is retained, and measurements see no disk.
    'persistence true',
    `persistence_location ${directory}/`,
    'autosave_interval 0',
    'log_type error',
    'log_type warning',
    // As root it would change to a user who cannot write here.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    '',
  ].join('\n');
}
