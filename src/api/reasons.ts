/**
 * Every reason the operator gives, in one place. A reason is CamelCase and stable: it is a condition's reason, an event's
 * reason and a metric's label. Retired reasons are never reused.
 */

/** Why a condition or a sync record stands as it does. */
export const REASONS = [
  // Ready, Synced
  'Published', // every desired message stands retained at the broker
  'NoDesired', // the object desires nothing
  'InSync',
  'Pending',
  'Unanswered', // the device is online and has said nothing of a change for a minute
  'Acknowledged',
  'Drifted',
  'AppliedDifferently', // the device applied the current revision and reports another value
  'Rejected',
  'Invalid',
  'TooLarge', // the document exceeds the configured limit
  'TooLargeForDevice', // the document exceeds the device's announced maxBytes
  'TooManyMessages',
  'RevisionsExhausted', // no revision is left that the device would take
  'NotPublished', // not yet at the broker
  'NotRetained', // the broker acknowledged the document and does not hold it
  'BrokerUnavailable',
  'BrokerRefused', // the broker answered the publish with an error code
  // Online
  'Birth',
  'Heartbeat',
  'Report', // a live message of a device that has never sent a birth
  'Retained', // believed from the retained state after a start or reconnect
  'Goodbye',
  'LastWill',
  'Silence', // three heartbeat intervals without a message
  'Asleep',
  'NeverSeen',
  'Flapping', // it comes and goes too often to tell each time
  'Disabled',
  // Truncated
  'TwinTooLarge', // the object has no room for all that the device reports
  'StatusRefused', // the API server does not take the status as a whole
  // Stalled
  'DuplicateDeviceId',
  'ReservedDeviceId', // the id is a name of the operator at the broker
  'DeviceIdTooLong', // no topic of the device is within the configured limit
  'ForeignOwner',
  // SchemaValid, and Valid of a schema
  'Valid',
  'NoSchema',
  'SchemaPending', // announced, and not here yet
  'SchemaUnavailable', // announced, and the device does not send it
  'SchemaInvalid', // it cannot be used
  'HashMismatch', // a schema's name is not the hash of its content
] as const;
export type Reason = (typeof REASONS)[number];

/** Why something that arrived over MQTT was not taken; label `reason` of `mir_bad_input_total`, reason of a Warning event. */
export const BAD_INPUT_REASONS = [
  'EmptyPayload',
  'InvalidJson',
  'InvalidUtf8',
  'InvalidEnvelope',
  'InvalidProtobuf', // envelope or value
  'UnsupportedVersion',
  'UnsupportedEncoding',
  'InvalidValue', // does not fit the device's schema
  'UnknownMessage', // in protobuf, and not in the device's schema
  'InvalidSchema',
  'SchemaMismatch', // not the schema that the device announced
  'UnaskedSchema', // sent without having been asked for
  'TooManySchemas',
  'TooLarge',
  'TooDeep',
  'ForbiddenName', // __proto__ and its kin
  'InvalidMessageName',
  'InvalidTopic',
  'UnknownDevice',
  'DeviceDisabled',
  'TooManyMessages',
  'TooManyReports', // over the configured reports per second
  'TooManyStates', // births and farewells over what one device may say in a second
  'ForeignUid',
  'BadRevision',
  'DuplicateSession',
] as const;
export type BadInputReason = (typeof BAD_INPUT_REASONS)[number];
