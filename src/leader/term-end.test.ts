import { getEventListeners } from 'node:events';
import { expect, it } from '@jest/globals';
import { FakeBroker } from '../../test/fakes/fake-broker.ts';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeKube } from '../../test/fakes/fake-kube.ts';
import type { Device } from '../api/device.ts';
import { silentLogger } from '../base/log.ts';
import { Store } from '../cache/store.ts';
import { loadConfig } from '../config/load.ts';
import { createHealth } from '../telemetry/health.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { Term } from './term.ts';

/** A term whose cache cannot tell what it holds. */
function brokenTerm() {
  const clock = new FakeClock();
  const [kube, broker] = [new FakeKube(clock), new FakeBroker(clock)];
  const parsed = loadConfig([], {});
  if (parsed.kind !== 'run') throw new Error('the defaults are not a configuration');
  const heard: AbortSignal[] = [];
  const subscribe = (_handler: unknown, signal: AbortSignal): Promise<void> => {
    heard.push(signal);
    return heard.length > 1 ? Promise.reject(new Error('what?')) : Promise.resolve();
  };
  const term = new Term({
    config: parsed.config,
    names: { cluster: 'c1', clientId: 'mir-operator' },
    devices: { lister: new Store<Device>(), subscribe, relist: () => undefined, wrote: () => undefined },
    schemas: kube.schemas,
    client: kube.client,
    broker,
    runtime: { clock, log: silentLogger, random: () => 0 },
    telemetry: {
      metrics: createMetrics(),
      health: createHealth(clock),
      overloads: new Map(),
      recordEvents: () => undefined,
    },
  });
  return { term, heard };
}

it('a term that fails while it begins takes down what had begun', async () => {
  const { term, heard } = brokenTerm();
  const stop = new AbortController();
  await expect(term.run(stop.signal)).rejects.toThrow('what?');
  expect(heard.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});
