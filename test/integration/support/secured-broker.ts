/** A mosquitto with one listener for every way a broker is secured, and the files that go with them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMosquitto } from '../../world/mosquitto.ts';
import { createAuthority } from '../../real/certificates.ts';
import type { Authority, KeyPair } from '../../real/certificates.ts';
import { freePort } from '../../real/ports.ts';
import { scratchDirectory } from '../../real/reaper.ts';
import { passwordFile } from './tls-broker.ts';

export const USER = 'operator';
export const PASSWORD = 'correct horse';

/** `plain` is open to all, for devices; `login` asks for a password, `mutual` for a client certificate. */
const LISTENERS = ['login', 'tls', 'mutual', 'ws', 'wss'] as const;
type Listener = 'plain' | (typeof LISTENERS)[number];

export interface SecuredBroker {
  readonly authority: Authority;
  /** An authority that nobody trusts. */
  readonly stranger: Authority;
  readonly client: KeyPair;
  port(listener: Listener): number;
  /** A folder of its own with these files; returns their paths by name. */
  files<K extends string>(contents: Readonly<Record<K, string>>): Record<K, string>;
  /** Gives all TLS listeners another certificate, by a restart. */
  useCertificate(pair: KeyPair): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startSecuredBroker(): Promise<SecuredBroker> {
  const directory = scratchDirectory('secured-broker');
  const [authority, stranger] = await Promise.all([createAuthority('mir-broker'), createAuthority('mir-stranger')]);
  const [server, client] = await Promise.all([authority.issueServer('broker'), authority.issueClient(USER)]);
  const path = (name: string): string => join(directory, name);
  const writeServer = ({ certPem, keyPem }: KeyPair): void => {
    writeFileSync(path('server.crt'), certPem);
    writeFileSync(path('server.key'), keyPem, { mode: 0o600 });
  };
  writeServer(server);
  writeFileSync(path('ca.crt'), authority.certPem);
  writeFileSync(path('passwords'), passwordFile({ [USER]: PASSWORD }), { mode: 0o600 });
  const ports = new Map<Listener, number>();
  for (const listener of LISTENERS) ports.set(listener, await freePort());
  const broker = await startMosquitto(() => configuration(path, (listener) => ports.get(listener) ?? 0));
  ports.set('plain', broker.port);
  let folders = 0;
  return {
    authority,
    stranger,
    client,
    port: (listener) => ports.get(listener) ?? 0,
    files(contents) {
      folders += 1;
      const folder = path(String(folders));
      mkdirSync(folder);
      const written = Object.entries<string>(contents).map(([name, text]) => {
        writeFileSync(join(folder, name), text);
        return [name, join(folder, name)];
      });
      return Object.fromEntries(written) as Record<keyof typeof contents, string>;
    },
    async useCertificate(pair) {
      writeServer(pair);
      await broker.restart();
    },
    kill: () => broker.kill(),
    restart: () => broker.restart(),
    close: () => broker.close(),
  };
}

function configuration(path: (name: string) => string, port: (listener: Listener) => number): readonly string[] {
  const listener = (name: Listener, ...lines: string[]): string[] => [`listener ${port(name)} 127.0.0.1`, ...lines];
  const anyone = 'allow_anonymous true';
  const tls = [`certfile ${path('server.crt')}`, `keyfile ${path('server.key')}`];
  return [
    'per_listener_settings true',
    anyone,
    ...listener('login', 'allow_anonymous false', `password_file ${path('passwords')}`),
    ...listener('tls', anyone, ...tls),
    ...listener(
      'mutual',
      ...tls,
      `cafile ${path('ca.crt')}`,
      'require_certificate true',
      'use_identity_as_username true',
    ),
    ...listener('ws', anyone, 'protocol websockets'),
    ...listener('wss', anyone, 'protocol websockets', ...tls),
  ];
}
