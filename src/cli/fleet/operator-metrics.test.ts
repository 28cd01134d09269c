import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../base/context.ts';
import { metricsSource, parseMetrics, quantileOf, since, valueOf } from './operator-metrics.ts';
import { renderOperator } from '../commands/top.ts';
import { paletteOf } from '../render/color.ts';

const TEXT = `
# HELP mir_devices Devices.
# TYPE mir_devices gauge
mir_devices 3
mir_devices_by_sync{sync="InSync",online="true"} 1
mir_devices_by_sync{sync="InSync",online="false"} 1
mir_devices_by_sync{sync="Rejected",online="true"} 1
mir_odd{text="a \\"b\\", c=\\"d\\""} 1e3
mir_lag_seconds_bucket{le="0.1"} 50
mir_lag_seconds_bucket{le="0.2"} 90
mir_lag_seconds_bucket{le="+Inf"} 100
`;
const samples = parseMetrics(TEXT);

describe('metrics of the operator', () => {
  it('are read with their labels', () => {
    expect(valueOf(samples, 'mir_devices')).toBe(3);
    expect(valueOf(samples, 'mir_devices_by_sync', { sync: 'InSync' })).toBe(2);
    expect(samples.find(({ name }) => name === 'mir_odd')).toEqual({
      name: 'mir_odd',
      labels: { text: String.raw`a \"b\", c=\"d\"` },
      value: 1000,
    });
  });

  it.each([
    [0.25, 0.05],
    [0.5, 0.1],
    [0.7, 0.15],
    [0.99, 0.2],
  ])('have quantiles: %d is %d', (share, expected) => {
    expect(quantileOf(samples, 'mir_lag_seconds', share)).toBeCloseTo(expected);
  });

  it('have no quantile where nothing was observed', () => {
    expect(quantileOf(since(samples, samples), 'mir_lag_seconds', 0.5)).toBeUndefined();
  });

  it('are shown as rates between two readings', () => {
    const before = parseMetrics('mir_status_writes_total{class="sync"} 10\nprocess_cpu_seconds_total 1');
    const after = parseMetrics(`${TEXT}mir_status_writes_total{class="sync"} 50\nprocess_cpu_seconds_total 1.5`);
    const text = renderOperator(before, after, 2, paletteOf(false));
    expect(text).toMatch(/^Devices: +3, 0 online, 2 in sync$/m);
    expect(text).toMatch(/^Not in sync: +Rejected 1$/m);
    expect(text).toMatch(/^Status writes: +20\/s \(sync 20\/s\)$/m);
    expect(text).toMatch(/^Process: +25 % of a core/m);
  });

  const pod = (name: string, phase = 'Running') => ({
    metadata: { name, namespace: 'mir-system' },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { phase },
  });
  const clusterOf = (items: readonly object[], answers: Readonly<Record<string, string>>): Cluster => {
    const client = {
      get: () => Promise.resolve({ items }),
      text: (path: string) =>
        answers[path] === undefined ? Promise.reject(new Error(path)) : Promise.resolve(answers[path]),
    };
    return { client: client as unknown as Cluster['client'], namespace: 'default' };
  };
  const proxy = (name: string) => `/api/v1/namespaces/mir-system/pods/${name}:8080/proxy/metrics`;
  const { signal } = new AbortController();

  it("come from the replica that leads, by way of the API server's proxy", async () => {
    const cluster = clusterOf([pod('gone', 'Failed'), pod('broken'), pod('standby'), pod('leader')], {
      [proxy('standby')]: 'leader_election_master_status{name="mir-operator"} 0',
      [proxy('leader')]: 'leader_election_master_status{name="mir-operator"} 1\nmir_devices 7',
    });
    const read = await metricsSource(cluster, {}, signal);
    expect(valueOf(await read(), 'mir_devices')).toBe(7);
  });

  it('are not what another page of the operator says', async () => {
    const page = createServer((_request, response) => response.end('ok\n'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const metricsUrl = `http://127.0.0.1:${(page.address() as AddressInfo).port}/healthz`;
    const read = await metricsSource(clusterOf([], {}), { metricsUrl }, signal);
    await expect(read()).rejects.toThrow(`${metricsUrl} has no metrics of the operator; --metrics-url names`);
    await new Promise((resolve) => page.close(resolve));
  });

  it('say what to do where nobody answers', async () => {
    await expect(metricsSource(clusterOf([pod('standby')], {}), {}, signal)).rejects.toThrow('use --metrics-url');
  });
});
