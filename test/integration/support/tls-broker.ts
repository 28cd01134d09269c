/** A mosquitto with TLS, whose certificates, passwords and revocations a test changes while it runs. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMosquitto } from '../../world/mosquitto.ts';
import { createAuthority } from '../../real/certificates.ts';
import type { Authority, KeyPair } from '../../real/certificates.ts';
import { freePort } from '../../real/ports.ts';
import { scratchDirectory } from '../../real/reaper.ts';

/** What the broker reads at a start and at SIGHUP; what is left out stays. */
export interface BrokerFiles {
  readonly server: KeyPair;
  /** That sign the clients' certificates. */
  readonly clientAuthorities: readonly Authority[];
  readonly revoked: readonly KeyPair[];
  readonly passwords: Readonly<Record<string, string>>;
}

export interface TlsBroker {
  /** Without TLS, open to anyone: for the other side, which is not what the test is about. */
  readonly openUrl: string;
  readonly passwordUrl: string;
  readonly certificateUrl: string;
  readonly authority: Authority;
  readonly stranger: Authority;
  write(files: Partial<BrokerFiles>): Promise<void>;
  /** SIGHUP: sessions go on, but for those whose password is no longer right. */
  reload(): void;
  /** Everyone is cut off, and nothing is retained any more. */
  restart(): Promise<void>;
  log(): string;
  close(): Promise<void>;
}

export async function startTlsBroker(passwords: Readonly<Record<string, string>>): Promise<TlsBroker> {
  const directory = scratchDirectory('tls-broker');
  const path = (name: string): string => join(directory, name);
  const [authority, stranger] = await Promise.all([createAuthority('mir-one'), createAuthority('mir-two')]);
  const [passwordPort, certificatePort] = [await freePort(), await freePort()];
  const put = (name: string, text: string): void => writeFileSync(path(name), text, { mode: 0o600 });
  const write = async (files: Partial<BrokerFiles>): Promise<void> => {
    if (files.server !== undefined) {
      put('server.crt', files.server.certPem);
      put('server.key', files.server.keyPem);
    }
    if (files.clientAuthorities !== undefined) put('ca.crt', bundle(files.clientAuthorities));
    if (files.passwords !== undefined) put('passwords', passwordFile(files.passwords));
    if (files.revoked !== undefined) {
      // With a list, mosquitto wants one of every authority.
      const lists = [await authority.revoke(...files.revoked), await stranger.revoke()];
      put('revoked.crl', lists.join('\n'));
    }
  };
  const server = await authority.issueServer('broker');
  await write({ server, clientAuthorities: [authority], revoked: [], passwords });
  const broker = await startMosquitto(() => configuration(path, passwordPort, certificatePort));
  return {
    openUrl: broker.url,
    passwordUrl: `mqtts://127.0.0.1:${passwordPort}`,
    certificateUrl: `mqtts://127.0.0.1:${certificatePort}`,
    authority,
    stranger,
    write,
    reload: () => broker.signal('SIGHUP'),
    restart: () => broker.restart(),
    log: () => readFileSync(path('mosquitto.log'), 'utf8'),
    close: () => broker.close(),
  };
}

/** PEM files may lack a line break at their end: without one between them, the second is not found. */
export function bundle(authorities: readonly Authority[]): string {
  return authorities.map(({ certPem }) => certPem).join('\n');
}

function configuration(path: (name: string) => string, passwordPort: number, certificatePort: number): string[] {
  const tls = [`certfile ${path('server.crt')}`, `keyfile ${path('server.key')}`];
  return [
    'per_listener_settings true',
    'allow_anonymous true',
    'set_tcp_nodelay true',
    `log_dest file ${path('mosquitto.log')}`,
    `listener ${passwordPort} 127.0.0.1`,
    ...tls,
    'allow_anonymous false',
    `password_file ${path('passwords')}`,
    `listener ${certificatePort} 127.0.0.1`,
    ...tls,
    `cafile ${path('ca.crt')}`,
    `crlfile ${path('revoked.crl')}`,
    'require_certificate true',
    'use_identity_as_username true',
  ];
}

/** As mosquitto_passwd writes it: PBKDF2 with SHA-512. */
export function passwordFile(passwords: Readonly<Record<string, string>>): string {
  const lines = Object.entries(passwords).map(([user, password]) => {
    const salt = randomBytes(12);
    const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512');
    return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
  });
  return lines.join('');
}
