import { randomBytes, randomUUID } from 'node:crypto';
import { alreadyExists, badRequest, forbidden, methodNotAllowed, notFound, unclassified } from '../errors.ts';
import { parseBody } from '../http/body.ts';
import { keyOf, timestamp } from '../kube-object.ts';
import type { KubeObject, ObjectMeta } from '../kube-object.ts';
import { admit, validate } from './admit.ts';
import type { Answer, Call } from './call.ts';
import { commit } from './commit.ts';
import { decodeObject } from './decode.ts';
import { ownMetadata } from './own-metadata.ts';
import { trackerOf } from './tracking.ts';
import type { Tracker } from './tracking.ts';
import { checkOptions } from './write-options.ts';

export function create(call: Call): Answer {
  checkOptions(call, 'CreateOptions');
  const sent = decodeObject(parseBody(call.body), call.type);
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, ...metadata } = sent.metadata;
  return createObject(call, { ...sent, metadata }, trackerOf(call, undefined, sent));
}

/** Throws 405 while the type's definition is being deleted; `track` says who owns the fields of the admitted object. */
export function createObject(call: Call, sent: KubeObject, track: Tracker): Answer {
  const { api, type } = call;
  if (type.isTerminating) throw methodNotAllowed('create not allowed while custom resource definition is terminating');
  const object = admit(call, sent, 'whole');
  const managedFields = track(object);
  object.metadata = {
    ...newMetadata(call, object.metadata),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
  checkNamespace(call, object);
  type.hooks.prepareCreate?.(object, api.now());
  validate(call, object);
  const { namespace, name = '' } = object.metadata;
  if (api.store.collection(type.id).get(keyOf(namespace, name)) !== undefined) throw alreadyExists(type, name);
  return { code: 201, object: commit(call, object) };
}

function newMetadata({ api, type, namespace }: Call, sent: ObjectMeta): ObjectMeta {
  if (type.isNamespaced) checkSentNamespace(sent.namespace, namespace);
  if ((sent.resourceVersion ?? '') !== '')
    throw unclassified('resourceVersion should not be set on objects to be created');
  const { name, generateName } = sent;
  const generated = generateName === undefined ? undefined : generateName.slice(0, 58) + randomSuffix();
  const chosen = name === undefined || name === '' ? generated : name;
  return {
    ...(chosen === undefined ? {} : { name: chosen }),
    ...(generateName === undefined ? {} : { generateName }),
    ...(namespace === undefined ? {} : { namespace }),
    uid: randomUUID(),
    ...(type.hasGeneration ? { generation: 1 } : {}),
    creationTimestamp: timestamp(api.now()),
    ...ownMetadata(sent),
  };
}

/** Throws 400 unless the object's namespace is absent or the request's. */
export function checkSentNamespace(sent: string | undefined, namespace: string | undefined): void {
  if ((sent ?? '') === '' || sent === namespace) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function checkNamespace({ api, type, namespace }: Call, { metadata }: KubeObject): void {
  if (!type.isNamespaced) return;
  const name = namespace ?? '';
  const found = api.store.get('namespaces', name);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces' }, name);
  if (found.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${name} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${name} is being terminated`,
    field: 'metadata.namespace',
  };
  throw forbidden(type, metadata.name ?? '', why, [cause]);
}

/** Five characters that make no words, from Kubernetes' own alphabet. */
function randomSuffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('');
}
