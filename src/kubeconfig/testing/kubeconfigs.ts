import { afterEach, beforeEach } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dump } from 'js-yaml';
import { loadKubeconfig } from '../kubeconfig.ts';
import type { ClusterConfig, KubeconfigOptions } from '../kubeconfig.ts';

export const CA = '-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n';
export const CERT = '-----BEGIN CERTIFICATE-----\nme\n-----END CERTIFICATE-----\n';
export const KEY = '-----BEGIN PRIVATE KEY-----\nme\n-----END PRIVATE KEY-----\n';
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

export function put(path: string, content: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

export interface Entries {
  readonly clusters?: Readonly<Record<string, unknown>>;
  readonly users?: Readonly<Record<string, unknown>>;
  /** `cluster/user` by name. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly current?: string;
}

export function kubeconfig({ clusters = {}, users = {}, contexts = {}, current }: Entries): string {
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    ...(current === undefined ? {} : { 'current-context': current }),
    clusters: Object.entries(clusters).map(([name, cluster]) => ({ name, cluster })),
    users: Object.entries(users).map(([name, user]) => ({ name, user })),
    contexts: Object.entries(contexts).map(([name, pair]) => {
      const [cluster, user] = pair.split('/');
      return { name, context: { cluster, user } };
    }),
  });
}

export const ALPHA = { server: 'https://alpha:6443/' };
export const BETA = { server: 'https://beta:6443' };

/** A kubeconfig file of one context. */
export const simple = (user: unknown, cluster: object = ALPHA): string =>
  put('config', kubeconfig({ clusters: { c: cluster }, users: { u: user }, contexts: { x: 'c/u' }, current: 'x' }));

export const loaded = (paths: string | readonly string[], options: KubeconfigOptions = {}): Promise<ClusterConfig> =>
  loadKubeconfig({ env: {}, home: folder, ...options, kubeconfig: [paths].flat().join(':') });
