/** The queries that people are shown: those of the chart's alerts and of its dashboard. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';

const FILES = join(import.meta.dirname, '..', '..', 'helm', 'mir-operator', 'files');
export const ALERTS_FILE = join(FILES, 'alerts.yaml');
export const RULE_TESTS_FILE = join(import.meta.dirname, 'alerts.test.yaml');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
}

export interface Panel {
  readonly type: 'row' | 'stat' | 'timeseries';
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig?: { readonly defaults: FieldDefaults; readonly overrides: readonly FieldOverride[] };
}

interface FieldDefaults {
  readonly unit: string;
  readonly max?: number;
  readonly decimals?: number;
  readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
  readonly mappings?: readonly { readonly options: Readonly<Record<string, { text: string; color: string }>> }[];
  readonly custom?: { readonly stacking: { readonly mode: string }; readonly fillOpacity: number };
}

interface FieldOverride {
  readonly matcher: { readonly id: 'byName' | 'byRegexp'; readonly options: string };
  readonly properties: readonly { readonly value: { readonly fixedColor: string } }[];
}

export function readAlerts(): readonly AlertRule[] {
  const { groups } = load(readFileSync(ALERTS_FILE, 'utf8')) as { groups: readonly { rules: readonly AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function readPanels(): readonly Panel[] {
  return (JSON.parse(readFileSync(join(FILES, 'dashboard.json'), 'utf8')) as { panels: readonly Panel[] }).panels;
}

/** An expression as Grafana sends it with `All` chosen; `interval` takes the place of `$__rate_interval`. */
export function fillIn(expression: string, interval: string): string {
  return expression.replaceAll('$namespace', '.*').replaceAll('$job', '.+').replaceAll('$__rate_interval', interval);
}

const SELECTOR = /\b(?:mir|workqueue|controller_runtime|leader_election|rest_client|process)_\w+(?:\{[^}]*\})?/g;

/** The series that an expression is made of: `name{matchers}`. */
export function selectorsIn(expression: string): readonly string[] {
  return [...new Set(expression.match(SELECTOR) ?? [])];
}
