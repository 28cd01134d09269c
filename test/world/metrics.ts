/** Reads the Prometheus text format as far as tests need it. */

export interface Metrics {
  /** Sum over all series of `name` that have these labels; 0 when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Every series: `name{label="value"}` as it was written → its value. */
  readonly series: ReadonlyMap<string, number>;
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)/;

/** Parses an answer of `/metrics`; comments and lines it does not know are skipped. */
export function parseMetrics(text: string): Metrics {
  const samples: { name: string; labels: Map<string, string>; value: number }[] = [];
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const { name, labels = '', value } = SAMPLE.exec(line)?.groups ?? {};
    if (name === undefined || value === undefined) continue;
    samples.push({ name, labels: parseLabels(labels), value: Number(value) });
    series.set(labels === '' ? name : `${name}{${labels}}`, Number(value));
  }
  return {
    series,
    value: (name, labels = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels.get(label) === value))
        .reduce((sum, { value }) => sum + value, 0),
  };
}

function parseLabels(text: string): Map<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return new Map([...pairs].map(([, label = '', value = '']) => [label, value]));
}
