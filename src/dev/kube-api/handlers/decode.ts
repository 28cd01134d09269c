/** From a request's body to an object of the resource's type. */
import { badRequest, invalid } from '../errors.ts';
import type { Json } from '../crd/index.ts';
import { isObject, jsonKind, textAt } from '../kube-object.ts';
import type { KubeObject, ObjectMeta } from '../kube-object.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';

type Check = (value: Json) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isInteger(value);
const isTextMap: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isTextList: Check = (value) => Array.isArray(value) && value.every(isText);
const isObjectList: Check = (value) => Array.isArray(value) && value.every(isObject);

const META_FIELDS: Readonly<Record<keyof ObjectMeta, readonly [Check, string]>> = {
  name: [isText, 'string'],
  generateName: [isText, 'string'],
  namespace: [isText, 'string'],
  uid: [isText, 'types.UID'],
  resourceVersion: [isText, 'string'],
  generation: [isNumber, 'int64'],
  creationTimestamp: [isText, 'v1.Time'],
  deletionTimestamp: [isText, 'v1.Time'],
  deletionGracePeriodSeconds: [isNumber, 'int64'],
  labels: [isTextMap, 'map[string]string'],
  annotations: [isTextMap, 'map[string]string'],
  finalizers: [isTextList, '[]string'],
  ownerReferences: [isObjectList, '[]v1.OwnerReference'],
};

/** Throws 400 when `value` is no object of this type; missing apiVersion and kind are refused like wrong ones. */
export function decodeObject(value: Json, type: ResourceType): KubeObject {
  if (!isObject(value)) throw badRequest('the body of the request is not an object');
  const { apiVersion, kind } = value;
  if (typeof kind !== 'string' || kind === '') {
    const shown = preview(value);
    const prefix = type.isCustom ? `the object provided is unrecognized (must be of type ${type.kind}): ` : '';
    throw badRequest(`${prefix}Object 'Kind' is missing in '${shown}'${type.isCustom ? ` (${shown})` : ''}`);
  }
  if ((typeof apiVersion !== 'string' || apiVersion === '') && !type.isCustom) {
    throw badRequest(`Object 'apiVersion' is missing in '${preview(value)}'`);
  }
  const expected = apiVersionOf(type);
  if (typeof apiVersion !== 'string' || apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${textAt(value, 'apiVersion')}) does not match the expected API version (${expected})`,
    );
  }
  if (kind !== type.kind) {
    if (!type.isCustom) {
      throw badRequest(`${kind} in version "${type.version}" cannot be handled as a ${type.kind}: the kinds differ`);
    }
    const message = `Invalid value: ${JSON.stringify(kind)}: must be ${type.kind}`;
    throw invalid(kind, type.group, textAt(value, 'metadata.name'), [
      { type: 'FieldValueInvalid', field: 'kind', message },
    ]);
  }
  return { ...value, apiVersion, kind, metadata: decodeMeta(value['metadata'] ?? {}, type) };
}

/** Nulls mean absent: clients in Go send `creationTimestamp: null`. */
function decodeMeta(value: Json, { kind, version }: ResourceType): ObjectMeta {
  const refuse = (why: string) => badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  if (!isObject(value)) throw refuse('metadata is not an object');
  const meta = Object.fromEntries(Object.entries(value).filter(([, held]) => held !== null));
  for (const [field, [isWell, goType]] of Object.entries(META_FIELDS)) {
    const held = meta[field];
    if (held !== undefined && !isWell(held)) {
      const [culprit, type] = misfit(held, goType);
      throw refuse(
        `json: cannot unmarshal ${jsonKind(culprit)} into Go struct field ObjectMeta.${field} of type ${type}`,
      );
    }
  }
  return meta;
}

/** What does not fit, and the Go type it should have: of maps and lists of texts, the first member that is none. */
function misfit(held: Json, goType: string): [Json, string] {
  const isTexts = goType === 'map[string]string' ? isObject(held) : goType === '[]string' && Array.isArray(held);
  const member = isTexts ? Object.values(held as object).find((one) => typeof one !== 'string') : undefined;
  return member === undefined ? [held, goType] : [member as Json, 'string'];
}

function preview(value: Json): string {
  return JSON.stringify(value).slice(0, 200);
}
