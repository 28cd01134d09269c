import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
// The parsers alone: the package's index and its KubeConfig cost 85 MB of memory and most of a second (decision 0003).
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { loadAll } from 'js-yaml';
import { messageOf } from '../base/message-of.ts';
import { KUBERNETES_YAML } from '../api/kubernetes-yaml.ts';

/** A user entry; the parsers know no `tokenFile`. Paths are absolute. */
export type KubeconfigUser = User & { readonly tokenFile?: string | undefined };

/** The entries of one file, or of several merged. */
export interface Kubeconfig {
  readonly clusters: readonly Cluster[];
  readonly users: readonly KubeconfigUser[];
  readonly contexts: readonly Context[];
  readonly currentContext: string | undefined;
}

/**
 * Reads and merges as kubectl does: files that are not there are skipped, the first to name a thing wins, and paths are
 * relative to the file that holds them. Throws an Error that names the file and the remedy.
 */
export function readKubeconfigs(paths: readonly string[]): Kubeconfig {
  const files = paths.filter((path) => existsSync(path)).map(readKubeconfig);
  if (files.length === 0) {
    throw new Error(
      `no kubeconfig: ${paths.join(delimiter)} does not exist; name one with --kubeconfig or KUBECONFIG, or in a pod mount ` +
        "the service account's token (automountServiceAccountToken: true)",
    );
  }
  return {
    clusters: files.flatMap(({ clusters }) => clusters),
    users: files.flatMap(({ users }) => users),
    contexts: files.flatMap(({ contexts }) => contexts),
    currentContext: files.find(({ currentContext }) => currentContext !== undefined)?.currentContext,
  };
}

function readKubeconfig(path: string): Kubeconfig {
  try {
    return parse(readFileSync(path, 'utf8'), path);
  } catch (error) {
    const why = messageOf(error).split('\n')[0];
    throw new Error(`kubeconfig ${path} cannot be read: ${why}; give a readable one with --kubeconfig`, {
      cause: error,
    });
  }
}

/** Entries of contexts that are not used may be as broken as they like. */
const LENIENT = { onInvalidEntry: 'filter' } as const;

function parse(text: string, path: string): Kubeconfig {
  const [document = {}] = loadAll(text, { filename: path, schema: KUBERNETES_YAML });
  if (!isRecord(document)) throw new Error('it is no kubeconfig, which is a mapping of clusters, users and contexts');
  const inFolder = (file: string): string => resolve(dirname(path), file);
  const current = document['current-context'];
  return {
    clusters: newClusters(document['clusters'], LENIENT).map((cluster) => ({
      ...cluster,
      ...(cluster.caFile ? { caFile: inFolder(cluster.caFile) } : {}),
    })),
    users: usersOf(document['users'], inFolder),
    contexts: newContexts(document['contexts'], LENIENT),
    currentContext: typeof current === 'string' && current !== '' ? current : undefined,
  };
}

function usersOf(entries: unknown, inFolder: (file: string) => string): KubeconfigUser[] {
  const tokenFiles = new Map<unknown, unknown>();
  for (const entry of Array.isArray(entries) ? (entries as unknown[]) : []) {
    if (isRecord(entry) && isRecord(entry['user'])) tokenFiles.set(entry['name'], entry['user']['tokenFile']);
  }
  return newUsers(entries, LENIENT).map((user) => {
    const tokenFile = tokenFiles.get(user.name);
    return {
      ...user,
      ...(user.certFile ? { certFile: inFolder(user.certFile) } : {}),
      ...(user.keyFile ? { keyFile: inFolder(user.keyFile) } : {}),
      ...(isRecord(user.exec) ? { exec: { ...user.exec, command: commandPath(user.exec['command'], inFolder) } } : {}),
      ...(typeof tokenFile === 'string' && tokenFile !== '' ? { tokenFile: inFolder(tokenFile) } : {}),
    };
  });
}

/** A plain name is looked up in $PATH; a path is relative to the kubeconfig. */
function commandPath(command: unknown, inFolder: (file: string) => string): unknown {
  return typeof command === 'string' && command.includes('/') ? inFolder(command) : command;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
