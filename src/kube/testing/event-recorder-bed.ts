import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { KubeClient, Query } from '../client.ts';
import { ApiError } from '../errors.ts';
import { EventRecorder } from '../event-recorder.ts';
import type { ObjectReference } from '../event-recorder.ts';

interface Call {
  readonly method: 'create' | 'patch';
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly query: Query | undefined;
}

export const object = (name = 'a'): ObjectReference => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  namespace: 'ns',
  name,
  uid: `uid-${name}`,
});

const START = Date.UTC(2026, 0, 1);
export const refusal = (status: number, reason: string, retryAfterMs?: number): ApiError =>
  new ApiError(status, { code: status, reason, message: reason }, retryAfterMs);

export class Bed {
  readonly clock = new FakeClock(START);
  readonly calls: Call[] = [];
  /** What the next calls come to; those that no script names go well. `hang` waits for `release`. */
  readonly script: (Error | 'hang')[] = [];
  readonly sent: string[] = [];
  dropped = 0;
  release: () => void = () => undefined;
  readonly recorder: EventRecorder;

  constructor(perSecond = 100) {
    this.recorder = new EventRecorder({
      client: this.#client(),
      clock: this.clock,
      log: silentLogger,
      component: 'mir-operator',
      instance: 'pod-1',
      perSecond,
      onSent: (reason) => void this.sent.push(reason),
      onDropped: () => void (this.dropped += 1),
    });
  }

  /** Events that were created of objects whose name begins so. */
  recorded(prefix: string): number {
    return this.calls.filter((call) => nameOf(call)?.startsWith(prefix) === true).length;
  }

  say(message: string, name = 'a'): void {
    this.recorder.record(object(name), 'Normal', 'Online', message);
  }

  #client(): KubeClient {
    const refuse = (): never => {
      throw new Error('the recorder only creates and patches');
    };
    const answer = async <T>(call: Call): Promise<T> => {
      this.calls.push(call);
      const result = this.script.shift();
      if (result === 'hang') await new Promise<void>((resolve) => (this.release = resolve));
      else if (result !== undefined) throw result;
      return {} as T;
    };
    return {
      create: (path, body, query) => answer({ method: 'create', path, body: body as Call['body'], query }),
      patch: (path, _type, body, query) => answer({ method: 'patch', path, body: body as Call['body'], query }),
      get: refuse,
      listMetadata: refuse,
      replace: refuse,
      delete: refuse,
      watch: refuse,
      fenced: refuse,
      close: refuse,
    };
  }
}

export const nameOf = (call: Call | undefined): string | undefined =>
  (call?.body['metadata'] as { name: string } | undefined)?.name;
