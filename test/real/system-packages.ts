/** What the real world takes from the distribution: Eclipse Mosquitto, and Google's protobuf as an oracle. The machine's own, or a package. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
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

/** Path of `bwrap`, which runs a root file system without a container engine. */
export async function findBubblewrap(progress: Progress): Promise<string> {
  return find('bwrap') ?? (await install('bubblewrap', 'bwrap', progress));
}

/** Path of Lua 5.1, the language of Argo CD's health checks. */
export async function findLua(progress: Progress): Promise<string> {
  return find('lua5.1') ?? (await install('lua5.1', 'lua5.1', progress));
}

/** Path of `redis-server`, the cache of Argo CD. */
export async function findRedis(progress: Progress): Promise<string> {
  return find('redis-server') ?? (await install('redis-server', 'redis-server', progress));
}

/** Paths of `prometheus` and of `promtool`, which come in one package. */
export async function findPrometheus(progress: Progress): Promise<{ prometheus: string; promtool: string }> {
  const prometheus = find('prometheus') ?? (await install('prometheus', 'prometheus', progress));
  return { prometheus, promtool: find('promtool') ?? (await install('prometheus', 'promtool', progress)) };
}

/** Paths of `rsvg-convert`, which makes a PNG of an SVG, and of `pngquant`, which makes it small. */
export async function findPictureTools(progress: Progress): Promise<{ convert: string; quantize: string }> {
  return {
    convert: find('rsvg-convert') ?? (await install('librsvg2-bin', 'rsvg-convert', progress)),
    quantize: find('pngquant') ?? (await install('pngquant', 'pngquant', progress)),
  };
}

/** Path of `protoc`, with Google's own .proto files where it finds them. */
export async function findProtoc(progress: Progress): Promise<string> {
  const path = find('protoc') ?? (await install('protobuf-compiler', 'protoc', progress));
  if (!existsSync('/usr/include/google/protobuf/any.proto')) await install('libprotobuf-dev', 'protoc', progress);
  return path;
}

/** Path of a Python that has Google's protobuf. Debian's own, because its packages are for no other. */
export async function findPythonProtobuf(progress: Progress): Promise<string> {
  const python = '/usr/bin/python3';
  const hasProtobuf = (): Promise<boolean> =>
    run(python, ['-c', 'import google.protobuf.json_format']).then(
      () => true,
      () => false,
    );
  if (!(await hasProtobuf())) await install('python3-protobuf', 'python3', progress);
  if (await hasProtobuf()) return python;
  throw new Error(`${python} has no google.protobuf: install the package python3-protobuf`);
}

/** Path of a `java` that compiles what it runs. */
export async function findJava(progress: Progress): Promise<string> {
  if (find('javac') === undefined) await install('default-jdk-headless', 'javac', progress);
  return find('java') ?? 'java';
}

/** Path of Maven. */
export async function findMaven(progress: Progress): Promise<string> {
  return find('mvn') ?? (await install('maven', 'mvn', progress));
}

/** Runs a tool to its end; rejects with what it said when it fails. */
export function runTool(command: string, args: readonly string[]): Promise<unknown> {
  return run(command, args);
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
