import { API_VERSION } from '../api/device.ts';
import type { JsonObject } from '../api/json-value.ts';
import { delay } from '../base/clock.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { API_SERVICE, API_SERVICES } from '../certificates/keeper.ts';
import { annotationsOf } from '../api/json-fields.ts';

/** On the APIService: the chart's policy stamps authors from now on. */
export const STAMPS_AUTHORS = 'iot.mir/stamps-authors';

const RETRY_MS = 2000;
/** API servers look every 5 s which kinds there are, each for itself. */
const LEARNING_MS = 10_000;

/**
 * Lets the chart's policy begin when API servers know the kind of devices: one that has a policy for a kind that it does not know yet
 * refuses the kind altogether, whatever the policy's failurePolicy says.
 */
export class AuthorPolicy {
  readonly #client: KubeClient;
  readonly #runtime: Runtime;
  #isBusy = false;

  constructor(client: KubeClient, runtime: Runtime) {
    this.#client = client;
    this.#runtime = runtime;
  }

  /** The APIService as it is now; undefined: there is none. */
  see(apiService: JsonObject | undefined, signal: AbortSignal): void {
    if (apiService === undefined || STAMPS_AUTHORS in annotationsOf(apiService) || this.#isBusy) return;
    this.#isBusy = true;
    void this.#begin(signal).finally(() => {
      this.#isBusy = false;
    });
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#runtime;
    while (!signal.aborted) {
      try {
        if (await this.#areDevicesKnown(signal)) {
          await delay(clock, LEARNING_MS, signal);
          if (!signal.aborted) await this.#tell(signal);
          return;
        }
      } catch (error) {
        // The APIService has gone; its successor is seen.
        if (signal.aborted || isNotFound(error)) return;
        log.warn({ err: error }, 'cannot let the policy that stamps authors begin, trying again');
      }
      await delay(clock, RETRY_MS, signal);
    }
  }

  async #areDevicesKnown(signal: AbortSignal): Promise<boolean> {
    const { paths } = await this.#client.get<{ readonly paths?: object }>('/openapi/v3', undefined, signal);
    return `apis/${API_VERSION}` in (paths ?? {});
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#runtime;
    const annotations = { [STAMPS_AUTHORS]: new Date(clock.now()).toISOString() };
    await this.#client.patch<JsonObject>(
      `${API_SERVICES}/${API_SERVICE}`,
      'application/merge-patch+json',
      { metadata: { annotations } },
      undefined,
      signal,
    );
    log.info({ apiService: API_SERVICE }, 'the policy that stamps authors may begin');
  }
}
