import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createMetrics } from './metrics.ts';
import { createHealth } from './health.ts';
import type { Health } from './health.ts';
import { startServer } from './server.ts';
import type { RunningServer } from './server.ts';

let server: RunningServer | undefined;
afterEach(async () => server?.close());

function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  return { now: () => now, monotonic: () => now, after: () => () => {}, advance: (ms) => void (now += ms) };
}

async function serve(health: Health, metrics = createMetrics()) {
  server = await startServer({ address: '127.0.0.1:0', metrics, health, log: silentLogger });
  const base = `http://${server.address}`;
  return async (path: string, method = 'GET') => {
    const response = await fetch(`${base}${path}`, { method });
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
}

describe('the HTTP server', () => {
  it('serves metrics as Prometheus reads them', async () => {
    const metrics = createMetrics();
    metrics.reports.inc(2);
    const get = await serve(createHealth(manualClock()), metrics);
    const { status, body, headers } = await get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(body).toContain('mir_reports_total 2');
  });

  it('is alive while its loops make progress, and says which one does not', async () => {
    const clock = manualClock();
    const health = createHealth(clock);
    const ended = new AbortController();
    const progressed = health.loop('workqueue', 10_000, ended.signal);
    health.loop('reflector', 60_000, new AbortController().signal);
    const get = await serve(health);
    clock.advance(9_000);
    expect(await get('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    clock.advance(9_000);
    const expected = '[-]workqueue failed: no progress for 18 s\n[+]reflector ok\nhealthz check failed\n';
    expect(await get('/healthz')).toMatchObject({ status: 503, body: expected });
    progressed();
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    clock.advance(12_000);
    expect(await get('/healthz')).toMatchObject({ status: 503 });
    ended.abort();
    expect(await get('/healthz?verbose')).toMatchObject({
      status: 200,
      body: '[+]reflector ok\nhealthz check passed\n',
    });
  });

  it('is ready when every named check passes', async () => {
    const health = createHealth(manualClock());
    let problem: string | undefined = 'connecting to mqtt://broker';
    health.ready('broker', () => problem);
    health.ready('caches', () => undefined);
    const get = await serve(health);
    const expected = '[-]broker failed: connecting to mqtt://broker\n[+]caches ok\nreadyz check failed\n';
    expect(await get('/readyz')).toMatchObject({ status: 503, body: expected });
    problem = undefined;
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect((await get('/readyz?verbose')).body).toBe('[+]broker ok\n[+]caches ok\nreadyz check passed\n');
  });

  it('shows what is worth knowing and no reason to fail', async () => {
    const health = createHealth(manualClock());
    let note: string | undefined = 'overloaded';
    health.note('api-server', () => note, new AbortController().signal);
    const get = await serve(health);
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect((await get('/readyz?verbose')).body).toBe('[+]api-server ok: overloaded\nreadyz check passed\n');
    note = undefined;
    expect((await get('/readyz?verbose')).body).toBe('[+]api-server ok\nreadyz check passed\n');
  });

  it('answers HEAD without a body, other methods with 405, other paths with 404', async () => {
    const get = await serve(createHealth(manualClock()));
    expect(await get('/healthz', 'HEAD')).toMatchObject({ status: 200, body: '' });
    const refused = await get('/healthz', 'POST');
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await get('/constructor')).status).toBe(404);
    expect((await get('//')).status).toBeGreaterThanOrEqual(400);
  });

  it('answers 500 when a scrape fails, and stays up', async () => {
    const metrics = { ...createMetrics(), render: () => Promise.reject(new Error('broken')) };
    const get = await serve(createHealth(manualClock()), metrics);
    expect((await get('/metrics')).status).toBe(500);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('says how to go on when the address is taken', async () => {
    await serve(createHealth(manualClock()));
    const again = { address: server?.address ?? '', metrics: createMetrics(), health: createHealth(manualClock()) };
    await expect(startServer({ ...again, log: silentLogger })).rejects.toThrow('choose another --http-address');
  });
});
