/** The reference of the metrics, from their definitions. */
import { Counter, Gauge } from 'prom-client';
import { BAD_INPUT } from '../../src/api/bad-input.ts';
import { SYNC_CLASSES } from '../../src/telemetry/fleet.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

/** Of what the label's name alone does not tell: what it stands for, and its values. */
const LABELS: readonly (readonly [label: string, of: string, values: string])[] = [
  ['sync', 'mir_devices_by_sync', list(SYNC_CLASSES)],
  ['online', 'mir_devices_by_sync', list(['true', 'false'])],
  [
    'condition, status, reason',
    'mir_device_conditions',
    'as in `status.conditions` of the objects; a reason that the operator does not give counts as `Other`',
  ],
  ['reason', 'mir_bad_input_total', list(Object.keys(BAD_INPUT))],
  ['reason', 'mir_events_total', 'the reason of the event'],
  ['reason', 'mir_watch_restarts_total', list(['timeout', 'expired', 'stale', 'error'])],
  ['class', 'mir_status_writes_total', list(['sync', 'online', 'reported', 'pending', 'heartbeat'])],
  ['name', 'workqueue_…', list(['desired', 'status', 'schema', 'history'])],
  [
    'controller',
    'controller_runtime_…, mir_api_overload_pauses_total',
    list(['desired', 'status', 'schema', 'history']),
  ],
  ['result', 'controller_runtime_reconcile_total', list(['success', 'requeue_after', 'error'])],
  ['author', 'mir_history_changes_total', list(['User', 'FieldManager', 'Unknown'])],
  ['kind', 'mir_publish_errors_total', list(['transient', 'refused', 'tooLarge'])],
  ['result', 'mir_retained_pages_total', list(['complete', 'broken'])],
  ['resource', 'mir_lists_total and others', list(['devices', 'schemas'])],
];

export function renderMetricsTable(): string {
  const isOwn = ({ name }: { readonly name: string }): boolean => name.startsWith('mir_');
  const all = createMetrics().registry.getMetricsAsArray();
  const rows = [...all.filter(isOwn), ...all.filter((metric) => !isOwn(metric))].map((metric) => {
    const { labelNames = [] } = metric as { labelNames?: readonly string[] };
    const type = metric instanceof Counter ? 'counter' : metric instanceof Gauge ? 'gauge' : 'histogram';
    const { help } = metric as unknown as { help: string };
    return `| \`${metric.name}\` | ${type} | ${list(labelNames)} | ${help} |`;
  });
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

export function renderLabelsTable(): string {
  const rows = LABELS.map(([label, of, values]) => `| ${label} | ${of} | ${values} |`);
  return ['| label | of | values |', '|---|---|---|', ...rows].join('\n');
}

function list(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}
