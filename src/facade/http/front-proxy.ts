/** Who asks: the API server has authenticated and authorised the caller, and says so in headers that only its certificate makes true. */
import type { IncomingHttpHeaders } from 'node:http';
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { JsonObject } from '../../api/json-value.ts';
import { certificatesIn } from '../../base/pem.ts';
import { isList, objectIn, textIn } from '../../api/json-fields.ts';
import { unauthorized } from '../../api/status-error.ts';

/** What `extension-apiserver-authentication` in kube-system says of the front proxy. */
export interface FrontProxy {
  /** PEM of the authorities that sign its client certificate. */
  readonly clientCa: string;
  /** Common names that it may have; none: any. */
  readonly allowedNames: readonly string[];
  /** In lower case, in the order in which they are asked. */
  readonly usernameHeaders: readonly string[];
}

export const FRONT_PROXY_CONFIG = {
  namespace: 'kube-system',
  name: 'extension-apiserver-authentication',
} as const;

/** Throws an Error that names the remedy when the ConfigMap does not say it. */
export function readFrontProxy(configMap: JsonObject): FrontProxy {
  const data = objectIn(configMap, 'data');
  const clientCa = textIn(data, 'requestheader-client-ca-file') ?? '';
  if (!clientCa.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(
      'the API server has no front proxy: start kube-apiserver with --requestheader-client-ca-file and --proxy-client-cert-file',
    );
  const usernameHeaders = listIn(data, 'requestheader-username-headers').map((name) => name.toLowerCase());
  return {
    clientCa,
    allowedNames: listIn(data, 'requestheader-allowed-names'),
    usernameHeaders: usernameHeaders.length === 0 ? ['x-remote-user'] : usernameHeaders,
  };
}

function listIn(data: JsonObject | undefined, field: string): string[] {
  const text = textIn(data, field);
  if (text === undefined || text === '') return [];
  const list: unknown = JSON.parse(text);
  if (!isList(list)) throw new Error(`${field} of ConfigMap ${FRONT_PROXY_CONFIG.name} is no list: ${text}`);
  return list.filter((name) => typeof name === 'string');
}

/** What is known of a connection: by which words of the ConfigMap its certificate was judged, and how. */
interface Judged {
  readonly proxy: FrontProxy;
  readonly isFrontProxy: boolean;
}

const judged = new WeakMap<TLSSocket, Judged>();

/** The user; throws 401 unless the front proxy asks. */
export function authenticate(socket: TLSSocket, headers: IncomingHttpHeaders, proxy: FrontProxy): string {
  const before = judged.get(socket);
  if (before?.proxy !== proxy)
    judged.set(socket, { proxy, isFrontProxy: isFrontProxy(socket, proxy, before !== undefined) });
  if (judged.get(socket)?.isFrontProxy !== true) throw unauthorized();
  for (const header of proxy.usernameHeaders) {
    const user = headers[header];
    // Node reads headers as Latin-1, and user names are UTF-8.
    if (typeof user === 'string' && user !== '') return Buffer.from(user, 'latin1').toString('utf8');
  }
  throw unauthorized();
}

/** `isOld`: the handshake was made when the ConfigMap said something else. */
function isFrontProxy(socket: TLSSocket, { clientCa, allowedNames }: FrontProxy, isOld: boolean): boolean {
  // True only for a certificate that an authority of its time signed, and that is in its own.
  if (!socket.authorized) return false;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || (isOld && !isSignedBy(certificate, clientCa))) return false;
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  return name !== undefined && (allowedNames.length === 0 || allowedNames.includes(name));
}

function isSignedBy(certificate: X509Certificate, authorities: string): boolean {
  return certificatesIn(authorities)
    .map((pem) => new X509Certificate(pem))
    .some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}
