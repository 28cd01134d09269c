/** Who asks: the API server has authenticated and authorised the caller, and says so in headers that only its certificate makes true. */
import type { IncomingMessage } from 'node:http';
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
  /** In lower case, as all of these, and in the order in which they are asked. */
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  /** What the header of a further attribute begins with; the rest of its name is the attribute's. */
  readonly extraPrefixes: readonly string[];
}

/** A caller as authorizers want to know him. */
export interface Subject {
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export interface Caller {
  readonly user: string;
  /** Read from the headers only where it is asked for. */
  readonly subject: () => Subject;
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
  const headersIn = (field: string, standard: readonly string[]): readonly string[] => {
    const names = listIn(data, `requestheader-${field}`).map((name) => name.toLowerCase());
    return names.length === 0 ? standard : names;
  };
  return {
    clientCa,
    allowedNames: listIn(data, 'requestheader-allowed-names'),
    usernameHeaders: headersIn('username-headers', ['x-remote-user']),
    // An API server that does not name it lets clients send it.
    uidHeaders: headersIn('uid-headers', []),
    groupHeaders: headersIn('group-headers', ['x-remote-group']),
    extraPrefixes: headersIn('extra-headers-prefix', ['x-remote-extra-']),
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

/** Throws 401 unless the front proxy asks. */
export function authenticate(request: IncomingMessage, proxy: FrontProxy): Caller {
  const socket = request.socket as TLSSocket;
  const before = judged.get(socket);
  if (before?.proxy !== proxy)
    judged.set(socket, { proxy, isFrontProxy: isFrontProxy(socket, proxy, before !== undefined) });
  if (judged.get(socket)?.isFrontProxy !== true) throw unauthorized();
  for (const header of proxy.usernameHeaders) {
    const sent = request.headers[header];
    if (typeof sent !== 'string' || sent === '') continue;
    const user = textOf(sent);
    return { user, subject: () => subjectOf(user, request.rawHeaders, proxy) };
  }
  throw unauthorized();
}

/** Node reads headers as Latin-1, and names are UTF-8. */
const textOf = (value: string): string => Buffer.from(value, 'latin1').toString('utf8');

function subjectOf(user: string, rawHeaders: readonly string[], proxy: FrontProxy): Subject {
  const sent = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [{ name: name.toLowerCase(), value: textOf(rawHeaders[at + 1] ?? '') }] : [],
  );
  const valuesOf = (headers: readonly string[]): string[] =>
    headers.flatMap((header) => sent.filter(({ name }) => name === header).map(({ value }) => value));
  const [uid] = valuesOf(proxy.uidHeaders).filter((value) => value !== '');
  const extra = proxy.extraPrefixes.flatMap((prefix) =>
    sent
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name, value }) => ({ key: unescaped(name.slice(prefix.length)), value })),
  );
  return {
    user,
    ...(uid !== undefined && { uid }),
    groups: valuesOf(proxy.groupHeaders),
    extra: Object.fromEntries(
      [...Map.groupBy(extra, ({ key }) => key)].map(([key, entries]) => [key, entries.map(({ value }) => value)]),
    ),
  };
}

/** API servers escape what no name of a header may hold. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
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
