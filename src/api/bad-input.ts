interface BadInputFacts {
  readonly says: string;
  readonly remedy: string;
}

/** Why something that arrived over MQTT was not taken; label `reason` of `mir_bad_input_total`, reason of a Warning event. */
export const BAD_INPUT = {
  EmptyPayload: {
    says: 'the payload is empty',
    remedy: 'send the envelope; an empty retained payload takes the topic out of the store',
  },
  InvalidJson: { says: 'the payload is no JSON', remedy: 'send JSON, or protobuf with `version` as its first field' },
  InvalidUtf8: { says: 'a text is not UTF-8', remedy: 'encode texts as UTF-8' },
  InvalidEnvelope: {
    says: 'a field of the envelope is missing or wrong',
    remedy: 'see the protocol; the field is in the message',
  },
  InvalidProtobuf: {
    says: 'an envelope or a value cannot be decoded',
    remedy: 'encode it by the schema that the device announced',
  },
  UnsupportedVersion: {
    says: 'the envelope has a version that this operator does not know',
    remedy: 'upgrade the operator',
  },
  UnsupportedEncoding: {
    says: 'the value is protobuf, and no schema of the device is known',
    remedy: 'announce a schema in the birth',
  },
  InvalidValue: {
    says: "the value does not fit the device's schema",
    remedy: 'correct the firmware; the path is in the message',
  },
  UnknownMessage: {
    says: "the value is protobuf, and its message is not in the device's schema",
    remedy: 'announce the schema that has it',
  },
  InvalidSchema: {
    says: 'the schema that the device sent cannot be used',
    remedy: 'correct the `.proto` files; what is wrong is in the message',
  },
  SchemaMismatch: {
    says: 'the schema is not the one that the device announced',
    remedy: 'announce the SHA-256 of the bytes that are sent',
  },
  UnaskedSchema: {
    says: 'the schema was sent without having been asked for',
    remedy: 'send it when `get` says `schema`',
  },
  TooManySchemas: {
    says: 'a limit of schemas is reached',
    remedy: 'delete schemas that nobody uses, or raise `maxSchemas`',
  },
  TooLarge: {
    says: 'the payload or the value is larger than `maxDocumentBytes`',
    remedy: 'let the device send less in one message, or raise the limit',
  },
  TooDeep: {
    says: 'objects or lists are nested deeper than `maxNesting`',
    remedy: 'send flatter values, or raise the limit',
  },
  ForbiddenName: { says: 'a key such as `__proto__`', remedy: 'rename the field' },
  InvalidMessageName: {
    says: 'the topic names no protobuf message',
    remedy: 'report at `…/reported/<package>.<Message>`',
  },
  InvalidTopic: {
    says: 'a topic below the prefix that the protocol does not have',
    remedy: 'see the protocol for the topics',
  },
  UnknownDevice: {
    says: 'no object has this device id',
    remedy: 'create the twin, or let the operator do it (`provisionNamespace`)',
  },
  DeviceDisabled: { says: 'the device is disabled', remedy: 'revoke its credentials at the broker, or enable it' },
  TooManyMessages: {
    says: 'the device reports more messages than `maxMessagesPerDevice`',
    remedy: 'report fewer, or raise the limit',
  },
  TooManyReports: {
    says: 'more than `maxReportsPerSecond`; of the rest only the newest of each message is read',
    remedy: 'report less often',
  },
  TooManyStates: {
    says: 'more births and farewells than one device may say in a second',
    remedy: 'look for two clients that take each other’s place',
  },
  ForeignUid: {
    says: 'the report answers a document of another object',
    remedy: 'none: it passes with the next report',
  },
  BadRevision: {
    says: 'a revision that was never issued',
    remedy: "check the device's store; it should repeat the revision that it was given",
  },
  DuplicateSession: { says: 'two clients speak for one device', remedy: 'give each device an id of its own' },
} as const satisfies Readonly<Record<string, BadInputFacts>>;
export type BadInputReason = keyof typeof BAD_INPUT;
