/** One request as the conformance cases write it, and what is compared of its answer. */
import { createHash } from 'node:crypto';
import { open, request } from '../world/http.ts';
import { normalise } from './normalise.ts';

export interface Step {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /**
   * `{ns}` is the case's own namespace, `{hash}` 63 hex digits of its own, `{rv}` and `{uid}` what `remember` kept, `{future}` a
   * resourceVersion far beyond `{rv}`, `{continue}` the last page's token. Bodies may hold them too.
   */
  readonly path: string;
  readonly body?: unknown;
  /** `merge`, `json`, `apply`, `strategic` for patches, or a whole media type. */
  readonly type?: string;
  readonly accept?: string;
  /** Keeps the answer's `metadata.resourceVersion` and `metadata.uid`. */
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
  const hash = createHash('sha256').update(namespace).digest('hex').slice(1);
  const variables = new Map([
    ['ns', namespace],
    ['hash', hash],
  ]);
  const answers: Answer[] = [];
  for (const step of steps) {
    const { status, headers, json, text } = await send(kubeconfig, fill(step, variables));
    const metadata = metadataOf(json);
    if (step.remember === true) remember(metadata, variables);
    if (metadata['continue'] !== undefined) variables.set('continue', encodeURIComponent(metadata['continue']));
    if (step.isPreparation === true) {
      if (status >= 300) throw new Error(`preparation ${step.method} ${step.path} answered ${status}: ${text}`);
    } else {
      answers.push({ status, warnings: headers['warning'], body: normalise(json ?? text, { namespace, hash }) });
    }
  }
  return answers;
}

function remember({ resourceVersion = '', uid = '' }: Metadata, variables: Map<string, string>): void {
  variables.set('rv', resourceVersion);
  variables.set('future', String(Number(resourceVersion) + 1_000_000));
  variables.set('uid', uid);
}

type Received = Pick<Awaited<ReturnType<typeof request>>, 'status' | 'headers' | 'json' | 'text'>;

function send(kubeconfig: string, step: Step): Promise<Received> {
  const headers = {
    ...(step.type === undefined ? {} : { 'content-type': PATCH_TYPES[step.type] ?? step.type }),
    ...(step.accept === undefined ? {} : { accept: step.accept }),
  };
  const options = { headers, ...(step.body === undefined ? {} : { body: step.body }) };
  if (step.events !== undefined) return watch(kubeconfig, step.path, step.events, headers);
  return request(kubeconfig, step.method, step.path, options);
}

/** Collects events until there are enough, or until the server ends the watch. */
async function watch(
  kubeconfig: string,
  path: string,
  count: number,
  headers: Readonly<Record<string, string>>,
): Promise<Received> {
  const response = await open(kubeconfig, 'GET', path, { headers });
  const events: unknown[] = [];
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.map((line) => JSON.parse(line) as unknown));
    if (events.length >= count) break;
  }
  // An error may come without a line break.
  if (rest !== '') events.push(JSON.parse(rest));
  return { status: response.statusCode ?? 0, headers: response.headers, json: events, text: '' };
}

function fill(step: Step, variables: ReadonlyMap<string, string>): Step {
  const replaced = (text: string): string =>
    text.replaceAll(/\{(ns|hash|rv|future|uid|continue)\}/g, (whole, name: string) => variables.get(name) ?? whole);
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

type Metadata = Readonly<Partial<Record<string, string>>>;

function metadataOf(body: unknown): Metadata {
  return (body as { metadata?: Metadata } | undefined)?.metadata ?? {};
}
