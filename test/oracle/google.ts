import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JsonObject } from '../../src/api/device.ts';
import { findPythonProtobuf } from '../real/system-packages.ts';

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
