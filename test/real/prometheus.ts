/** A real Prometheus that scrapes operators every second or two. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../world/eventually.ts';
import { freePort } from './ports.ts';
import { startSubprocess } from './subprocess.ts';

export interface Prometheus {
  readonly url: string;
  /** Scrapes these from now on, and what was scraped before no more. */
  scrape(targets: readonly ScrapeTarget[]): void;
  /** The vector that `expression` gives now; rejects with what Prometheus says of a wrong one. */
  query(expression: string): Promise<readonly Sample[]>;
  /** The series that `expression` gives between two times in seconds since 1970. */
  queryRange(expression: string, range: QueryRange): Promise<readonly Series[]>;
  /** What its rules come to now: alerts that are pending or firing. */
  alerts(): Promise<readonly Alert[]>;
  close(): Promise<void>;
}

export interface ScrapeTarget {
  /** `http://host:port` of an operator. */
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

export interface QueryRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** Starts `binary` with its files in `directory`; `rules` is the text of a rules file. It scrapes every `everySeconds`. */
export async function startPrometheus(
  binary: string,
  directory: string,
  rules: string,
  everySeconds = 1,
): Promise<Prometheus> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const targets = join(directory, 'targets.json');
  const scrape = (wanted: readonly ScrapeTarget[]): void => {
    const groups = wanted.map(({ url: target, labels }) => ({ targets: [new URL(target).host], labels }));
    // Never half of a file: Prometheus reads it whenever it changes.
    writeFileSync(`${targets}.new`, JSON.stringify(groups));
    renameSync(`${targets}.new`, targets);
  };
  scrape([]);
  writeFileSync(join(directory, 'rules.yaml'), rules);
  writeFileSync(join(directory, 'prometheus.yaml'), configuration(everySeconds));
  const process = await startSubprocess(
    binary,
    [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { logFile: join(directory, 'prometheus.log'), cwd: directory },
  );
  const isReady = async (): Promise<void> => {
    const { status } = await fetch(`${url}/-/ready`);
    if (status !== 200) throw new Error(`/-/ready answers ${status}`);
  };
  await eventually('Prometheus is ready', isReady, { signal: process.gone });
  return {
    url,
    scrape,
    query: async (expression) => (await ask<{ result: Sample[] }>(url, 'query', { query: expression })).result,
    queryRange: async (expression, { start, end, step }) => {
      const query = { query: expression, start: String(start), end: String(end), step: String(step) };
      return (await ask<{ result: Series[] }>(url, 'query_range', query)).result;
    },
    alerts: async () => (await ask<{ alerts: Alert[] }>(url, 'alerts', {})).alerts,
    close: async () => {
      await process.stop();
    },
  };
}

const configuration = (everySeconds: number): string => `
global: {scrape_interval: ${everySeconds}s, scrape_timeout: ${everySeconds}s, evaluation_interval: ${everySeconds}s}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: mir-operator
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
`;

interface Answer<T> {
  readonly status: string;
  readonly data: T;
  readonly error?: string;
}

async function ask<T>(url: string, path: string, query: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
  const { status, data, error } = (await response.json()) as Answer<T>;
  if (status !== 'success') throw new Error(`Prometheus: ${error ?? response.status}: ${query['query'] ?? path}`);
  return data;
}
