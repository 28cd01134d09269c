/** The Prometheus operator's kinds, as far as the chart writes them: strict, so that a field it does not have is refused. */

const text = { type: 'string' } as const;
const texts = { type: 'object', additionalProperties: text } as const;
const duration = { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' } as const;

interface Schema {
  readonly type: string;
  readonly [key: string]: unknown;
}

const object = (properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
});
const list = (items: Schema): Schema => ({ type: 'array', items });

const relabeling = object({
  action: text,
  regex: text,
  replacement: text,
  targetLabel: text,
  sourceLabels: list(text),
});
const endpoint = object({
  port: text,
  path: text,
  interval: duration,
  scrapeTimeout: duration,
  relabelings: list(relabeling),
  metricRelabelings: list(relabeling),
});
const selector = object({ matchLabels: texts });
const rule = object({ alert: text, expr: text, for: duration, labels: texts, annotations: texts }, 'alert', 'expr');

export const MONITORING_CRDS = [
  crd('ServiceMonitor', object({ selector, endpoints: list(endpoint) }, 'selector', 'endpoints')),
  crd('PodMonitor', object({ selector, podMetricsEndpoints: list(endpoint) }, 'selector')),
  crd('PrometheusRule', object({ groups: list(object({ name: text, rules: list(rule) }, 'name', 'rules')) })),
] as const;

function crd(kind: string, spec: Schema) {
  const singular = kind.toLowerCase();
  const group = 'monitoring.coreos.com';
  const names = { kind, singular, plural: `${singular}s` };
  const schema = { openAPIV3Schema: object({ spec }, 'spec') };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${group}` },
    spec: { group, names, scope: 'Namespaced', versions: [{ name: 'v1', served: true, storage: true, schema }] },
  };
}
