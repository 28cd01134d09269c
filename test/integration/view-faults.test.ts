/** The Mir view that is killed, hung, or gets another certificate: only its own requests suffer, and it comes back by itself. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../src/api/json-value.ts';
import { TransportError } from '../../src/kube/errors.ts';
import { eventually } from '../world/eventually.ts';
import { API_SERVICE_PATH, VIEW_SECRET_PATH, viewAddressOf, viewIsAvailable } from '../world/view-service.ts';
import { ViewStage } from './support/view-stage.ts';

let stage: ViewStage;
beforeAll(async () => {
  stage = await ViewStage.open();
  await stage.create('one');
}, 120_000);
afterAll(() => stage?.close(), 120_000);

/** While the view is away the API server tries a namespace again and again, at longer and longer intervals. */
const NAMESPACE_GONE_WITHIN_MS = 30_000;

async function deleteNamespace(name: string): Promise<void> {
  const { kube } = stage.world;
  await kube.delete(`/api/v1/namespaces/${name}`);
  await eventually(
    `namespace ${name} is gone`,
    async () => {
      await expect(kube.get(`/api/v1/namespaces/${name}`)).rejects.toMatchObject({ status: 404 });
    },
    { timeoutMs: NAMESPACE_GONE_WITHIN_MS },
  );
}

/** The certificate that whoever connects is shown. */
async function shownCertificate(): Promise<X509Certificate> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(await viewAddressOf(stage.operator)) ?? [];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error('no certificate'));
      else resolve(certificate);
    });
    socket.once('error', reject);
  });
}

interface Traffic {
  readonly failures: readonly string[];
  readonly requests: () => number;
  stop(): Promise<void>;
}

/** One request after the other through the view; new connections too, as each of kubectl is one. */
function startTraffic(): Traffic {
  const failures: string[] = [];
  let requests = 0;
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await stage.world.kube.get(stage.mirPath('one')).catch((error: unknown) => failures.push(String(error)));
      requests += 1;
    }
  };
  const running = Promise.all([run(), run()]);
  return {
    failures,
    requests: () => requests,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** Until as many more requests have been answered: a new certificate has been met by new connections then. */
async function untilMore(traffic: Traffic, count: number): Promise<void> {
  const wanted = traffic.requests() + count;
  await eventually('traffic goes on', () => expect(traffic.requests()).toBeGreaterThan(wanted));
}

describe('a certificate', () => {
  it('is replaced under traffic, and nobody notices', async () => {
    const { kube } = stage.world;
    const before = await shownCertificate();
    const trusted = (await kube.get<{ spec: { caBundle: string } }>(API_SERVICE_PATH)).spec.caBundle;
    const traffic = startTraffic();
    await untilMore(traffic, 20);
    await kube.patch(VIEW_SECRET_PATH, 'application/merge-patch+json', { data: { 'tls.crt': '', 'tls.key': '' } });
    await eventually('another certificate is shown', async () => {
      expect((await shownCertificate()).fingerprint256).not.toBe(before.fingerprint256);
    });
    await untilMore(traffic, 20);
    await traffic.stop();
    expect(traffic.failures).toEqual([]);
    expect((await kube.get<{ spec: { caBundle: string } }>(API_SERVICE_PATH)).spec.caBundle).toBe(trusted);
  });

  it('comes of a new authority when the Secret is gone, which the API server trusts before it meets it', async () => {
    const { kube } = stage.world;
    const before = await shownCertificate();
    const traffic = startTraffic();
    await kube.delete(VIEW_SECRET_PATH);
    await eventually('a certificate of another authority is shown', async () => {
      const now = await shownCertificate();
      expect(now.fingerprint256).not.toBe(before.fingerprint256);
      const { data } = await kube.get<{ data: Record<string, string> }>(VIEW_SECRET_PATH);
      const authority = Buffer.from(data['ca.crt'] ?? '', 'base64').toString();
      expect(now.verify(new X509Certificate(authority).publicKey)).toBe(true);
    });
    await untilMore(traffic, 20);
    await traffic.stop();
    expect(traffic.failures).toEqual([]);
  });

  it('that somebody removed from the APIService is named there again', async () => {
    const { kube } = stage.world;
    await kube.patch(API_SERVICE_PATH, 'application/merge-patch+json', { spec: { caBundle: null } });
    await eventually('it is trusted', async () => {
      expect((await kube.get<{ spec: JsonObject }>(API_SERVICE_PATH)).spec).toHaveProperty('caBundle');
    });
    await viewIsAvailable(stage.world);
  });
});

/** As docs/mir-view.md promises; two to three seconds are usual. */
const BACK_WITHIN_MS = 15_000;

/** Until the view answers again, which it must soon. */
async function isBack(what: string, mend: () => Promise<void> | void): Promise<void> {
  const startedAt = performance.now();
  await mend();
  await eventually(`the view that was ${what} answers`, () => stage.mir('one'));
  expect(performance.now() - startedAt).toBeLessThan(BACK_WITHIN_MS);
}

describe('a view', () => {
  it('that hangs holds up nobody but its own callers', async () => {
    const namespace = await stage.world.namespace();
    stage.operator.freeze();
    try {
      expect((await stage.kubectl('get', 'dev', 'one', '-o', 'name')).stdout).toBe('device.iot.mir/one\n');
      const late = new AbortController();
      const hanging = stage.world.kube.get(stage.mirPath('one'), undefined, late.signal);
      await stage.create('meanwhile');
      late.abort();
      await expect(hanging).rejects.toBeInstanceOf(TransportError);
      await isBack('hung', () => stage.operator.thaw());
    } finally {
      stage.operator.thaw();
    }
    await viewIsAvailable(stage.world);
    expect(await stage.mir('meanwhile')).toMatchObject({ meta: { name: 'meanwhile' } });
    await deleteNamespace(namespace);
  });

  it('that was killed is served again by the next one, and namespaces can be deleted', async () => {
    const namespace = await stage.world.namespace();
    await stage.operator.kill();
    await expect(stage.world.kube.get(stage.mirPath('one'))).rejects.toMatchObject({ status: 503 });
    expect((await stage.kubectl('get', 'dev', 'one', '-o', 'name')).stdout).toBe('device.iot.mir/one\n');
    await stage.create('while-away');
    const deletion = deleteNamespace(namespace);
    await isBack('killed', () => stage.restart());
    expect(await stage.mir('while-away')).toMatchObject({ meta: { name: 'while-away' } });
    await deletion;
  });

  it('that is stopped ends its watches, and lets requests finish', async () => {
    const stop = new AbortController();
    const watching = (async () => {
      for await (const _ of stage.world.kube.watch(stage.mirPath(), {}, stop.signal)) continue;
    })();
    await stage.mir('one');
    const { code } = await stage.operator.stop();
    expect(code).toBe(0);
    // Ended like any watch, or cut by the API server that stands between.
    await watching.catch(() => undefined);
    stop.abort();
    await isBack('stopped', () => stage.restart());
  });
});
