/** What a caller may do, where the API server has not asked for it before it forwarded the request (decision 0087). */
import { isJsonObject } from '../../api/exact-json.ts';
import { MIR_API_VERSION, MIR_GROUP } from '../../mir-shape/mir-shape.ts';
import type { Transport } from '../../kube/transport.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Caller } from './front-proxy.ts';
import type { Target } from './target.ts';
import { objectIn, textIn } from '../../api/json-fields.ts';
import { forward, readAnswer } from './upstream.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

export interface CreateRequest {
  readonly caller: Caller;
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** Rejects with 403 unless the caller may create the device, and with another error where that cannot be found out. */
export async function requireCreate(transport: Transport, { caller, target, signal }: CreateRequest): Promise<void> {
  const [namespace, name] = [target.namespace, target.name].map((step) => decodeURIComponent(step ?? ''));
  const [, version] = MIR_API_VERSION.split('/');
  const resourceAttributes = { verb: 'create', group: MIR_GROUP, version, resource: 'devices', namespace, name };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { ...caller.subject(), resourceAttributes },
  };
  const answer = await forward(transport, {
    method: 'POST',
    path: REVIEWS,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const review = await readAnswer(answer);
  const status = objectIn(isJsonObject(review) ? review : undefined, 'status');
  if (status?.['allowed'] === true && status['denied'] !== true) return;
  const why = textIn(status, 'reason') || textIn(status, 'evaluationError');
  const what = `User ${JSON.stringify(caller.user)} cannot create resource "devices" in API group "${MIR_GROUP}" in the namespace ${JSON.stringify(namespace ?? '')}`;
  throw forbidden(name ?? '', why === undefined || why === '' ? what : `${what}: ${why}`);
}
