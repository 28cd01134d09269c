/** The chart's values as a table and as a JSON schema, from the comments and defaults of values.yaml and the operator's options. */
import { load } from 'js-yaml';
import { ALL_OPTIONS } from '../../src/config/options.ts';

/** A documented value: a line `# -- what it is` stands above it; further comment lines go on. */
interface Value {
  readonly path: readonly string[];
  readonly default: unknown;
  readonly description: string;
}

type Schema = Readonly<Record<string, unknown>>;

/** What a default alone does not say. */
const KNOWN: Readonly<Record<string, Schema>> = {
  replicaCount: { type: 'integer', minimum: 0 },
  'image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  'image.digest': { type: 'string', pattern: '^(sha256:[a-f0-9]{64})?$' },
  'mqtt.url': { type: 'string', pattern: '^((mqtts?|wss?)://[^@]+)?$' },
  'broker.service.type': { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] },
  'mqtt.caSecret.kind': { enum: ['Secret', 'ConfigMap'] },
  dnsPolicy: { enum: ['', 'Default', 'ClusterFirst', 'ClusterFirstWithHostNet', 'None'] },
  'podDisruptionBudget.maxUnavailable': { type: ['integer', 'string'] },
};

/** Options that the chart sets itself, or that mean nothing in a pod. */
const CHARTS_OWN = new Set([
  'kubeconfig',
  'context',
  'identity',
  'httpAddress',
  'viewAddress',
  'mqttUrl',
  'mqttUsername',
  'mqttPassword',
  'mqttPasswordFile',
  'mqttCaFile',
  'mqttCertFile',
  'mqttKeyFile',
]);

/** A Markdown table: value, default, meaning. */
export function renderValuesTable(valuesYaml: string): string {
  const rows = readValues(valuesYaml).map(
    ({ path, default: standard, description }) =>
      `| \`${path.join('.')}\` | \`${JSON.stringify(standard).replaceAll('|', '\\|')}\` | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| value | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** `values.schema.json`: unknown keys are refused, but in maps that Kubernetes itself defines. */
export function renderValuesSchema(valuesYaml: string, title: string): string {
  const root = new Branch();
  for (const value of readValues(valuesYaml)) root.put(value.path, schemaOf(value));
  // Helm passes `global` to every chart that is part of another one.
  root.put(['global'], { type: 'object' });
  const enabled =
    'Read by a chart that has this one as a dependency with `condition: <name>.enabled`; means nothing here.';
  root.put(['enabled'], { type: 'boolean', description: enabled });
  const schema = { $schema: 'https://json-schema.org/draft-07/schema#', title, ...root.render() };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

class Branch {
  readonly #children = new Map<string, Branch | Schema>();

  put([head, ...rest]: readonly string[], schema: Schema): void {
    if (head === undefined) return;
    if (rest.length === 0) {
      this.#children.set(head, schema);
      return;
    }
    const present = this.#children.get(head);
    const branch = present instanceof Branch ? present : new Branch();
    this.#children.set(head, branch);
    branch.put(rest, schema);
  }

  render(): Schema {
    const properties = [...this.#children].map(([key, child]) => [
      key,
      child instanceof Branch ? child.render() : child,
    ]);
    return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
  }
}

function schemaOf({ path, default: standard, description }: Value): Schema {
  const key = path.join('.');
  if (key === 'config') return { ...configSchema(), description };
  return { ...(KNOWN[key] ?? { type: typeOf(standard) }), description };
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

function configSchema(): Schema {
  const properties = [...ALL_OPTIONS]
    .filter(([key]) => !CHARTS_OWN.has(key))
    .map(([key, { schema, description }]) => {
      const { pattern, ...rest } = { pattern: undefined, ...schema };
      return [key, { ...rest, ...(isPortable(pattern) && { pattern }), description }];
    });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

/** Helm matches with Go's regular expressions, which lack some of JavaScript's; the operator checks everything again. */
function isPortable(pattern: string | undefined): pattern is string {
  return pattern !== undefined && !/\\[0pu]|\(\?/.test(pattern);
}

/** The documented values, in the order of the file. */
function readValues(valuesYaml: string): Value[] {
  const defaults = load(valuesYaml);
  const values: Value[] = [];
  const parents: { readonly indent: number; readonly key: string }[] = [];
  let description: string | undefined;
  for (const line of valuesYaml.split('\n')) {
    const comment = /^\s*# (?:-- )?(.*)$/.exec(line);
    const key = /^(\s*)([A-Za-z][\w-]*):/.exec(line);
    if (comment !== null) {
      const text = comment[1] ?? '';
      if (/^\s*# -- /.test(line)) description = text;
      else if (description !== undefined) description += ` ${text}`;
    } else if (key !== null) {
      const indent = key[1]?.length ?? 0;
      while ((parents.at(-1)?.indent ?? -1) >= indent) parents.pop();
      const path = [...parents.map((parent) => parent.key), key[2] ?? ''];
      // What stands within a documented map is its default, not a value of its own.
      if (description !== undefined) values.push({ path, default: at(defaults, path), description });
      else if (!values.some((value) => isWithin(path, value.path))) parents.push({ indent, key: key[2] ?? '' });
      description = undefined;
    }
  }
  return values;
}

function isWithin(path: readonly string[], parent: readonly string[]): boolean {
  return parent.length < path.length && parent.every((key, index) => path[index] === key);
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}
