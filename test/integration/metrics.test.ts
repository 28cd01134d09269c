/** Every metric that is declared tells something: an operator goes through all that metrics are about, and each of them moves. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devicesPath } from '../../src/api/device.ts';
import { createAuthority } from '../../src/certificates/issue.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { eventually } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { installView, removeView, routeView, viewFlag } from '../world/view-service.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { RATE } from './support/messages.ts';

const TWINS = 20;

let world: World;
let namespace: string;
let operator: OperatorProcess;
/** Names of which a series has been seen that was not 0. */
const moved = new Set<string>();
const watching = new AbortController();
let watch: Promise<void>;

beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace();
  const authority = join(scratchDirectory('metrics'), 'ca.pem');
  writeFileSync(authority, createAuthority('broker', Date.now(), 86_400_000).certPem);
  const flags = [
    `--mqtt-ca-file=${authority}`,
    `--lease-namespace=${namespace}`,
    `--provision-namespace=${namespace}`,
    '--sweep-minimum=0',
    '--sweep-max-fraction=0',
    '--events-per-second=1',
    viewFlag(),
  ];
  await installView(world);
  operator = await world.startOperator({ namespace, flags, mqttUrl: world.broker.proxyUrl });
  watch = watchMetrics();
}, 120_000);
afterAll(async () => {
  watching.abort();
  await watch;
  await removeView(world);
  await world.close();
}, 120_000);

async function watchMetrics(): Promise<void> {
  while (!watching.signal.aborted) {
    for (const [series, value] of (await operator.metrics()).series) {
      if (value !== 0) moved.add(series.replace(/\{.*$/, '').replace(/_(bucket|sum|count)$/, ''));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const untilMoved = (...names: string[]): Promise<void> =>
  eventually(`${names.join(', ')} moved`, () => expect(names.filter((name) => !moved.has(name))).toEqual([]));

const nameOf = (twin: number): string => `twin-${twin}`;
const idOf = (twin: number): string => `${namespace}-${nameOf(twin)}`;

const say = (twin: number, rest: string, body: object | string): Promise<void> =>
  world.broker.publish(`mir/v1alpha/${idOf(twin)}/${rest}`, typeof body === 'string' ? body : JSON.stringify(body), {
    retain: rest !== 'heartbeat',
    qos: 1,
  });

function create(twin: number, intervalSeconds: number): Promise<unknown> {
  return world.kube.create(devicesPath(namespace), {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name: nameOf(twin) },
    spec: { deviceId: idOf(twin) },
    properties: { desired: { [RATE]: { intervalSeconds } } },
  });
}

const desire = (twin: number, intervalSeconds: number): Promise<unknown> =>
  world.kube.patch(`${devicesPath(namespace)}/${nameOf(twin)}`, 'application/merge-patch+json', {
    properties: { desired: { [RATE]: { intervalSeconds } } },
  });

const all = (act: (twin: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: TWINS }, (_, twin) => act(twin)));

describe('every metric that is declared', () => {
  it('moves when what it is about happens', async () => {
    await all((twin) => create(twin, 60));
    await routeView(world, operator);
    await untilMoved('mir_view_requests_total', 'mir_view_request_duration_seconds');
    await untilMoved(
      'mir_desired_published_total',
      'mir_status_writes_total',
      'mir_retained_pages_total',
      'mir_devices',
    );

    await all((twin) => say(twin, 'state', { online: true, session: 's1', heartbeat: 600 }));
    await all((twin) => say(twin, 'heartbeat', ''));
    await all(async (twin) => {
      for (let sequence = 0; sequence < 5; sequence += 1)
        await Promise.all([RATE, 'a.B'].map((message) => say(twin, `reported/${message}`, { value: { sequence } })));
    });
    await say(0, 'reported/a.B', 'not JSON');
    await say(TWINS, 'state', { online: true, session: 's1' });
    await untilMoved('mir_devices_online', 'mir_heartbeats_total', 'mir_report_lag_seconds', 'mir_bad_input_total');
    await untilMoved('mir_status_writes_coalesced_total', 'mir_provisioned_total', 'mir_events_total');
    await untilMoved('mir_events_dropped_total');

    await world.kube.delete(`${devicesPath(namespace)}/${nameOf(0)}`);
    await untilMoved('mir_desired_withdrawn_total');

    world.api.hang();
    await all((twin) => say(twin, 'state', { online: false, session: 's1' }));
    await untilMoved('workqueue_depth', 'workqueue_unfinished_work_seconds');
    world.api.cut();
    await untilMoved('mir_status_write_errors_total', 'workqueue_retries_total', 'mir_watch_restarts_total');
    await world.api.restore();
    world.api.answer429(1);
    await all((twin) => say(twin, 'state', { online: true, session: 's2' }));
    await untilMoved('mir_api_overload_pauses_total');
    await world.api.restore();

    // Every LIST until it is seen: a gauge is back at 0 with the first LIST that shows all.
    world.api.emptyLists(Number.POSITIVE_INFINITY);
    await eventually('the watch of devices is open again', () => {
      world.api.expireWatches();
      expect([...moved]).toContain('mir_absent_objects');
    });
    await world.api.restore();
    await desire(1, 29);
    await eventually('changes arrive again', async () => {
      const documents = await world.broker.retained(`mir/v1alpha/${idOf(1)}/desired`);
      expect([...documents.values()].join('')).toContain('"intervalSeconds":29');
    });

    const [, document = ''] = [...(await world.broker.retained(`mir/v1alpha/${idOf(1)}/desired`))][0] ?? [];
    const orphan = document.replaceAll(nameOf(1), 'nobody').replaceAll(/"uid":"[^"]*"/g, '"uid":"gone"');
    await world.broker.publish(`mir/v1alpha/${namespace}-nobody/desired`, orphan, { retain: true, qos: 1 });
    world.broker.hang();
    await desire(1, 30);
    await eventually('the operator tries to publish', async () => {
      const metrics = await operator.metrics();
      expect(metrics.value('workqueue_unfinished_work_seconds', { name: 'desired' })).toBeGreaterThan(0);
    });
    world.broker.cut();
    await world.broker.restore();
    await untilMoved('mir_broker_reconnects_total', 'mir_publish_errors_total', 'mir_sweep_blocked_documents');

    const declared = createMetrics()
      .registry.getMetricsAsArray()
      .map(({ name }) => name);
    expect(declared.filter((name) => !moved.has(name))).toEqual([]);
  }, 180_000);
});
