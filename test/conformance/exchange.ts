/** One request as the conformance cases write it, and what is compared of its answer. */
import { open, request } from '../world/http.ts';

export interface Step {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `{ns}` is the case's own namespace, `{rv}` the resourceVersion that `remember` kept, `{continue}` the last page's token. */
  readonly path: string;
  readonly body?: unknown;
  /** `merge`, `json`, `apply`, `strategic` for patches, or a whole media type. */
  readonly type?: string;
  readonly accept?: string;
  /** Keeps the answer's `metadata.resourceVersion` as `{rv}`. */
  readonly remember?: boolean;
  /** For a watch: collects this many events, then hangs up. */
  readonly events?: number;
  /** Part of the preparation: its answer is not compared. */
  readonly isPreparation?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly warnings: unknown;
  readonly body: unknown;
}

const PATCH_TYPES: Readonly<Record<string, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
  strategic: 'application/strategic-merge-patch+json',
};

/** Sends the steps in order to one API server; resolves with the normalised answers of those that are compared. */
export async function exchange(kubeconfig: string, namespace: string, steps: readonly Step[]): Promise<Answer[]> {
  const variables = new Map([['ns', namespace]]);
  const answers: Answer[] = [];
  for (const step of steps) {
    const { status, headers, json, text } = await send(kubeconfig, fill(step, variables));
    const metadata = metadataOf(json);
    if (step.remember === true) variables.set('rv', metadata['resourceVersion'] ?? '');
    if (metadata['continue'] !== undefined) variables.set('continue', encodeURIComponent(metadata['continue']));
    if (step.isPreparation === true) {
      if (status >= 300) throw new Error(`preparation ${step.method} ${step.path} answered ${status}: ${text}`);
    } else {
      answers.push({ status, warnings: headers['warning'], body: normalise(json ?? text, namespace) });
    }
  }
  return answers;
}

type Received = Pick<Awaited<ReturnType<typeof request>>, 'status' | 'headers' | 'json' | 'text'>;

function send(kubeconfig: string, step: Step): Promise<Received> {
  const headers = {
    ...(step.type === undefined ? {} : { 'content-type': PATCH_TYPES[step.type] ?? step.type }),
    ...(step.accept === undefined ? {} : { accept: step.accept }),
  };
  const options = { headers, ...(step.body === undefined ? {} : { body: step.body }) };
  if (step.events !== undefined) return watch(kubeconfig, step.path, step.events);
  return request(kubeconfig, step.method, step.path, options);
}

/** Collects events until there are enough, or until the server ends the watch. */
async function watch(kubeconfig: string, path: string, count: number): Promise<Received> {
  const response = await open(kubeconfig, 'GET', path);
  const events: unknown[] = [];
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.map((line) => JSON.parse(line) as unknown));
    if (events.length >= count) break;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, json: events, text: rest };
}

function fill(step: Step, variables: ReadonlyMap<string, string>): Step {
  const replaced = (text: string): string =>
    text.replaceAll(/\{(ns|rv|continue)\}/g, (whole, name: string) => variables.get(name) ?? whole);
  return {
    ...step,
    path: replaced(step.path),
    ...(step.body === undefined
      ? {}
      : {
          body: typeof step.body === 'string' ? replaced(step.body) : JSON.parse(replaced(JSON.stringify(step.body))),
        }),
  };
}

function metadataOf(body: unknown): Record<string, string | undefined> {
  const metadata = (body as { metadata?: Record<string, string> } | undefined)?.metadata;
  return metadata ?? {};
}

/** What differs from run to run. managedFields, which the embedded API openly leaves out, are dropped too. */
const DIFFERENT_EACH_TIME = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'continue']);

function normalise(value: unknown, namespace: string): unknown {
  if (typeof value === 'string') {
    // Digits in messages about versions, and ages in tables, are of the moment.
    return value
      .replaceAll(namespace, '{ns}')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '{uid}')
      .replaceAll(/resource version: \d+( \(\d+\))?/g, 'resource version: {rv}')
      .replaceAll(/\b\d+m?s\b/g, '{age}');
  }
  if (Array.isArray(value)) return value.map((each) => normalise(each, namespace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'managedFields')
      .map(([key, each]) =>
        DIFFERENT_EACH_TIME.has(key) && each !== '' ? [key, `{${key}}`] : [key, normalise(each, namespace)],
      ),
  );
}
