/** Requests about resources: which handler, and in what form its answer goes out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerReview, findReview } from '../discovery/reviews.ts';
import { methodNotAllowed, notFound, notImplemented } from '../errors.ts';
import type { Answer, Api, Call } from '../handlers/call.ts';
import { create } from '../handlers/create.ts';
import { deleteCollection, deleteOne } from '../handlers/delete.ts';
import { get, list } from '../handlers/list.ts';
import { patch } from '../handlers/patch.ts';
import { update } from '../handlers/update.ts';
import { watch } from '../handlers/watch.ts';
import { presenterFor } from '../present/presenter.ts';
import type { Presenter } from '../present/presenter.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import { isSet } from '../../../kube/query-flag.ts';
import { parseBody, readBody } from './body.ts';
import { negotiate } from './negotiation.ts';
import type { Form } from './negotiation.ts';
import { formatted, jsonReply, textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { ResourcePath } from './resource-path.ts';
import { sendWatch } from './watch-stream.ts';

export interface ResourceRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: ResourcePath;
  readonly query: URLSearchParams;
  readonly warnings: string[];
  /** Aborts when the client goes or the server closes. */
  readonly signal: AbortSignal;
}

type Handler = (call: Call) => Answer;

const ON_OBJECT: Readonly<Record<string, Handler>> = { GET: get, PUT: update, PATCH: patch, DELETE: deleteOne };
const ON_COLLECTION: Readonly<Record<string, Handler>> = { GET: list, POST: create, DELETE: deleteCollection };
const ON_SUBRESOURCE: Readonly<Record<string, Handler>> = { GET: get, PUT: update, PATCH: patch };

/** Undefined when the answer was a watch, which has been sent. */
export async function handleResource(
  api: Api,
  bookmarkIntervalMs: number,
  asked: ResourceRequest,
): Promise<Reply | undefined> {
  const { request, path, query, signal } = asked;
  const form = negotiate(request.headers.accept);
  const review = findReview(path.group, path.version, path.resource);
  if (review !== undefined) {
    if (request.method !== 'POST') throw methodNotAllowed();
    return jsonReply(201, answerReview(review, parseBody(await readBody(request))));
  }
  const type = api.registry.find(path.group, path.version, path.resource);
  if (type === undefined || (path.namespace !== undefined && !type.isNamespaced)) {
    return textReply(404, '404 page not found\n');
  }
  // Across namespaces one can only look: custom resources are not even found there.
  const isLook = request.method === 'GET' && path.name === undefined;
  if (type.isCustom && type.isNamespaced && path.namespace === undefined && !isLook) {
    return textReply(404, '404 page not found\n');
  }
  const { namespace, name, subresource } = path;
  const call: Call = {
    api,
    type,
    namespace,
    name,
    subresource,
    query,
    body: await readBody(request),
    userAgent: request.headers['user-agent'] ?? '',
    warnings: asked.warnings,
  };
  const now = (): number => api.now();
  const includeObject = query.get('includeObject') ?? '';
  const presenter = presenterFor({ type, shape: form.shape, includeObject, now });
  if (request.method === 'GET' && isSet(query, 'watch') && subresource === undefined) {
    const items = watch(call, { bookmarkIntervalMs, signal });
    await sendWatch(asked.response, { items, presenter, type }, signal);
    return undefined;
  }
  return present(handlerFor(request.method ?? '', call)(call), presenter, form);
}

function handlerFor(method: string, call: Call): Handler {
  const { type, namespace, name, subresource } = call;
  if (subresource !== undefined) return subresourceHandler(method, type, name ?? '', subresource);
  const handlers = name === undefined ? ON_COLLECTION : ON_OBJECT;
  const handler = handlers[method === 'HEAD' ? 'GET' : method];
  if (handler === undefined) throw methodNotAllowed();
  if (type.isNamespaced && namespace === undefined && handler !== list) throw methodNotAllowed();
  return handler;
}

function subresourceHandler(method: string, type: ResourceType, name: string, subresource: string): Handler {
  const isServed = subresource === 'status' ? type.hasStatus : subresource === 'finalize' && type.id === 'namespaces';
  if (!isServed) {
    if (isMissing(type, subresource)) throw notImplemented(`the subresource ${subresource}`);
    throw notFound(type, name);
  }
  const handler = ON_SUBRESOURCE[method];
  if (handler === undefined) throw methodNotAllowed();
  return handler;
}

/** What a real API server would serve. */
function isMissing({ isCustom, crd, version }: ResourceType, subresource: string): boolean {
  if (!isCustom) return ['scale', 'log', 'exec', 'token', 'eviction'].includes(subresource);
  const served = crd.spec.versions.find(({ name }) => name === version);
  return subresource === 'scale' && served?.subresources?.scale !== undefined;
}

function present(answer: Answer, presenter: Presenter, form: Form): Reply {
  if ('document' in answer) return formatted(answer.code, JSON.stringify(answer.document), form);
  if ('list' in answer) return formatted(answer.code, presenter.list(answer.list.items, answer.list.meta), form);
  return formatted(answer.code, presenter.one(answer.object), form);
}
