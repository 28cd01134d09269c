/** Why there is no connection to a broker: one word a cause, for remedies and as a label of metrics; none is ever used for another cause. */
export type BrokerFailure =
  | 'ConnectionRefused'
  | 'HostUnknown'
  | 'NoRoute'
  | 'NoAnswer'
  | 'ConnectionCut'
  | 'Closed'
  | 'NoTls'
  | 'CertificateNotTrusted'
  | 'CertificateExpired'
  | 'CertificateNotYetValid'
  | 'CertificateForOtherHost'
  | 'ClientCertificateMissing'
  | 'ClientCertificateExpired'
  | 'ClientCertificateRevoked'
  | 'ClientCertificateNotTrusted'
  | 'ClientCertificateRefused'
  | 'CredentialsUnusable'
  | 'BadCredentials'
  | 'NotAuthorised'
  | 'ProtocolVersion'
  | 'ClientIdRefused'
  | 'TakenOver'
  | 'Unavailable'
  | 'ShuttingDown'
  | 'Banned'
  | 'CutOffByAdministrator'
  | 'KeepAliveTimeout'
  | 'TooMuchInFlight'
  | 'PacketTooLarge'
  | 'QuotaExceeded'
  | 'OtherServer'
  | 'Other';

/** What is known of the cause: an error of Node, OpenSSL or MQTT.js, `{code}` with a reason code of MQTT, or undefined when there was no word. */
export function brokerFailure(cause: unknown): BrokerFailure {
  if (cause === undefined) return 'Closed';
  const code = failureCode(cause);
  if (code === undefined) return 'Other';
  return (typeof code === 'number' ? REASON_CODES.get(code) : systemFailure(code)) ?? 'Other';
}

/** The code of an error, or the reason code of a packet. */
export function failureCode(cause: unknown): number | string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'number' || typeof cause.code === 'string' ? cause.code : undefined;
}

/** Names for which a certificate was issued that is for another host, or undefined. */
export function certificateNames(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('cert' in cause)) return undefined;
  const { cert } = cause;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return undefined;
  return typeof cert.subjectaltname === 'string' ? cert.subjectaltname.slice(0, MAX_NAMES_LENGTH) : undefined;
}

/** A certificate may have hundreds of names: what fits a line of a log. */
const MAX_NAMES_LENGTH = 200;

/** CONNACK and DISCONNECT reason codes of MQTT 5, and the return codes 1…5 of MQTT 3.1.1. */
const REASON_CODES: ReadonlyMap<number, BrokerFailure> = new Map([
  [1, 'ProtocolVersion'],
  [2, 'ClientIdRefused'],
  [3, 'Unavailable'],
  [4, 'BadCredentials'],
  [5, 'NotAuthorised'],
  [0x84, 'ProtocolVersion'],
  [0x85, 'ClientIdRefused'],
  [0x86, 'BadCredentials'],
  [0x87, 'NotAuthorised'],
  [0x88, 'Unavailable'],
  [0x89, 'Unavailable'],
  [0x8a, 'Banned'],
  [0x8b, 'ShuttingDown'],
  [0x8d, 'KeepAliveTimeout'],
  [0x8e, 'TakenOver'],
  [0x93, 'TooMuchInFlight'],
  [0x95, 'PacketTooLarge'],
  [0x97, 'QuotaExceeded'],
  [0x98, 'CutOffByAdministrator'],
  [0x9c, 'OtherServer'],
  [0x9d, 'OtherServer'],
]);

function systemFailure(code: string): BrokerFailure | undefined {
  const known = SYSTEM_CODES.get(code);
  if (known !== undefined) return known;
  // OpenSSL has many words for files that it cannot read or that do not belong together, and for alerts of the other side.
  if (code.startsWith('ERR_OSSL_')) return 'CredentialsUnusable';
  const alert = /_ALERT_(UNKNOWN_CA|\w*CERTIFICATE\w*)$/.exec(code)?.[1];
  return alert === undefined ? undefined : (ALERTS.get(alert) ?? 'ClientCertificateRefused');
}

const ALERTS: ReadonlyMap<string, BrokerFailure> = new Map([
  ['CERTIFICATE_REQUIRED', 'ClientCertificateMissing'],
  ['CERTIFICATE_EXPIRED', 'ClientCertificateExpired'],
  ['CERTIFICATE_REVOKED', 'ClientCertificateRevoked'],
  ['UNKNOWN_CA', 'ClientCertificateNotTrusted'],
]);

const SYSTEM_CODES: ReadonlyMap<string, BrokerFailure> = new Map([
  ['ECONNREFUSED', 'ConnectionRefused'],
  ['ENOTFOUND', 'HostUnknown'],
  ['EAI_AGAIN', 'HostUnknown'],
  ['ETIMEDOUT', 'NoAnswer'],
  ['EHOSTUNREACH', 'NoRoute'],
  ['ENETUNREACH', 'NoRoute'],
  ['ECONNRESET', 'ConnectionCut'],
  ['EPIPE', 'ConnectionCut'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'NoTls'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'CertificateNotTrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'CertificateNotTrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CertificateNotTrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'CertificateNotTrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CertificateNotTrusted'],
  ['CERT_SIGNATURE_FAILURE', 'CertificateNotTrusted'],
  ['CERT_HAS_EXPIRED', 'CertificateExpired'],
  ['CERT_NOT_YET_VALID', 'CertificateNotYetValid'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'CertificateForOtherHost'],
]);
