/** Every alert of the chart, fired by the fault that it is for, and resolved when that is mended. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrometheus } from '../real/prometheus.ts';
import type { Prometheus } from '../real/prometheus.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { findPrometheus } from '../real/system-packages.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { compressRules } from './compressed-rules.ts';
import { FAULTS } from './faults.ts';
import { ALERTS_FILE, readAlerts } from './queries.ts';
import { Site } from './site.ts';

/** As long as a minute of the rules: windows keep their number of points, and a busy machine answers in time. */
const SCRAPE_SECONDS = 2;

let world: World;
let prometheus: Prometheus;

beforeAll(async () => {
  const { prometheus: binary } = await findPrometheus((line) => void process.stderr.write(`${line}\n`));
  world = await openWorld({ kind: 'real', dedicated: true });
  const rules = compressRules(readFileSync(ALERTS_FILE, 'utf8'));
  prometheus = await startPrometheus(binary, join(scratchDirectory('alerts'), 'prometheus'), rules, SCRAPE_SECONDS);
}, 900_000);
afterAll(async () => {
  await prometheus?.close();
  await world?.close();
}, 120_000);

const secondsSince = (startedAt: number): string => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;

describe('every alert', () => {
  it('has a fault that it is for', () => {
    expect(FAULTS.map(({ alert }) => alert).toSorted()).toEqual(
      readAlerts()
        .map(({ alert }) => alert)
        .toSorted(),
    );
  });

  it.each(FAULTS.map((fault) => [fault.alert, fault.what, fault] as const))(
    '%s fires when %s, and is resolved when that is mended',
    async (alert, what, { options = {}, prepare, cause }) => {
      const site = await Site.open(world, prometheus, alert, options);
      const fault = new AbortController();
      let mend = (): Promise<unknown> => Promise.resolve();
      const mendOnce = (): Promise<unknown> => {
        fault.abort();
        const done = mend();
        mend = () => done;
        return done;
      };
      try {
        await prepare?.(site);
        expect((await site.firing()).map(({ labels }) => labels['alertname'])).not.toContain(alert);
        const causedAt = performance.now();
        mend = await cause(site, fault.signal);
        const { annotations } = await site.untilFiring(alert);
        const fired = secondsSince(causedAt);
        const beside = (await site.firing()).map(({ labels }) => labels['alertname']).filter((name) => name !== alert);
        const mendedAt = performance.now();
        await mendOnce();
        await site.untilQuiet();
        process.stderr.write(
          `figure: ${alert} (${what}): fires after ${fired}, quiet ${secondsSince(mendedAt)} after it is mended; ` +
            `says "${annotations['summary'] ?? ''}"; beside it ${[...new Set(beside)].join(', ') || 'none'}\n`,
        );
      } finally {
        await mendOnce();
        await site.close();
      }
    },
    400_000,
  );
});
