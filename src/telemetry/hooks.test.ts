import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { availabilityHook, queueHooks, reconcileHook, reflectorHooks, requestHook, watchQueue } from './hooks.ts';
import { createMetrics } from './metrics.ts';
import { WorkQueue } from '../workqueue/queue.ts';

describe('the hooks of the machinery', () => {
  it('count what a workqueue does, and read its depth at the scrape', async () => {
    const metrics = createMetrics();
    const queue = new WorkQueue({ clock: systemClock, hooks: queueHooks(metrics, 'device') });
    watchQueue(metrics, 'device', queue, new AbortController().signal);
    queue.add('a');
    queue.add('b');
    queue.add('b');
    const key = await queue.take();
    expect(key).toBe('a');
    const { body } = await metrics.render();
    expect(body).toContain('workqueue_adds_total{name="device"} 2');
    expect(body).toContain('workqueue_depth{name="device"} 1');
    expect(body).toContain('workqueue_queue_duration_seconds_count{name="device"} 1');
    expect(body).toMatch(/workqueue_unfinished_work_seconds\{name="device"\} \d/);
    expect(body).toMatch(/workqueue_longest_running_processor_seconds\{name="device"\} \d/);
    queue.done('a');
    expect((await metrics.render()).body).toContain('workqueue_work_duration_seconds_count{name="device"} 1');
  });

  it('tell the longest work in progress from the sum of it', async () => {
    const metrics = createMetrics();
    const queue = { length: 0, unfinishedMs: [2000, 5000, 1000] };
    const term = new AbortController();
    watchQueue(metrics, 'device', queue, term.signal);
    const { body } = await metrics.render();
    expect(body).toContain('workqueue_unfinished_work_seconds{name="device"} 8');
    expect(body).toContain('workqueue_longest_running_processor_seconds{name="device"} 5');
    term.abort();
    // Work that ended with its term is not stuck, whatever the last scrape saw.
    expect((await metrics.render()).body).toContain('workqueue_longest_running_processor_seconds{name="device"} 0');
  });

  it('count reconciles by result, in seconds', async () => {
    const metrics = createMetrics();
    const onReconcile = reconcileHook(metrics, 'device');
    onReconcile('success', 250);
    onReconcile('error', 250);
    const { body } = await metrics.render();
    expect(body).toContain('controller_runtime_reconcile_total{controller="device",result="success"} 1');
    expect(body).toContain('controller_runtime_reconcile_errors_total{controller="device"} 1');
    expect(body).toContain('controller_runtime_reconcile_time_seconds_sum{controller="device"} 0.5');
  });

  it('count requests by code and method', async () => {
    const metrics = createMetrics();
    requestHook(metrics)('PATCH', '200', 5);
    const { body } = await metrics.render();
    expect(body).toContain('rest_client_requests_total{code="200",method="PATCH"} 1');
    expect(body).toContain('rest_client_request_duration_seconds_sum{method="PATCH"} 0.005');
  });

  it('tell whether the Mir view is available, and nothing where there is none', async () => {
    const metrics = createMetrics();
    const tell = availabilityHook(metrics);
    for (const [said, told] of [
      [true, '\nmir_view_available 1\n'],
      [false, '\nmir_view_available 0\n'],
    ] as const) {
      tell(said);
      expect((await metrics.render()).body).toContain(told);
    }
    tell(undefined);
    expect((await metrics.render()).body).not.toContain('\nmir_view_available ');
  });

  it('count lists and ended watches, and tell the liveness check that the reflector makes progress', async () => {
    const metrics = createMetrics();
    let signs = 0;
    const hooks = reflectorHooks(metrics, 'devices', () => (signs += 1));
    hooks.onListed?.(10);
    hooks.onWatchEnded?.('expired');
    hooks.onProgress?.();
    const { body } = await metrics.render();
    expect(body).toContain('mir_lists_total{resource="devices"} 1');
    expect(body).toContain('mir_watch_restarts_total{resource="devices",reason="expired"} 1');
    expect(signs).toBe(1);
  });
});
