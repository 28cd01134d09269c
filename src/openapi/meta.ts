/** The schemas of `meta.k8s.io/v1` that a CRD's OpenAPI document refers to. */

const PREFIX = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
export const OBJECT_META = 'ObjectMeta';

export function metaRef(name: string): Record<string, unknown> {
  return { $ref: `#/components/schemas/${PREFIX}${name}` };
}

const text = (description: string): object => ({ type: 'string', description });
const int64 = (description: string): object => ({ type: 'integer', format: 'int64', description });
const flag = (description: string): object => ({ type: 'boolean', description });
const time = (description: string): object => ({ description, allOf: [metaRef('Time')] });
const list = (description: string, items: object): object => ({ type: 'array', description, items });
const map = (description: string): object => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});

function object(description: string, properties: Record<string, object>, required: readonly string[] = []): object {
  return { type: 'object', description, properties, ...(required.length === 0 ? {} : { required }) };
}

const SCHEMAS: Readonly<Record<string, object>> = {
  Time: { type: 'string', format: 'date-time', description: 'A time as RFC 3339 text, in UTC.' },
  FieldsV1: { type: 'object', description: 'A set of fields, in the form that server-side apply keeps.' },
  Patch: { type: 'object', description: 'A patch; its form follows from the content type of the request.' },
  [OBJECT_META]: object('What every object says about itself.', {
    annotations: map('Values that tools attach and objects are not selected by.'),
    creationTimestamp: time('When the object was created; set by the server.'),
    deletionGracePeriodSeconds: int64('Seconds that the object is given to end; set by the server.'),
    deletionTimestamp: time('When the object will be gone, once its deletion was asked for; set by the server.'),
    finalizers: list('Names of those who must clear up before the object may go.', { type: 'string', default: '' }),
    generateName: text('Prefix of a name that the server completes, where name is not given.'),
    generation: int64(
      'Number of the desired state; it grows with every change outside metadata and status. Set by the server.',
    ),
    labels: map('Values that objects are organised and selected by.'),
    managedFields: list('Who set which fields; kept by the server.', metaRef('ManagedFieldsEntry')),
    name: text('Name of the object, unique among its kind within the namespace. It cannot be changed.'),
    namespace: text('The space that names are unique in. It cannot be changed.'),
    ownerReferences: list('Objects this one depends on; it goes when they have all gone.', metaRef('OwnerReference')),
    resourceVersion: text(
      'Changes with every write; given back on an update, it keeps changes of others from being lost.',
    ),
    selfLink: text('Not set any more.'),
    uid: text('Unique in time and space; set by the server.'),
  }),
  OwnerReference: object(
    'An object that another depends on.',
    {
      apiVersion: text('Group and version of the owner.'),
      blockOwnerDeletion: flag('Whether the owner, deleted in the foreground, waits for this object to go.'),
      controller: flag('Whether the owner is the one that manages this object.'),
      kind: text('Kind of the owner.'),
      name: text('Name of the owner.'),
      uid: text('UID of the owner.'),
    },
    ['apiVersion', 'kind', 'name', 'uid'],
  ),
  ManagedFieldsEntry: object('The fields that one manager set through one operation.', {
    apiVersion: text('Version that the fields are named in.'),
    fieldsType: text('Form of the fields; always FieldsV1.'),
    fieldsV1: { description: 'The fields.', allOf: [metaRef('FieldsV1')] },
    manager: text('Who set them.'),
    operation: text('How they were set: Apply or Update.'),
    subresource: text('Through which subresource, if any.'),
    time: time('When the set of fields last changed.'),
  }),
  ListMeta: object('What every list says about itself.', {
    continue: text('Given back, it asks for the next page; empty on the last.'),
    remainingItemCount: int64('How many more there are, as far as the server knows.'),
    resourceVersion: text('The state that the list shows; a watch can go on from it.'),
    selfLink: text('Not set any more.'),
  }),
  DeleteOptions: object('How an object is to be deleted.', {
    apiVersion: text('Always v1.'),
    dryRun: list('All: go through everything and keep nothing.', { type: 'string', default: '' }),
    gracePeriodSeconds: int64('Seconds to wait before the object is gone.'),
    kind: text('Always DeleteOptions.'),
    orphanDependents: flag('Replaced by propagationPolicy.'),
    preconditions: { description: 'What must hold for the deletion to happen.', allOf: [metaRef('Preconditions')] },
    propagationPolicy: text('What becomes of dependents: Orphan, Background or Foreground.'),
  }),
  Preconditions: object('What must hold for a deletion to happen.', {
    resourceVersion: text('The version that the object must have.'),
    uid: text('The UID that the object must have.'),
  }),
  Status: object('The outcome of a request that returns no object.', {
    apiVersion: text('Always v1.'),
    code: { type: 'integer', format: 'int32', description: 'The HTTP status code.' },
    details: { description: 'More about the reason.', allOf: [metaRef('StatusDetails')] },
    kind: text('Always Status.'),
    message: text('What happened, for people.'),
    metadata: { description: 'Standard list metadata.', allOf: [metaRef('ListMeta')] },
    reason: text('What happened, in one CamelCase word.'),
    status: text('Success or Failure.'),
  }),
  StatusDetails: object('More about the outcome of a request.', {
    causes: list('The single causes of a failure.', metaRef('StatusCause')),
    group: text('Group of the object concerned.'),
    kind: text('Kind of the object concerned.'),
    name: text('Name of the object concerned.'),
    retryAfterSeconds: { type: 'integer', format: 'int32', description: 'Seconds after which to try again.' },
    uid: text('UID of the object concerned.'),
  }),
  StatusCause: object('One cause of a failure.', {
    field: text('The field at fault.'),
    message: text('What is wrong with it, for people.'),
    reason: text('What is wrong with it, in one CamelCase word.'),
  }),
};

/** By their full names, as documents of API servers have them. */
export const META_SCHEMAS: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [`${PREFIX}${name}`, schema]),
);
