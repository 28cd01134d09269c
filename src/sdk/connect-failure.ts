import { brokerFailure, certificateNames } from '../base/broker-failure.ts';
import type { BrokerFailure } from '../base/broker-failure.ts';
import { publicUrl } from '../base/broker-url.ts';

/** Turns what ended a connection, or an attempt to connect, into words for whoever runs the device: what is wrong and what to do. */
export function describeConnectFailure(cause: unknown, url: string): string {
  const failure = brokerFailure(cause);
  if (failure === 'Closed') return 'connection lost';
  const broker = `broker ${publicUrl(url)}`;
  if (failure === 'Other') return `${broker} failed: ${wordsOf(cause)}`;
  if (failure !== 'CertificateForOtherHost') return `${broker} ${REMEDIES[failure]}`;
  const names = certificateNames(cause);
  return `${broker} has a certificate for another host${names === undefined ? '' : ` (${names})`}; check broker.url, or give the broker a certificate with the name in it`;
}

function wordsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `reason ${JSON.stringify(cause)}`;
  return cause.message === '' ? String(cause) : cause.message;
}

const REMEDIES: Readonly<Record<Exclude<BrokerFailure, 'Other' | 'CertificateForOtherHost' | 'Closed'>, string>> = {
  ConnectionRefused: 'cannot be reached: connection refused; check broker.url and that the broker is running',
  HostUnknown: 'cannot be reached: unknown host; check broker.url and DNS',
  NoRoute: 'cannot be reached: no route; check broker.url and the network',
  NoAnswer: 'does not answer; check broker.url, the network and the broker',
  ConnectionCut: 'cut the connection; if it never lasts, check broker.url, and the log of the broker',
  NoTls: 'does not speak TLS on this port; check scheme and port of broker.url',
  CertificateNotTrusted: 'has a certificate that is not trusted; check broker.tls.ca',
  CertificateExpired: 'has a certificate that has expired; renew it there, or set the clock of this device',
  CertificateNotYetValid: 'has a certificate that is not valid yet; set the clock of this device',
  ClientCertificateMissing: 'wants a client certificate; give broker.tls.cert and broker.tls.key',
  ClientCertificateExpired: 'refused the client certificate: it has expired; renew broker.tls.cert and broker.tls.key',
  ClientCertificateRevoked:
    'refused the client certificate: it is revoked; give another broker.tls.cert and broker.tls.key',
  ClientCertificateNotTrusted:
    'refused the client certificate: its authority is not trusted there; check broker.tls.cert, or what the broker trusts',
  ClientCertificateRefused: 'refused the client certificate; check broker.tls.cert and broker.tls.key',
  CredentialsUnusable: 'cannot be connected to with these certificates; check broker.tls',
  BadCredentials: 'refused this device: bad user name or password; check broker.username and broker.password',
  NotAuthorised:
    'refused this device: not authorised; check broker.username, broker.password and the access rules of the broker',
  ProtocolVersion: 'does not speak this MQTT version; set broker.protocolVersion to 4',
  ClientIdRefused: 'refused the client id; check broker.clientId',
  TakenOver: 'let another client take over the client id; stop one of them',
  Unavailable: 'is not available',
  ShuttingDown: 'is shutting down',
  Banned: 'has banned this device; see its log',
  CutOffByAdministrator: 'cut this device off at the word of an administrator; see its log',
  KeepAliveTimeout: 'heard nothing from this device for too long; check the network',
  TooMuchInFlight: 'received more at once than it allows; see its receive maximum',
  PacketTooLarge: 'received a packet over its size limit; raise it there, or report less',
  QuotaExceeded: 'refused this device: quota exceeded; raise it there',
  OtherServer: 'wants another server to be used; change broker.url',
};
