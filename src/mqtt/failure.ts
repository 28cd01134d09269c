import { brokerFailure, certificateNames, failureCode } from '../base/broker-failure.ts';
import type { BrokerFailure } from '../base/broker-failure.ts';
import { BrokerError } from '../broker/broker.ts';

/** What to say about a broker: its URL without credentials, and the client id. */
export interface BrokerName {
  readonly url: string;
  readonly clientId: string;
}

/** Turns whatever ended an attempt to connect, or a connection, into a sentence that names the remedy. */
export function describeFailure(cause: unknown, name: BrokerName): string {
  if (cause instanceof BrokerError) return cause.message;
  const failure = brokerFailure(cause);
  if (failure === 'Other') return `broker ${name.url} failed: ${wordsOf(cause)}`;
  const remedy = REMEDIES[failure];
  return `broker ${name.url} ${typeof remedy === 'string' ? remedy : remedy(cause, name)}`;
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.trimEnd() : `reason ${String(failureCode(cause))}`;
}

/** The same for a connection that never came to be: what answers there may be no MQTT broker at all. */
export function describeFailedConnect(cause: unknown, name: BrokerName): string {
  const sentence = describeFailure(cause, name);
  const hasRemedy = cause instanceof BrokerError || sentence.includes(';');
  return hasRemedy ? sentence : `${sentence}; check scheme and port of --mqtt-url, and the log of the broker`;
}

/** The error for a PUBACK, SUBACK or CONNACK that refuses. */
export function refusal(what: string, code: number, name: BrokerName): BrokerError {
  const remedy = REFUSALS[code] ?? `reason code 0x${code.toString(16)}; see the broker's log`;
  return new BrokerError('refused', `broker ${name.url} refused ${what}: ${remedy}`, { code });
}

const REFUSALS: Readonly<Record<number, string>> = {
  0x80: 'unspecified error; check that its access rules (ACL) let the operator read and write the topics of its prefix',
  0x83: 'implementation specific error; see the broker’s log',
  0x87: 'not authorised; check that its access rules (ACL) let the operator read and write the topics of its prefix',
  0x8f: 'topic filter invalid; check --topic-prefix',
  0x90: 'topic name invalid; check --topic-prefix',
  0x95: 'packet too large; raise its message size limit or lower --max-document-bytes',
  0x97: 'quota exceeded; raise its quota for the operator',
  0x9a: 'retained messages not supported; enable them',
  0x9b: 'QoS 1 not supported; enable it',
  0xa2: 'wildcard subscriptions not supported; enable them',
};

type Remedy = string | ((cause: unknown, name: BrokerName) => string);

const REMEDIES: Readonly<Record<Exclude<BrokerFailure, 'Other'>, Remedy>> = {
  ConnectionRefused: 'cannot be reached: connection refused; check --mqtt-url and that the broker is running',
  HostUnknown: 'cannot be reached: unknown host; check --mqtt-url and DNS',
  NoRoute: 'cannot be reached: no route; check --mqtt-url and network policies',
  NoAnswer: 'cannot be reached: no answer in time; check --mqtt-url, network policies and the broker',
  ConnectionCut: 'cut the connection; check scheme and port of --mqtt-url, and the log of the broker',
  Closed: 'closed the connection',
  NoTls: 'does not speak TLS on this port; check scheme and port of --mqtt-url',
  CertificateNotTrusted: 'has a certificate that is not trusted; check --mqtt-ca-file',
  CertificateForOtherHost(cause) {
    const names = certificateNames(cause);
    return `has a certificate for another host${names === undefined ? '' : ` (${names})`}; check --mqtt-url, or give the broker a certificate with the name in it`;
  },
  CertificateExpired: 'has a certificate that has expired; renew it',
  CertificateNotYetValid: 'has a certificate that is not valid yet; check the clocks of both machines',
  ClientCertificateMissing: 'wants a client certificate; check --mqtt-cert-file and --mqtt-key-file',
  ClientCertificateExpired:
    'refused the client certificate: it has expired; renew it and put it into --mqtt-cert-file and --mqtt-key-file',
  ClientCertificateRevoked:
    'refused the client certificate: it is revoked; put another one into --mqtt-cert-file and --mqtt-key-file',
  ClientCertificateNotTrusted:
    'refused the client certificate: its authority is not trusted there; check --mqtt-cert-file, or the authorities that the broker trusts',
  ClientCertificateRefused: (cause) =>
    `refused the client certificate (${String(failureCode(cause))}); check --mqtt-cert-file and --mqtt-key-file`,
  CredentialsUnusable: (cause) =>
    `cannot be connected to with these certificates (${String(failureCode(cause))}); check --mqtt-ca-file, --mqtt-cert-file and --mqtt-key-file`,
  BadCredentials: 'refused the operator: bad user name or password; check --mqtt-username and --mqtt-password-file',
  NotAuthorised:
    'refused the operator: not authorised; check --mqtt-username, --mqtt-password-file and the access rules (ACL) of the broker',
  ProtocolVersion: 'does not speak this MQTT version; set --mqtt-protocol-version=4 for MQTT 3.1.1',
  Unavailable: 'is not available; it will be tried again',
  ShuttingDown: 'is shutting down; it will be tried again',
  Banned: 'has banned the operator; see its log',
  CutOffByAdministrator: 'cut the operator off at the word of an administrator; see its log',
  KeepAliveTimeout: 'heard nothing from the operator for too long; check the network, or the load on this machine',
  ClientIdRefused: (_cause, { clientId }) => `refused the client id ${clientId}; check --mqtt-client-id`,
  TakenOver: (_cause, { clientId }) =>
    `let another client take over the client id ${clientId}; check that no other installation uses it (--mqtt-client-id)`,
  TooMuchInFlight: 'received more at once than it allows; see its receive maximum',
  PacketTooLarge: 'received a packet over its size limit; raise the limit or lower --max-document-bytes',
  QuotaExceeded: 'refused the operator: quota exceeded; raise its quota for the operator',
  OtherServer: 'wants another server to be used; change --mqtt-url',
};
