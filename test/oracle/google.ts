import { Buffer } from 'node:buffer';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { JsonObject } from '../../src/api/device.ts';
import { findProtoc, findPythonProtobuf } from '../real/system-packages.ts';

/** What Google's implementation makes of a message: bytes and canonical JSON, or why not. */
export type Opinion =
  | { readonly bytes: Buffer; readonly json: JsonObject; readonly error?: undefined }
  | { readonly error: string };

export interface Google {
  ofJson(type: string, json: unknown): Promise<Opinion>;
  ofBytes(type: string, bytes: Uint8Array): Promise<Opinion>;
  close(): void;
}

/** Google's Python implementation as a process that has loaded `descriptorSet`. Questions are answered in order. */
export async function askGoogle(descriptorSet: Uint8Array): Promise<Google> {
  const python = await findPythonProtobuf(() => undefined);
  const child = spawn(python, [join(import.meta.dirname, 'oracle.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  child.on('exit', () => {
    for (const resolve of waiting.splice(0)) resolve('{"error": "the oracle is gone"}');
  });
  child.stdin.write(`${Buffer.from(descriptorSet).toString('base64')}\n`);
  const ask = async (question: object): Promise<Opinion> => {
    const line = await new Promise<string>((resolve) => {
      waiting.push(resolve);
      child.stdin.write(`${JSON.stringify(question)}\n`);
    });
    const answer = JSON.parse(line) as { bytes: string; json: JsonObject; error?: string };
    return answer.error === undefined
      ? { bytes: Buffer.from(answer.bytes, 'base64'), json: answer.json }
      : { error: answer.error };
  };
  return {
    ofJson: (type, json) => ask({ type, json }),
    ofBytes: (type, bytes) => ask({ type, bytes: Buffer.from(bytes).toString('base64') }),
    close: () => void child.kill(),
  };
}

/** The descriptor set of files below `root`, and of all they import, as protoc writes it. */
export async function protoc(root: string, files: readonly string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'mir-protoc-'));
  const out = join(folder, 'set.pb');
  try {
    const path = await findProtoc(() => undefined);
    await promisify(execFile)(path, [`-I${root}`, '--include_imports', `--descriptor_set_out=${out}`, ...files]);
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
