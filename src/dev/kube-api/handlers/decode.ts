/** From a request's body to an object of the resource's type. */
import { badRequest, invalid, StatusError } from '../errors.ts';
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
  managedFields: [isObjectList, '[]v1.ManagedFieldsEntry'],
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

/** 400; of a patch an API server says the same in another form. */
export class UnfitMetadataError extends StatusError {
  readonly why: string;

  constructor(kind: string, version: string, why: string) {
    super(400, 'BadRequest', `${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
    this.why = why;
  }
}

/** Nulls mean absent: clients in Go send `creationTimestamp: null`. */
function decodeMeta(value: Json, { kind, version }: ResourceType): ObjectMeta {
  const refuse = (why: string) => new UnfitMetadataError(kind, version, why);
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

/** What does not fit, and the Go type it should have: of maps of texts and of lists, the first member that does not. */
function misfit(held: Json, goType: string): [Json, string] {
  const isMembers = goType === 'map[string]string' ? isObject(held) : goType.startsWith('[]') && Array.isArray(held);
  if (!isMembers) return [held, goType];
  const type = goType === 'map[string]string' ? 'string' : goType.slice('[]'.length);
  const fits = type === 'string' ? isText : isObject;
  const member = Object.values(held as object).find((one) => !fits(one as Json));
  return member === undefined ? [held, goType] : [member as Json, type];
}

function preview(value: Json): string {
  return JSON.stringify(value).slice(0, 200);
}
