import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import { pemOf } from './material.ts';

/** The `exec` of a user in a kubeconfig; https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#ExecConfig */
interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: string;
}

/** What a plugin said last. */
export interface ExecCredential {
  readonly token: string | undefined;
  readonly certPem: string | undefined;
  readonly keyPem: string | undefined;
  /** Milliseconds since the epoch; Infinity when the plugin names no end. */
  readonly expiresAt: number;
}

/** A request that is under way must not meet a token that has just expired. */
const RENEW_BEFORE_MS = 10_000;

/**
 * Returns what asks for the current credential: it runs the plugin at first, shortly before the credential expires and when
 * its token was refused, never twice at a time. Rejects with an Error that names plugin, user and what the plugin wrote to
 * stderr, unless the old credential still counts.
 */
export function execLogin(
  user: string,
  exec: unknown,
  cluster: Cluster,
  now: () => number,
): (refused?: string) => Promise<ExecCredential> {
  const config = exec as ExecConfig;
  const what = `exec plugin ${config.command} of user ${user}`;
  if (config.interactiveMode === 'Always') {
    throw new Error(`${what} wants a terminal (interactiveMode: Always); use one that logs in by itself`);
  }
  let current: ExecCredential | undefined;
  let renewal: Promise<ExecCredential> | undefined;
  const renew = async (): Promise<ExecCredential> => {
    try {
      current = await run(what, config, cluster);
      return current;
    } catch (error) {
      if (current !== undefined && now() < current.expiresAt) return current;
      throw error;
    } finally {
      renewal = undefined;
    }
  };
  return (refused) => {
    const isRefused = refused !== undefined && current?.token === refused;
    if (current !== undefined && !isRefused && now() < current.expiresAt - RENEW_BEFORE_MS)
      return Promise.resolve(current);
    renewal ??= renew();
    return renewal;
  };
}

/** No plugin needs longer, except one that waits for a person. */
const TIMEOUT_MS = 60_000;

async function run(what: string, config: ExecConfig, cluster: Cluster): Promise<ExecCredential> {
  const info = {
    apiVersion: config.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(config.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}) },
  };
  const own = Object.fromEntries((config.env ?? []).map(({ name, value }) => [name, value]));
  const running = promisify(execFile)(config.command, config.args ?? [], {
    env: { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    timeout: TIMEOUT_MS,
  });
  running.child.stdin?.end();
  const { stdout } = await running.catch((error: unknown) => {
    throw new Error(`${what} ${failure(error, config)}`, { cause: error });
  });
  return parse(what, config.apiVersion, stdout);
}

function clusterInfo({ name, server, caData, caFile, tlsServerName, skipTLSVerify }: Cluster): Record<string, unknown> {
  const ca = pemOf(`certificate-authority of cluster ${name}`, caData, caFile);
  return {
    server,
    ...(ca === undefined ? {} : { 'certificate-authority-data': ca.toString('base64') }),
    ...(tlsServerName ? { 'tls-server-name': tlsServerName } : {}),
    ...(skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
  };
}

/** What `execFile` rejects with. */
interface Failure {
  readonly code?: number | string | null;
  readonly killed?: boolean;
  readonly signal?: string | null;
  readonly stderr?: string;
  readonly message: string;
}

function failure(error: unknown, { installHint }: ExecConfig): string {
  const { code, killed, signal, stderr, message } = error as Failure;
  if (code === 'ENOENT') return `is not installed; ${installHint?.trim() || 'install it or correct its path'}`;
  const words = stderr?.trim() ? `: ${stderr.trim().slice(-1000)}` : '';
  if (killed === true) return `did not end within ${TIMEOUT_MS / 1000} s${words}`;
  if (typeof code === 'number') return `failed with exit code ${code}${words}`;
  return signal ? `was ended by ${signal}${words}` : `could not be run: ${message}`;
}

interface Answer {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly status?: Readonly<Record<string, unknown>>;
}

function parse(what: string, apiVersion: string, stdout: string): ExecCredential {
  const answer = parseJson(stdout);
  if (answer?.kind !== 'ExecCredential' || answer.apiVersion !== apiVersion) {
    throw new Error(`${what} did not answer with an ExecCredential of ${apiVersion}; run it by hand to see why`);
  }
  const text = (name: string): string | undefined => {
    const value = answer.status?.[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const expiry = Date.parse(text('expirationTimestamp') ?? '');
  const [token, certPem, keyPem] = [text('token'), text('clientCertificateData'), text('clientKeyData')];
  if (token === undefined && (certPem === undefined || keyPem === undefined)) {
    throw new Error(`${what} answered without a token or certificate; run it by hand to see why`);
  }
  return { token, certPem, keyPem, expiresAt: Number.isNaN(expiry) ? Number.POSITIVE_INFINITY : expiry };
}

function parseJson(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
