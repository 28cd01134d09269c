/** A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager in a directory of their own. */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from '../world/http.ts';
import { eventually } from '../world/eventually.ts';
import type { ControlPlaneBinaries } from './binaries.ts';
import { createAuthority, createSigningKey } from './certificates.ts';
import { AUDIT_FOLDER, AUDIT_POLICY } from './operator-account.ts';
import { assertListening, freePort } from './ports.ts';
import { writeKubeconfig } from '../world/kubeconfig.ts';
import { startSubprocess } from './subprocess.ts';
import type { Subprocess } from './subprocess.ts';

export interface ControlPlane {
  /** Path of an administrator's kubeconfig (client certificate, `system:masters`). */
  readonly kubeconfig: string;
  /** Pids of the running processes, for measurements. */
  pids(): Readonly<Record<string, number>>;
  /** Copies etcd's data as it stands; returns the copy's directory. Everything keeps running. */
  backup(): Promise<string>;
  /** Puts a backup in the place of the data and starts everything again on the same ports. */
  restore(backup: string): Promise<void>;
  close(): Promise<void>;
}

interface Files {
  readonly directory: string;
  readonly data: string;
  readonly path: (name: string) => string;
}

interface Ports {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly api: number;
  readonly controllerManager: number;
}

/** Starts all three and resolves when the API server is ready and has its default namespace. `flags` are further ones of kube-apiserver. */
export async function startControlPlane(
  binaries: ControlPlaneBinaries,
  directory: string,
  flags: readonly string[] = [],
): Promise<ControlPlane> {
  const files: Files = { directory, data: join(directory, 'etcd'), path: (name) => join(directory, name) };
  const ports = {
    etcd: await freePort(),
    etcdPeer: await freePort(),
    api: await freePort(),
    controllerManager: await freePort(),
  };
  mkdirSync(directory, { recursive: true });
  const kubeconfig = await writeIdentities(files, ports);
  const commands = new Processes(binaries, files, ports, kubeconfig, flags);
  await commands.start();
  let backups = 0;
  return {
    kubeconfig,
    pids: () => commands.pids(),
    backup() {
      backups += 1;
      const copy = files.path(`backup-${backups}`);
      commands.whileStoreStandsStill(() => cpSync(files.data, copy, { recursive: true }));
      return Promise.resolve(copy);
    },
    async restore(backup) {
      await commands.stop();
      rmSync(files.data, { recursive: true, force: true });
      cpSync(backup, files.data, { recursive: true });
      await commands.start();
    },
    close: () => commands.stop(),
  };
}

async function writeIdentities(files: Files, ports: Ports): Promise<string> {
  const authority = await createAuthority('mir-test-ca');
  const [server, admin, frontProxy, signing] = await Promise.all([
    authority.issueServer('kube-apiserver'),
    authority.issueClient('admin', 'system:masters'),
    authority.issueClient('front-proxy'),
    createSigningKey(),
  ]);
  const contents = {
    'ca.crt': authority.certPem,
    'server.crt': server.certPem,
    'server.key': server.keyPem,
    'front-proxy.crt': frontProxy.certPem,
    'front-proxy.key': frontProxy.keyPem,
    'service-accounts.pub': signing.publicPem,
    'service-accounts.key': signing.privatePem,
    'audit-policy.json': AUDIT_POLICY,
  };
  for (const [name, content] of Object.entries(contents)) writeFileSync(files.path(name), content, { mode: 0o600 });
  return writeKubeconfig(files.path('kubeconfig'), {
    url: `https://127.0.0.1:${ports.api}`,
    caPem: authority.certPem,
    credentials: { certPem: admin.certPem, keyPem: admin.keyPem },
  });
}

class Processes {
  readonly #binaries: ControlPlaneBinaries;
  readonly #files: Files;
  readonly #ports: Ports;
  readonly #kubeconfig: string;
  readonly #flags: readonly string[];
  /** In the order of their start. */
  readonly #running = new Map<string, Subprocess>();

  constructor(
    binaries: ControlPlaneBinaries,
    files: Files,
    ports: Ports,
    kubeconfig: string,
    flags: readonly string[],
  ) {
    this.#binaries = binaries;
    this.#files = files;
    this.#ports = ports;
    this.#kubeconfig = kubeconfig;
    this.#flags = flags;
  }

  async start(): Promise<void> {
    const etcd = await this.#launch('etcd', this.#binaries.etcd, etcdFlags(this.#files, this.#ports));
    await this.#until('etcd listens', etcd, () => assertListening(this.#ports.etcd));
    const api = await this.#launch('kube-apiserver', this.#binaries.kubeApiserver, [
      ...apiserverFlags(this.#files, this.#ports),
      ...this.#flags,
    ]);
    await this.#until('kube-apiserver is ready', api, () => assertReady(this.#kubeconfig));
    if (this.#binaries.kubeControllerManager !== undefined) {
      const flags = controllerManagerFlags(this.#files, this.#ports, this.#kubeconfig);
      await this.#launch('kube-controller-manager', this.#binaries.kubeControllerManager, flags);
    }
  }

  async stop(): Promise<void> {
    // Each depends on the one started before it. Nothing is kept, so nothing needs the long way down.
    for (const [name, child] of [...this.#running].toReversed()) {
      await child.kill();
      this.#running.delete(name);
    }
  }

  pids(): Record<string, number> {
    return Object.fromEntries([...this.#running].map(([name, child]) => [name, child.pid]));
  }

  /**
   * Runs `copy` while etcd is frozen: its files are then what a crash would leave, and what its write-ahead log repairs.
   * A file-system copy of a running etcd would be torn.
   */
  whileStoreStandsStill(copy: () => void): void {
    const etcd = this.#running.get('etcd');
    etcd?.signal('SIGSTOP');
    try {
      copy();
    } finally {
      etcd?.signal('SIGCONT');
    }
  }

  async #launch(name: string, command: string, flags: readonly string[]): Promise<Subprocess> {
    const child = await startSubprocess(command, flags, { logFile: this.#files.path(`${name}.log`) });
    this.#running.set(name, child);
    return child;
  }

  async #until(claim: string, child: Subprocess, check: () => Promise<void>): Promise<void> {
    try {
      await eventually(claim, check, { timeoutMs: 120_000, signal: child.gone });
    } catch (cause) {
      await this.stop();
      throw new Error(`the control plane did not start:\n${lastLines(this.#files)}`, { cause });
    }
  }
}

function etcdFlags({ data }: Files, { etcd, etcdPeer }: Ports): string[] {
  const client = `http://127.0.0.1:${etcd}`;
  const peer = `http://127.0.0.1:${etcdPeer}`;
  return [
    `--data-dir=${data}`,
    '--name=default',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiserverFlags({ path }: Files, ports: Ports): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.api}`,
    // There is no other API server whose address would have to be kept.
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--allow-privileged=true',
    '--authorization-mode=RBAC',
    `--tls-cert-file=${path('server.crt')}`,
    `--tls-private-key-file=${path('server.key')}`,
    `--client-ca-file=${path('ca.crt')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${path('service-accounts.pub')}`,
    `--service-account-signing-key-file=${path('service-accounts.key')}`,
    `--requestheader-client-ca-file=${path('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${path('front-proxy.crt')}`,
    `--proxy-client-key-file=${path('front-proxy.key')}`,
    '--enable-aggregator-routing=true',
    ...auditFlags(path('audit-policy.json')),
  ];
}

/** Where the runner asks for it, what the operator's service account asked for is recorded, in a file a control plane. */
function auditFlags(policy: string): string[] {
  const folder = process.env[AUDIT_FOLDER];
  if (folder === undefined) return [];
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${join(folder, `${randomUUID()}.log`)}`];
}

function controllerManagerFlags({ path }: Files, ports: Ports, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.controllerManager}`,
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${path('service-accounts.key')}`,
    `--root-ca-file=${path('ca.crt')}`,
  ];
}

async function assertReady(kubeconfig: string): Promise<void> {
  const ready = await request(kubeconfig, 'GET', '/readyz');
  if (ready.status !== 200) throw new Error(`/readyz answers ${ready.status}: ${ready.text}`);
  const namespace = await request(kubeconfig, 'GET', '/api/v1/namespaces/default');
  if (namespace.status !== 200) throw new Error(`namespace default: ${namespace.status}`);
}

function lastLines(files: Files): string {
  return ['etcd', 'kube-apiserver']
    .map((name) => {
      try {
        return readFileSync(files.path(`${name}.log`), 'utf8')
          .split('\n')
          .slice(-12)
          .join('\n');
      } catch {
        return '';
      }
    })
    .join('\n');
}
