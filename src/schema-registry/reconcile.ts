import { withTransitionTimes } from '../api/conditions.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import type { ConditionVerdict } from '../api/conditions.ts';
import type { JsonObject } from '../api/device.ts';
import { SCHEMAS_PATH, schemaHash } from '../api/schema.ts';
import type { SchemaObject, SchemaStatus } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Runtime } from '../base/runtime.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import { desirableMessages } from '../document/check-desired.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { diffMergePatch } from '../api/merge-patch.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import type { Found, SchemaLibrary } from './library.ts';

export interface SchemaReconcilerDeps {
  readonly schemas: Lister<SchemaObject>;
  readonly library: SchemaLibrary;
  readonly client: KubeClient;
  readonly runtime: Runtime;
}

/** Writes what is in a schema into its object's status, for people: packages, messages, whether it can be used. Keyed by name. */
export class SchemaReconciler {
  readonly #deps: SchemaReconcilerDeps;

  constructor(deps: SchemaReconcilerDeps) {
    this.#deps = deps;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Outcome> {
    const { schemas, library, client, runtime } = this.#deps;
    const { clock } = runtime;
    const object = schemas.get(name);
    if (object === undefined) return DONE;
    const found = library.find(schemaHash(name));
    if (found.kind === 'missing') return DONE;
    const status = describeSchema(object, found, new Date(clock.now()).toISOString());
    const patch = diffMergePatch(toJson(object.status), toJson(status));
    if (patch === undefined) return DONE;
    const body = { metadata: { uid: object.metadata.uid }, status: patch };
    const query = { fieldManager: OPERATOR_NAME };
    const startedAt = clock.monotonic();
    try {
      await client.patch(`${SCHEMAS_PATH}/${name}/status`, 'application/merge-patch+json', body, query, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return { kind: 'done', answerMs: clock.monotonic() - startedAt };
  }
}

type Read = Exclude<Found, { kind: 'missing' }>;

function describeSchema(object: SchemaObject, found: Read, now: string): SchemaStatus {
  const { generation } = object.metadata;
  const verdict = judge(found);
  return {
    observedGeneration: generation,
    ...(found.kind === 'loaded' && contentsOf(found.schema)),
    conditions: withTransitionTimes(object.status?.conditions ?? [], [verdict], now),
  };
}

function judge(found: Read): ConditionVerdict {
  if (found.kind === 'loaded')
    return { type: 'Valid', status: 'True', reason: 'Valid', message: 'devices that announce it are typed' };
  return { type: 'Valid', status: 'False', reason: found.reason, message: found.message };
}

function contentsOf(schema: DeviceSchema): Partial<SchemaStatus> {
  return {
    packageNames: schema.packageNames,
    messageCount: schema.messages.length,
    configuration: desirableMessages(schema),
    messages: schema.messages.map(({ name, kind, tags }) => ({
      name,
      kind,
      ...(Object.keys(tags).length > 0 && { tags }),
    })),
  };
}

/** The status has only JSON in it; interfaces lack the index signature that says so. */
function toJson(status: SchemaStatus | undefined): JsonObject {
  return (status ?? {}) as unknown as JsonObject;
}
