/** Rules, metrics and every query that people are shown, judged by Prometheus itself. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { RATE, Stage } from '../integration/support/stage.ts';
import { ALERTS_FILE, RULE_TESTS_FILE, fillIn, readAlerts, readPanels, selectorsIn } from '../observability/queries.ts';
import { eventually } from '../world/eventually.ts';
import { installView, removeView, routeView, viewFlag } from '../world/view-service.ts';
import { startPrometheus } from './prometheus.ts';
import type { Prometheus } from './prometheus.ts';
import { scratchDirectory } from './reaper.ts';
import { findPrometheus } from './system-packages.ts';

let stage: Stage;
let prometheus: Prometheus;
let promtool: string;

beforeAll(async () => {
  const binaries = await findPrometheus((line) => void process.stderr.write(`${line}\n`));
  ({ promtool } = binaries);
  stage = await Stage.open([viewFlag()]);
  await installView(stage.world);
  await routeView(stage.world, stage.operator);
  const directory = join(scratchDirectory('prometheus'), 'prometheus');
  prometheus = await startPrometheus(binaries.prometheus, directory, readFileSync(ALERTS_FILE, 'utf8'));
  const labels = { namespace: 'mir-system', job: 'mir-operator', pod: 'mir-operator-0' };
  prometheus.scrape([{ url: stage.operator.url, labels }]);
}, 300_000);
afterAll(async () => {
  await prometheus?.close();
  if (stage !== undefined) await removeView(stage.world);
  await stage?.close();
}, 60_000);

/** Resolves with what promtool says; rejects with it when it is not content. */
function runPromtool(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(promtool, [...args], (error, stdout, stderr) => {
      if (error === null) resolve(`${stdout}${stderr}`);
      else reject(new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`));
    });
    child.stdin?.end(input ?? '');
  });
}

describe('promtool', () => {
  it('checks the rules', async () => {
    expect(await runPromtool(['check', 'rules', ALERTS_FILE])).toContain(`${readAlerts().length} rules found`);
  });

  it('sees every alert fire, and not fire where it must not', async () => {
    expect(await runPromtool(['test', 'rules', RULE_TESTS_FILE])).toContain('SUCCESS');
    const { tests } = load(readFileSync(RULE_TESTS_FILE, 'utf8')) as {
      tests: readonly { alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[] }[];
    };
    const cases = tests.flatMap(({ alert_rule_test: ofTest }) => ofTest);
    const fires = new Set(cases.filter((one) => one.exp_alerts.length > 0).map((one) => one.alertname));
    expect(readAlerts().filter(({ alert }) => !fires.has(alert))).toEqual([]);
  });

  it('finds nothing to say about the metrics', async () => {
    const text = await (await fetch(`${stage.operator.url}/metrics`)).text();
    // Of Node's own names it does not like one: prom-client's nodejs_… metrics are as they are everywhere.
    const ours = text.split('\n').filter((line) => !/nodejs_|^(# \w+ )?process_/.test(line));
    expect(await runPromtool(['check', 'metrics'], ours.join('\n'))).toBe('');
  });
});

/** Series that a world where all is well does not have, and why. */
const EMPTY_WHERE_ALL_IS_WELL: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^mir_status_write_errors_total/, 'no write failed'],
  [/^mir_publish_errors_total/, 'no publish failed'],
  [/^mir_api_overload_pauses_total/, 'the API server was never overloaded'],
  [/^mir_certificate_expiry_timestamp_seconds/, 'no certificate was given as a file'],
  [/condition="Truncated"/, 'every object holds what is reported'],
  [/reason=~"BrokerRefused\|NotRetained"/, 'the broker keeps every document'],
];

describe('every query of alerts and dashboard', () => {
  beforeAll(async () => {
    await stage.create('works', { [RATE]: { intervalSeconds: 60 } });
    await stage.create('rejects', { [RATE]: { intervalSeconds: 0 } });
    await stage.startDevice('works');
    await stage.startDevice('rejects');
    await stage.untilCondition('works', 'Synced', 'True/InSync');
    await stage.untilCondition('rejects', 'Stalled', 'True/Rejected');
    await stage.say('works', `reported/${RATE}`, 'no JSON');
  });

  const shown = [
    ...readAlerts().map(({ alert, expr }) => [alert, expr] as const),
    ...readPanels().flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ].map(([name, expr]) => [name, fillIn(expr, '20s')] as const);

  it.each(shown)('%s: %s', async (_name, expression) => {
    await prometheus.query(expression);
    const selectors = selectorsIn(expression).filter(
      (selector) => !EMPTY_WHERE_ALL_IS_WELL.some(([pattern]) => pattern.test(selector)),
    );
    await eventually(`there is data for ${selectors.join(', ')}`, async () => {
      const found = await Promise.all(selectors.map(async (selector) => (await prometheus.query(selector)).length));
      expect(selectors.filter((_, at) => found[at] === 0)).toEqual([]);
    });
  });

  it.each(
    readPanels()
      .filter(({ type }) => type === 'stat')
      .map(({ title, targets = [] }) => [title, targets[0]?.expr ?? '']),
  )('gives one number for %s', async (_title, expression) => {
    const [sample, ...more] = await prometheus.query(fillIn(expression, '20s'));
    expect(more).toEqual([]);
    expect(Number(sample?.value[1])).toBeGreaterThanOrEqual(0);
  });
});
