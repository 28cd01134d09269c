/** The metrics of the operator that leads, in the text format of Prometheus. */
import type { Cluster } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import type { KubeList } from '../../kube/client.ts';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Samples = readonly Sample[];

/** A function that reads them anew each time. Throws a CliError that names the remedy. */
export async function metricsSource(
  cluster: Cluster,
  { metricsUrl, operatorNamespace }: { readonly metricsUrl?: string; readonly operatorNamespace?: string },
  signal: AbortSignal,
): Promise<() => Promise<Samples>> {
  if (metricsUrl !== undefined) return async () => operatorMetrics(metricsUrl, await fetchText(metricsUrl, signal));
  const path = await leaderPath(cluster, operatorNamespace, signal);
  return async () => parseMetrics(await cluster.client.text(path, signal));
}

/** Another page would be shown as an operator that does nothing. */
function operatorMetrics(url: string, text: string): Samples {
  const samples = parseMetrics(text);
  if (samples.some(({ name }) => name === 'mir_devices')) return samples;
  throw new CliError(`${url} has no metrics of the operator; --metrics-url names the operator's /metrics`);
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  try {
    const answer = await fetch(url, { signal });
    if (answer.ok) return await answer.text();
    throw new CliError(`${url} answered ${answer.status}; --metrics-url names the operator's /metrics`);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${url} does not answer; --metrics-url names the operator's /metrics`);
  }
}

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: { readonly phase?: string };
}

const LABELS = 'app.kubernetes.io/name=mir-operator';
const REMEDY = 'use --metrics-url, or ask for the right to get pods and pods/proxy there';

/** Of the replicas the one that leads, through the API server's proxy. */
async function leaderPath({ client }: Cluster, namespace: string | undefined, signal: AbortSignal): Promise<string> {
  const where = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await client.get<KubeList<Pod>>(where, { labelSelector: LABELS }, signal).catch(() => {
    throw new CliError(`the operator's pods cannot be listed; ${REMEDY}`);
  });
  const paths = items.filter(({ status }) => status?.phase === 'Running').map(proxyPath);
  for (const path of paths) {
    const samples = await client.text(path, signal).then(parseMetrics, () => []);
    if (valueOf(samples, 'leader_election_master_status') === 1) return path;
  }
  throw new CliError(`none of ${items.length} pods labelled ${LABELS} answers as the leader; ${REMEDY}`);
}

function proxyPath({ metadata, spec }: Pod): string {
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  const port = (ports.find(({ name }) => name === 'http') ?? ports[0])?.containerPort ?? 8080;
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}:${port}/proxy/metrics`;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)/;

export function parseMetrics(text: string): Samples {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', held = '']) => [key, held]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
}

/** The sum of all series of a name. */
export function valueOf(samples: Samples, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** The value that a share of the observations does not exceed, from the buckets of a histogram; undefined without observations. */
export function quantileOf(samples: Samples, name: string, share: number): number | undefined {
  const counts = new Map<number, number>();
  for (const { name: own, labels, value } of samples) {
    if (own !== `${name}_bucket`) continue;
    const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  const buckets = [...counts].toSorted(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = share * total;
  let [below, before] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= wanted)
      return bound === Number.POSITIVE_INFINITY ? below : between(below, bound, (wanted - before) / (count - before));
    [below, before] = [bound, count];
  }
  return below;
}

const between = (low: number, high: number, part: number): number => low + (high - low) * part;

/** Observations between two readings, as samples. */
export function since(earlier: Samples, later: Samples): Samples {
  const before = new Map(earlier.map((one) => [JSON.stringify([one.name, one.labels]), one.value]));
  return later.map((one) => ({ ...one, value: one.value - (before.get(JSON.stringify([one.name, one.labels])) ?? 0) }));
}
