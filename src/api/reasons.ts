/**
 * Every reason that the operator gives, with what there is to know of it. A reason is CamelCase and stable: it is a condition's reason,
 * an event's reason and a metric's label. docs/reference/reasons.md is made of these tables.
 */

import type { BadInputReason } from './bad-input.ts';

export interface ConditionFacts {
  /** What it means when it is True. */
  readonly says: string;
  /** It is present only while it is True, and that is bad. */
  readonly isProblem?: true;
  /** Of the object that a schema is; all others are of devices. */
  readonly ofSchema?: true;
}

/** Every condition, in the order in which people are shown them. */
export const CONDITIONS = {
  Ready: {
    says: 'every desired message is valid, stands at the broker and was not rejected; an offline device does not hold it back',
  },
  Synced: { says: 'the device reports every desired message as desired' },
  Online: { says: 'the device is connected, or sleeps as announced' },
  SchemaValid: { says: "the device's schema can be used, and what is desired fits it; absent while it has none" },
  Truncated: { isProblem: true, says: 'reported values are left out, because the object has no room for them' },
  Reconciling: { isProblem: true, says: 'not `Ready`, and the operator works on it' },
  Stalled: { isProblem: true, says: 'not `Ready`, and a person must act' },
  Valid: { ofSchema: true, says: 'the schema can be used' },
} as const satisfies Readonly<Record<string, ConditionFacts>>;
export type ConditionType = keyof typeof CONDITIONS;

export const CONDITION_TYPES = Object.keys(CONDITIONS) as readonly ConditionType[];

export function factsOfCondition(type: ConditionType): ConditionFacts {
  return CONDITIONS[type];
}

/** Where a reason is given; `sync`: of one message. `Stalled` and `Reconciling` have the reason of a `Ready` that is False. */
type Place = Exclude<ConditionType, 'Reconciling' | 'Stalled'> | 'sync';

export interface ReasonFacts {
  readonly on: readonly Place[];
  /** What it means, for people; also the message of a condition that has nothing more exact to say. */
  readonly says: string;
  /** What a person can do; absent: nothing is wrong, or it passes by itself. */
  readonly remedy?: string;
  /** Not ready, and nothing but a change of a person ends it: Stalled, not Reconciling (decisions 0007 and 0073). */
  readonly stalls?: true;
  /** Type of the event that tells it; absent: no event does. */
  readonly event?: 'Normal' | 'Warning';
  /** A condition with this reason has no message: it is the rule, and every byte costs the API server with every write (decision 0037). */
  readonly isTerse?: true;
  /** What waits to be published is Invalid because of it. */
  readonly isInvalid?: true;
}

/** Why a condition or the sync record of a message stands as it does. */
export const REASONS = {
  Published: { on: ['Ready'], isTerse: true, says: 'every desired message stands at the broker' },
  NoDesired: { on: ['Ready', 'Synced'], isTerse: true, says: 'nothing is desired' },
  InSync: { on: ['Synced', 'sync'], isTerse: true, event: 'Normal', says: 'desired and reported agree' },
  Pending: { on: ['Synced', 'sync'], says: 'waiting for the device' },
  Unanswered: {
    on: ['sync'],
    says: 'the device is online and has not answered a change for a minute',
    remedy:
      'check that the device subscribes to its desired topic, reads the encoding it announced, reports the revision, and that its handler ends',
  },
  Acknowledged: { on: ['Synced', 'sync'], says: 'the device has it and has not applied it yet' },
  Drifted: {
    on: ['Synced', 'sync'],
    event: 'Warning',
    says: 'was in sync; the device now reports another value',
    remedy: 'decide which value is right: desire the other one, or find out what changed it at the device',
  },
  AppliedDifferently: {
    on: ['sync'],
    says: 'the device applied this revision and reports another value',
    remedy: "check what the device's handler makes of the value",
  },
  Rejected: {
    on: ['Ready', 'Synced', 'sync'],
    stalls: true,
    event: 'Warning',
    says: 'the device rejected it',
    remedy: 'desire a value that the device takes; its own reason is in the message',
  },
  Invalid: {
    on: ['Ready', 'Synced', 'SchemaValid', 'sync'],
    stalls: true,
    event: 'Warning',
    isInvalid: true,
    says: "does not fit the device's schema, or cannot be the same at both ends; not sent",
    remedy: 'correct the desired message; the path to the wrong field is in the message',
  },
  TooLarge: {
    on: ['Ready', 'Synced', 'sync'],
    stalls: true,
    event: 'Warning',
    isInvalid: true,
    says: 'the document is larger than the operator or the broker allows',
    remedy: 'desire less, or raise `maxDocumentBytes` and the limit of the broker',
  },
  TooLargeForDevice: {
    on: ['Ready', 'Synced', 'sync'],
    stalls: true,
    event: 'Warning',
    isInvalid: true,
    says: 'the document is larger than the device can take (`maxBytes` in its birth)',
    remedy: 'desire less of this device',
  },
  TooManyMessages: {
    on: ['Ready', 'Synced', 'sync'],
    stalls: true,
    event: 'Warning',
    isInvalid: true,
    says: 'more messages are desired than one device may have',
    remedy: 'desire fewer messages, or raise `maxMessagesPerDevice`',
  },
  RevisionsExhausted: {
    on: ['Ready', 'Synced'],
    stalls: true,
    event: 'Warning',
    says: 'no revision is left for this object that its device would take',
    remedy: 'delete the object and create it again: its revisions begin anew then',
  },
  NotRetained: {
    on: ['Ready', 'Synced'],
    says: 'the broker acknowledged the document and does not show it; it is sent again every 30 s',
    remedy: 'check what the broker retains: its limits of retained messages, and whether it keeps any',
  },
  BrokerUnavailable: {
    on: ['Ready', 'Synced'],
    says: 'the broker cannot be reached; the change is published when it is back',
    remedy: "look at the broker and at the operator's log",
  },
  BrokerRefused: {
    on: ['Ready', 'Synced'],
    says: 'the broker answered with an error code; it is asked again every 30 s at least',
    remedy: "check the access file, the quota and the limits of the broker for the operator's user",
  },
  Birth: { on: ['Online'], isTerse: true, event: 'Normal', says: 'the device announced itself' },
  Heartbeat: { on: ['Online'], isTerse: true, event: 'Normal', says: 'the device sends heartbeats' },
  Report: {
    on: ['Online'],
    isTerse: true,
    event: 'Normal',
    says: 'the device sends reports, and has never announced itself',
  },
  Retained: {
    on: ['Online'],
    isTerse: true,
    event: 'Normal',
    says: 'the retained state says that the device is online',
  },
  Goodbye: { on: ['Online'], event: 'Normal', says: 'the device said goodbye' },
  LastWill: { on: ['Online'], event: 'Warning', says: 'the connection of the device broke' },
  Silence: {
    on: ['Online'],
    event: 'Warning',
    says: 'no heartbeat for longer than the device announced',
    remedy: "look at the device's network and power",
  },
  Asleep: { on: ['Online'], event: 'Normal', says: 'the device said that it sleeps' },
  NeverSeen: {
    on: ['Online'],
    event: 'Warning',
    says: 'the device has never been heard',
    remedy: "compare `spec.deviceId` with the device's own id, and its topic prefix with the operator's",
  },
  Flapping: {
    on: ['Online'],
    event: 'Warning',
    says: 'the device comes and goes all the time; its state is written every 10 s at most',
    remedy: 'look for a second client with the same MQTT client id, and at network and power',
  },
  Disabled: {
    on: ['Ready', 'Synced', 'Online'],
    event: 'Normal',
    says: 'spec.disabled is true: the device gets no messages and what it sends is dropped; revoke its credentials at the broker',
  },
  TwinTooLarge: {
    on: ['Truncated'],
    event: 'Warning',
    says: 'the object has no room for all that the device reports; the largest values are left out',
    remedy: 'let the device report less',
  },
  StatusRefused: {
    on: ['Truncated'],
    event: 'Warning',
    says: 'the API server takes no reports of this device; they are tried again after a minute, then less often',
    remedy: 'the message has the API server’s answer: a missing right, an admission webhook, or an older CRD',
  },
  DuplicateDeviceId: {
    on: ['Ready', 'Synced', 'Online'],
    stalls: true,
    event: 'Warning',
    says: 'the device id belongs to another object',
    remedy: 'delete one of the two, or give this device an id of its own',
  },
  ReservedDeviceId: {
    on: ['Ready', 'Synced'],
    stalls: true,
    event: 'Warning',
    says: 'the operator itself is known by this id at the broker: no device may have it',
    remedy: 'delete the object and choose another id',
  },
  DeviceIdTooLong: {
    on: ['Ready', 'Synced'],
    stalls: true,
    event: 'Warning',
    says: 'the topics of the device are longer than `maxTopicBytes`',
    remedy: 'raise the limit, or delete the object and choose a shorter id',
  },
  ForeignOwner: {
    on: ['Ready', 'Synced', 'Online'],
    stalls: true,
    event: 'Warning',
    says: 'the broker holds a document for this device of an object in another cluster or namespace',
    remedy: "delete that object, which the operator's log names, or let this operator take over (`takeOverForeign`)",
  },
  Valid: { on: ['SchemaValid', 'Valid'], isTerse: true, says: 'fits' },
  SchemaPending: {
    on: ['Ready', 'Synced', 'SchemaValid'],
    says: 'the device announced a schema that is not here yet; changes are sent when they have been checked against it',
  },
  SchemaUnavailable: {
    on: ['Ready', 'Synced', 'SchemaValid'],
    says: 'the device announced a schema and does not send it',
    remedy: 'register the schema as an object, or let the device send it when it is asked',
  },
  SchemaInvalid: {
    on: ['Ready', 'Synced', 'SchemaValid', 'Valid'],
    stalls: true,
    event: 'Warning',
    says: 'the schema cannot be used',
    remedy: 'correct the `.proto` files; what is wrong is in the message',
  },
  HashMismatch: {
    on: ['Ready', 'Synced', 'SchemaValid', 'Valid'],
    stalls: true,
    event: 'Warning',
    says: 'the name of the schema object is not the hash of its content',
    remedy: 'delete the schema object; `npm run schema` makes one with the right name',
  },
} as const satisfies Readonly<Record<string, ReasonFacts>>;
export type Reason = keyof typeof REASONS;

/** Given by former releases. They are never given again with another meaning. */
export const RETIRED_REASONS = ['NoSchema', 'NotPublished'] as const;

export function factsOf(reason: Reason): ReasonFacts {
  return REASONS[reason];
}

export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/** Says how a device is, and nothing of its object. Anything else may have been written into a status by somebody else. */
export function isPresenceReason(text: string): text is Reason {
  return isReason(text) && factsOf(text).on.every((place) => place === 'Online');
}

/** A reason with what it means and what to do about it, as one sentence. */
export function problemOf(reason: Reason): { readonly reason: Reason; readonly message: string } {
  const { says, remedy } = factsOf(reason);
  return { reason, message: remedy === undefined ? says : `${says}; ${remedy}` };
}

/** Reasons of events that are about no condition's reason. */
export const EVENT_REASONS = {
  Online: { type: 'Normal', says: 'the device came' },
  Offline: { type: 'Warning', says: 'the device went; Normal where it said goodbye or is disabled' },
  Synced: { type: 'Normal', says: 'every desired message is in sync' },
  Provisioned: { type: 'Normal', says: 'the object was created because its device announced itself' },
} as const satisfies Readonly<Record<string, { readonly type: 'Normal' | 'Warning'; readonly says: string }>>;

export type EventReason = Reason | BadInputReason | keyof typeof EVENT_REASONS;
