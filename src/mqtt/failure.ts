import { BrokerError } from './broker.ts';

/** What to say about a broker: its URL without credentials, and the client id. */
export interface BrokerName {
  readonly url: string;
  readonly clientId: string;
}

/** Turns whatever ended an attempt to connect, or a connection, into a sentence that names the remedy. */
export function describeFailure(cause: unknown, { url, clientId }: BrokerName): string {
  if (cause instanceof BrokerError) return cause.message;
  if (cause === undefined) return `broker ${url} closed the connection`;
  const code = failureCode(cause);
  const remedy = typeof code === 'number' ? reasonCodeRemedy(code, clientId) : systemRemedy(code);
  if (remedy !== undefined) return `broker ${url} ${remedy}`;
  return `broker ${url} failed: ${cause instanceof Error ? cause.message.trimEnd() : `reason ${String(code)}`}`;
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

/** CONNACK and DISCONNECT reason codes of MQTT 5, and the return codes 1…5 of MQTT 3.1.1. */
function reasonCodeRemedy(code: number, clientId: string): string | undefined {
  switch (code) {
    case 1:
    case 0x84:
      return 'does not speak this MQTT version; set --mqtt-protocol-version=4 for MQTT 3.1.1';
    case 2:
    case 0x85:
      return `refused the client id ${clientId}; check --mqtt-client-id`;
    case 3:
    case 0x88:
    case 0x89:
      return 'is not available; it will be tried again';
    case 4:
    case 0x86:
      return 'refused the operator: bad user name or password; check --mqtt-username and --mqtt-password-file';
    case 5:
    case 0x87:
      return 'refused the operator: not authorised; check --mqtt-username, --mqtt-password-file and the access rules (ACL) of the broker';
    case 0x8a:
      return 'has banned the operator; see its log';
    case 0x8b:
      return 'is shutting down; it will be tried again';
    case 0x8d:
      return 'heard nothing from the operator for too long; check the network, or the load on this machine';
    case 0x8e:
      return `let another client take over the client id ${clientId}; check that no other installation uses it (--mqtt-client-id)`;
    case 0x93:
      return 'received more at once than it allows; see its receive maximum';
    case 0x95:
      return 'received a packet over its size limit; raise the limit or lower --max-document-bytes';
    case 0x97:
      return 'refused the operator: quota exceeded; raise its quota for the operator';
    case 0x9c:
    case 0x9d:
      return 'wants another server to be used; change --mqtt-url';
    default:
      return undefined;
  }
}

function systemRemedy(code: string | undefined): string | undefined {
  const known = SYSTEM_REMEDIES.get(code);
  if (known !== undefined || code === undefined) return known;
  // OpenSSL has many words for files that it cannot read or that do not belong together, and for alerts of the other side.
  if (code.startsWith('ERR_OSSL_')) {
    return `cannot be connected to with these certificates (${code}); check --mqtt-ca-file, --mqtt-cert-file and --mqtt-key-file`;
  }
  if (/_ALERT_(UNKNOWN_CA|\w*CERTIFICATE\w*)$/.test(code)) {
    return `refused the client certificate (${code}); check --mqtt-cert-file and --mqtt-key-file`;
  }
  return undefined;
}

const SYSTEM_REMEDIES: ReadonlyMap<string | undefined, string> = new Map([
  ['ECONNREFUSED', 'cannot be reached: connection refused; check --mqtt-url and that the broker is running'],
  ['ENOTFOUND', 'cannot be reached: unknown host; check --mqtt-url and DNS'],
  ['EAI_AGAIN', 'cannot be reached: unknown host; check --mqtt-url and DNS'],
  ['ETIMEDOUT', 'cannot be reached: no answer in time; check --mqtt-url, network policies and the broker'],
  ['EHOSTUNREACH', 'cannot be reached: no route; check --mqtt-url and network policies'],
  ['ENETUNREACH', 'cannot be reached: no route; check --mqtt-url and network policies'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'has a certificate that is not trusted; check --mqtt-ca-file'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'has a certificate that is not trusted; check --mqtt-ca-file'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'has a certificate that is not trusted; check --mqtt-ca-file'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'has a certificate that is not trusted; check --mqtt-ca-file'],
  ['CERT_HAS_EXPIRED', 'has a certificate that has expired; renew it'],
  ['CERT_NOT_YET_VALID', 'has a certificate that is not valid yet; check the clocks of both machines'],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'wants a client certificate; check --mqtt-cert-file and --mqtt-key-file',
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS on this port; check scheme and port of --mqtt-url'],
  ['ECONNRESET', 'cut the connection; check scheme and port of --mqtt-url, and the log of the broker'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'has a certificate for another host; check --mqtt-url'],
]);

function failureCode(cause: unknown): number | string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'number' || typeof cause.code === 'string' ? cause.code : undefined;
}
