/** Eclipse Mosquitto, the broker of the real world: the machine's own, or the distribution's package. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from './binaries.ts';

/** Path of `mosquitto`; installs it with apt where that needs no password. Rejects naming the package otherwise. */
export async function findMosquitto(progress: Progress): Promise<string> {
  return find('mosquitto') ?? (await install('mosquitto', 'mosquitto', progress));
}

/** Path of `mosquitto_sub`; `mosquitto_pub` lies beside it. */
export async function findMosquittoClients(progress: Progress): Promise<string> {
  return find('mosquitto_sub') ?? (await install('mosquitto-clients', 'mosquitto_sub', progress));
}

function find(command: string): string | undefined {
  // Debian keeps daemons in /usr/sbin, which is not on everybody's PATH.
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, command)).find(isExecutable);
}

async function install(packageName: string, command: string, progress: Progress): Promise<string> {
  const apt = find('apt-get');
  if (apt !== undefined && process.getuid?.() === 0) {
    progress(`installing ${packageName} with apt-get`);
    await aptInstall(apt, packageName).catch(async () => {
      // A fresh machine or container has no package lists yet.
      await run(apt, ['update', '-qq']);
      await aptInstall(apt, packageName);
    });
  }
  const found = find(command);
  if (found === undefined) {
    throw new Error(
      `${command} is not on PATH: install the package ${packageName} (Debian, Ubuntu: sudo apt-get install ${packageName}; ` +
        `macOS: brew install mosquitto)`,
    );
  }
  return found;
}

function aptInstall(apt: string, packageName: string): Promise<unknown> {
  return run(apt, ['install', '-y', '-qq', '--no-install-recommends', packageName]);
}

function run(command: string, args: readonly string[]): Promise<unknown> {
  return promisify(execFile)(command, args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
