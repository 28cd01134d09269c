import type { JsonObject } from '../api/json-value.ts';
import { delay } from '../base/clock.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient, KubeList } from './client.ts';

/** Which object: the path of its collection, and its name. */
export interface ObjectAddress {
  readonly collection: string;
  readonly name: string;
}

const WATCH_SECONDS = 300;
/** A watch that its server does not end may have lost its connection without a word. */
const LOST_AFTER_MS = (WATCH_SECONDS + 30) * 1000;
const RETRY_MS = { least: 1000, most: 10_000 };

/** One object as it is now (undefined: there is none) and after each change, until `signal` aborts. What fails is tried again. */
export async function* observe(
  client: KubeClient,
  { collection, name }: ObjectAddress,
  { clock, log, random }: Runtime,
  signal: AbortSignal,
): AsyncGenerator<JsonObject | undefined, void, undefined> {
  const fieldSelector = `metadata.name=${name}`;
  let waitMs = RETRY_MS.least;
  while (!signal.aborted) {
    try {
      const list = await client.get<KubeList<JsonObject>>(collection, { fieldSelector }, signal);
      waitMs = RETRY_MS.least;
      yield list.items[0];
      const { resourceVersion } = list.metadata;
      const query = { fieldSelector, resourceVersion, timeoutSeconds: WATCH_SECONDS };
      const ended = AbortSignal.any([signal, AbortSignal.timeout(LOST_AFTER_MS)]);
      for await (const event of client.watch<JsonObject>(collection, query, ended)) {
        if (event.type === 'ERROR') break;
        if (event.type !== 'BOOKMARK') yield event.type === 'DELETED' ? undefined : event.object;
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, object: `${collection}/${name}` }, 'cannot watch an object, trying again');
      await delay(clock, waitMs * (0.5 + 0.5 * random()), signal);
      waitMs = Math.min(RETRY_MS.most, waitMs * 2);
    }
  }
}
