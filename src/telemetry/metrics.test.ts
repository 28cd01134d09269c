import { describe, expect, it } from '@jest/globals';
import { addProcessMetrics, createMetrics } from './metrics.ts';

describe('createMetrics', () => {
  it('shares nothing between two calls', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.reports.inc(3);
    expect((await one.render()).body).toContain('mir_reports_total 3');
    expect((await two.render()).body).toContain('mir_reports_total 0');
  });

  it.each([
    'workqueue_depth',
    'workqueue_adds_total',
    'workqueue_queue_duration_seconds',
    'workqueue_work_duration_seconds',
    'workqueue_retries_total',
    'workqueue_unfinished_work_seconds',
    'controller_runtime_reconcile_total',
    'controller_runtime_reconcile_time_seconds',
    'leader_election_master_status',
    'rest_client_requests_total',
  ])('keeps the name %s that dashboards know', (name) => {
    expect(createMetrics().registry.getSingleMetric(name)).toBeDefined();
  });

  it('calls readers before every scrape', async () => {
    const metrics = createMetrics();
    let depth = 0;
    metrics.onScrape(() => metrics.sweepBlocked.set((depth += 1)));
    expect((await metrics.render()).body).toContain('mir_sweep_blocked_documents 1');
    expect((await metrics.render()).body).toContain('mir_sweep_blocked_documents 2');
  });

  // The rules that `promtool check metrics` enforces on names and help.
  it('names every metric as Prometheus asks', async () => {
    for (const { name, help, type } of await createMetrics().registry.getMetricsAsJSON()) {
      const kind = String(type);
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(help).toMatch(/\S.*\.$/);
      expect({ name, isTotal: name.endsWith('_total') }).toEqual({ name, isTotal: kind === 'counter' });
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kilobytes|count|sum|bucket|gauge|counter|histogram)(_|$)/);
      expect({ name, hasUnit: kind !== 'histogram' || name.endsWith('_seconds') }).toEqual({ name, hasUnit: true });
    }
  });
});

describe('addProcessMetrics', () => {
  it('tells CPU, memory and how busy the event loop is', async () => {
    const metrics = createMetrics();
    addProcessMetrics(metrics);
    const { body } = await metrics.render();
    expect(body).toContain('process_cpu_seconds_total');
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).toMatch(/^mir_event_loop_utilisation_ratio (0|1)(\.\d+)?(e-\d+)?$/m);
  });
});
