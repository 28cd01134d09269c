import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { devicePath, devicesPath } from '../../src/api/device.ts';
import type { Device, DeviceStatus, JsonObject, Properties } from '../../src/api/device.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { startKubeApi } from '../../src/dev/kube-api/index.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startApiProxy } from '../world/api-proxy.ts';
import type { ApiProxy } from '../world/api-proxy.ts';
import { installCrds } from '../world/cluster.ts';

/** A terminal or a pipe, and the person before it. */
export interface Seat {
  readonly stdin?: string;
  readonly columns?: number;
  readonly isTerminal?: boolean;
  /** Epoch milliseconds that stand still; without it time goes on. */
  readonly now?: number;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `kubectl mir` in this process, an API server behind a proxy, and no operator: what devices do is written by the test. */
export class PluginBed {
  readonly kube: KubeClient;
  readonly api: ApiProxy;
  readonly #close: () => Promise<void>;

  constructor(kube: KubeClient, api: ApiProxy, close: () => Promise<void>) {
    this.kube = kube;
    this.api = api;
    this.#close = close;
  }

  static async open(): Promise<PluginBed> {
    const directory = scratchDirectory('plugin');
    const server = await startKubeApi();
    const direct = join(directory, 'kubeconfig');
    writeFileSync(direct, server.kubeconfigYaml(), { mode: 0o600 });
    const kube = createKubeClient(await loadKubeconfig({ kubeconfig: direct }), { userAgent: 'mir-test' });
    await installCrds(kube);
    const api = await startApiProxy(direct, join(directory, 'proxy.kubeconfig'));
    return new PluginBed(kube, api, async () => {
      await api.close();
      await kube.close();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    });
  }

  close(): Promise<void> {
    return this.#close();
  }

  async namespace(name: string): Promise<void> {
    await this.kube.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  /** `key`: `namespace/name`. */
  async create(key: string, desired: Properties, metadata: JsonObject = {}): Promise<Device> {
    const [namespace = '', name = ''] = key.split('/');
    return await this.kube.create(devicesPath(namespace), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { ...metadata, name, namespace },
      spec: { deviceId: `${namespace}-${name}` },
      properties: { desired },
    });
  }

  read(key: string): Promise<Device> {
    return this.kube.get(devicePath(key));
  }

  async write(key: string, patch: JsonObject): Promise<void> {
    await this.kube.patch(devicePath(key), 'application/merge-patch+json', patch, { fieldManager: 'test' });
  }

  async delete(key: string): Promise<void> {
    await this.kube.delete(devicePath(key));
  }

  /** What the operator would write, of the newest generation unless it says otherwise. */
  async tell(key: string, status: DeviceStatus): Promise<void> {
    const { metadata } = await this.read(key);
    const whole = { status: { observedGeneration: metadata.generation, ...status } };
    await this.kube.patch(`${devicePath(key)}/status`, 'application/merge-patch+json', whole);
  }

  /** Begins a command; words are split at spaces. */
  start(words: string, { stdin = '', columns = 80, isTerminal = false, now }: Seat = {}) {
    const interruption = new AbortController();
    const shown = { out: '', err: '' };
    const done = runCommandLine(words.split(' '), {
      out: (text) => void (shown.out += text),
      err: (text) => void (shown.err += text),
      stdin: () => Promise.resolve(stdin),
      isTerminal,
      columns,
      hasColor: false,
      env: { KUBECONFIG: this.api.kubeconfig },
      now: () => now ?? Date.now(),
      signal: interruption.signal,
    }).then((code): Ran => ({ code, stdout: shown.out, stderr: shown.err }));
    return { done, shown, interrupt: () => interruption.abort() };
  }

  mir(words: string, seat?: Seat): Promise<Ran> {
    return this.start(words, seat).done;
  }
}
