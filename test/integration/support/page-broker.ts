/** A mosquitto that runs the configuration of src/protocol/README.md as it stands there, with two devices and an operator. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../../real/certificates.ts';
import type { Authority, KeyPair } from '../../real/certificates.ts';
import { assertListening, freePort } from '../../real/ports.ts';
import { scratchDirectory } from '../../real/reaper.ts';
import { startSubprocess } from '../../real/subprocess.ts';
import { findMosquitto } from '../../real/system-packages.ts';
import { eventually } from '../../world/eventually.ts';

const README = readFileSync(new URL('../../../src/protocol/README.md', import.meta.url), 'utf8');

/** The text of a code block of the page. */
export function pageBlock(name: string): string {
  const found = new RegExp(`<!-- ${name}:begin -->\n\`\`\`\\w*\n([^]*?)\`\`\`\n<!-- ${name}:end -->`).exec(README)?.[1];
  if (found === undefined) throw new Error(`src/protocol/README.md has no block ${name}`);
  return found;
}

export const PASSWORDS = { 'mir-operator': 'operator-secret', 'pump-a': 'a-secret', 'pump-b': 'b-secret' } as const;

export interface PageBroker {
  readonly devicesUrl: string;
  readonly operatorUrl: string;
  readonly authority: Authority;
  /** Where its files lie. */
  readonly directory: string;
  readonly pid: number;
  /** All that it has logged. */
  readonly readLog: () => string;
  close(): Promise<void>;
}

export type PageFiles = Record<'mosquitto.conf' | 'devices.acl' | 'operator.acl', string>;

/** The files of the page. */
export const PAGE_FILES: PageFiles = {
  'mosquitto.conf': pageBlock('mosquitto.conf'),
  'devices.acl': pageBlock('devices.acl'),
  'operator.acl': pageBlock('operator.acl'),
};

/** What a test must change of the page: where files lie, which ports are free, and which addresses the machine has. */
export async function startPageBroker(files: PageFiles = PAGE_FILES): Promise<PageBroker> {
  const binary = await findMosquitto(() => undefined);
  const directory = scratchDirectory('page-broker');
  const [devicesPort, operatorPort] = [await freePort(), await freePort()];
  const here = (text: string): string => text.replaceAll('/mosquitto/config', directory);
  const authority = await createAuthority('mir-page');
  writeCertificates(directory, authority.certPem, await authority.issueServer('broker'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), here(text));
  const conf = here(files['mosquitto.conf'])
    .replace('listener 8883', `listener ${devicesPort}`)
    .replace('listener 1883 10.0.0.5', `listener ${operatorPort} 127.0.0.1`);
  writeFileSync(join(directory, 'mosquitto.conf'), conf);
  writePasswords(here(pageBlock('passwords')));
  // Started by root, mosquitto becomes a user of its own, who has to read them.
  chmodSync(directory, 0o755);
  for (const name of ['devices.passwords', 'operator.passwords', 'server.key']) chmodSync(join(directory, name), 0o644);
  const logFile = join(directory, 'mosquitto.log');
  const child = await startSubprocess(binary, ['-c', join(directory, 'mosquitto.conf')], { logFile });
  for (const port of [devicesPort, operatorPort])
    await eventually(`mosquitto listens on ${port}`, () => assertListening(port), { signal: child.gone });
  return {
    devicesUrl: `mqtts://127.0.0.1:${devicesPort}`,
    operatorUrl: `mqtt://127.0.0.1:${operatorPort}`,
    authority,
    directory,
    pid: child.pid,
    readLog: () => readFileSync(logFile, 'utf8'),
    close: async () => void (await child.kill()),
  };
}

function writeCertificates(directory: string, ca: string, { certPem, keyPem }: KeyPair): void {
  writeFileSync(join(directory, 'ca.crt'), ca);
  writeFileSync(join(directory, 'server.crt'), certPem);
  writeFileSync(join(directory, 'server.key'), keyPem);
}

function writePasswords(script: string): void {
  const env = {
    ...process.env,
    OPERATOR_PASSWORD: PASSWORDS['mir-operator'],
    PUMP_A_PASSWORD: PASSWORDS['pump-a'],
    PUMP_B_PASSWORD: PASSWORDS['pump-b'],
  };
  execFileSync('sh', ['-e', '-c', script], { env, stdio: 'ignore' });
}
