/** core/v1 Events: what `kubectl describe` and `kubectl get events` show. */
import { humanDuration } from '../../crd/human-duration.ts';
import type { FieldError, Json, Table } from '../../crd/index.ts';
import type { Schema } from '../../crd/types.ts';
import { textAt, valueAt } from '../../kube-object.ts';
import type { KubeObject } from '../../kube-object.ts';
import { builtInType, integer, object, text, time } from './built-in-type.ts';

const reference = (description: string): Schema =>
  object(description, {
    apiVersion: text('API version of the referent.'),
    kind: text('Kind of the referent.'),
    namespace: text('Namespace of the referent.'),
    name: text('Name of the referent.'),
    uid: text('UID of the referent.'),
    resourceVersion: text('The resourceVersion that is meant.'),
    fieldPath: text('The part of the object that is meant.'),
  });

const INVOLVED = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

export const eventType = builtInType({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  isNamespaced: true,
  description:
    'Event is a report of an event somewhere in the cluster. Events are removed an hour after they last happened.',
  properties: {
    involvedObject: reference('The object that this event is about.'),
    reason: text('Why, in one CamelCase word.'),
    message: text('Why, for people.'),
    type: text('Normal or Warning.'),
    source: object('The component that reports the event.', {
      component: text('Name of the component.'),
      host: text('Node on which it happened.'),
    }),
    firstTimestamp: time('When it first happened.'),
    lastTimestamp: time('When it last happened.'),
    count: integer('How often it happened.'),
    eventTime: time('When it was first observed.'),
    series: object('A series of like events.', {
      count: integer('How often it happened until lastObservedTime.'),
      lastObservedTime: time('When it was last observed.'),
    }),
    action: text('What was done or failed.'),
    related: reference('A second object that takes part.'),
    reportingComponent: text('Name of the controller that reports the event.'),
    reportingInstance: text('Id of the instance that reports the event.'),
  },
  selectable: {
    ...Object.fromEntries(INVOLVED.map((field) => [`involvedObject.${field}`, `involvedObject.${field}`])),
    reason: 'reason',
    reportingComponent: 'reportingComponent',
    source: 'source.component',
    type: 'type',
  },
  table: eventTable(),
  hooks: { validate: checkNamespace },
});

/** When an event last happened, in milliseconds since the epoch; undefined when it does not say. */
export function lastSeen(event: Json): number | undefined {
  const paths = ['series.lastObservedTime', 'lastTimestamp', 'eventTime', 'metadata.creationTimestamp'];
  return paths.map((path) => Date.parse(textAt(event, path))).find((at) => !Number.isNaN(at));
}

function checkNamespace(event: KubeObject): FieldError[] {
  const involved = textAt(event, 'involvedObject.namespace');
  const own = event.metadata.namespace ?? '';
  // What has no namespace is reported in `default`.
  if (involved === own || (involved === '' && own === 'default')) return [];
  const message = `Invalid value: ${JSON.stringify(involved)}: does not match event.namespace`;
  return [{ type: 'FieldValueInvalid', field: 'involvedObject.namespace', message }];
}

function eventTable(): Table {
  const columns: readonly (readonly [string, number, (event: Json, now: number) => Json])[] = [
    ['Last Seen', 0, (event, now) => since(lastSeen(event), now)],
    ['Type', 0, (event) => valueAt(event, 'type') ?? ''],
    ['Reason', 0, (event) => valueAt(event, 'reason') ?? ''],
    ['Object', 0, objectOf],
    ['Subobject', 1, (event) => valueAt(event, 'involvedObject.fieldPath') ?? ''],
    ['Source', 1, sourceOf],
    ['Message', 0, (event) => textAt(event, 'message').trim()],
    ['First Seen', 1, (event, now) => since(firstSeen(event), now)],
    ['Count', 1, (event) => valueAt(event, 'series.count') ?? valueAt(event, 'count') ?? 1],
    ['Name', 1, (event) => valueAt(event, 'metadata.name') ?? ''],
  ];
  return {
    columnDefinitions: columns.map(([name, priority]) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority,
    })),
    row: (event, now) => columns.map(([, , cell]) => cell(event, now)),
  };
}

function firstSeen(event: Json): number | undefined {
  const paths = ['firstTimestamp', 'eventTime', 'metadata.creationTimestamp'];
  return paths.map((path) => Date.parse(textAt(event, path))).find((at) => !Number.isNaN(at));
}

function since(at: number | undefined, now: number): string {
  return at === undefined ? '<unknown>' : humanDuration(now - at);
}

function objectOf(event: Json): string {
  const kind = textAt(event, 'involvedObject.kind').toLowerCase();
  return `${kind}/${textAt(event, 'involvedObject.name')}`;
}

function sourceOf(event: Json): string {
  const component = textAt(event, 'source.component') || textAt(event, 'reportingComponent');
  const host = textAt(event, 'source.host') || textAt(event, 'reportingInstance');
  return host === '' ? component : `${component}, ${host}`;
}
