/** What the Secret of the view holds, and what is to be done about it. Pure. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { JsonObject } from '../api/json-value.ts';
import { certificatesIn } from '../base/pem.ts';
import { objectIn, textIn } from '../api/json-fields.ts';
import { createAuthority, issueServer } from './issue.ts';
import type { KeyPair } from './issue.ts';

export interface Material {
  /** PEM of every authority that the API server is to trust; the first one signs. */
  readonly bundle: string;
  readonly authority: KeyPair;
  readonly serving: KeyPair;
}

export type Judgement =
  | { readonly kind: 'good'; readonly material: Material }
  /** The authority stands; its certificate for the server is missing, wrong, or old. */
  | { readonly kind: 'reissue'; readonly authority: KeyPair; readonly bundle: string }
  /** The authority is missing, wrong, or old; those in `bundle` are trusted for a while yet. */
  | { readonly kind: 'renew'; readonly bundle: string };

const DAY_MS = 86_400_000;
const AUTHORITY_MS = 3650 * DAY_MS;
const SERVING_MS = 90 * DAY_MS;
/** Everybody has a serving certificate of the new authority long before the old one ends. */
const RENEW_AUTHORITY_MS = 365 * DAY_MS;
const REISSUE_MS = 30 * DAY_MS;

export function judge(secret: JsonObject | undefined, names: readonly string[], now: number): Judgement {
  const bundle = keptCertificates(partOf(secret, 'ca.crt') ?? '', now);
  const authority = pairOf(readableIn(bundle)[0], partOf(secret, 'ca.key'));
  if (authority === undefined || endsWithin(authority, RENEW_AUTHORITY_MS, now)) return { kind: 'renew', bundle };
  const serving = pairOf(partOf(secret, 'tls.crt'), partOf(secret, 'tls.key'));
  if (serving === undefined || endsWithin(serving, REISSUE_MS, now) || !isFor(serving, authority, names))
    return { kind: 'reissue', authority, bundle };
  return { kind: 'good', material: { bundle, authority, serving } };
}

/** With a new authority before those of `bundle`. */
export function renew(bundle: string, names: readonly string[], now: number): Material {
  const authority = createAuthority(`mir-view-ca-${new Date(now).toISOString().slice(0, 10)}`, now, AUTHORITY_MS);
  return reissue(authority, `${authority.certPem}${bundle}`, names, now);
}

export function reissue(authority: KeyPair, bundle: string, names: readonly string[], now: number): Material {
  return { authority, bundle, serving: issueServer(authority, names, now, SERVING_MS) };
}

/** The data of the Secret. */
export function secretData({ bundle, authority, serving }: Material): Readonly<Record<string, string>> {
  const parts = {
    'ca.crt': bundle,
    'ca.key': authority.keyPem,
    'tls.crt': serving.certPem,
    'tls.key': serving.keyPem,
  };
  return Object.fromEntries(Object.entries(parts).map(([name, pem]) => [name, Buffer.from(pem).toString('base64')]));
}

/** Whether everything in `bundle` is trusted by `trusted` (more may be: a rotation that is under way). */
export function includesAll(trusted: string, bundle: string): boolean {
  const known = new Set(readableIn(trusted).map(fingerprint));
  return readableIn(bundle).every((pem) => known.has(fingerprint(pem)));
}

/** Every certificate of both, once each, without those that have ended. */
export function united(one: string, other: string, now: number): string {
  const byFingerprint = new Map(readableIn(one + other).map((pem) => [fingerprint(pem), pem]));
  return keptCertificates([...byFingerprint.values()].join(''), now);
}

/** The certificates of a PEM text that can be read, each as PEM. */
function readableIn(pem: string): string[] {
  return certificatesIn(pem)
    .filter((one) => parsed(one) !== undefined)
    .map((one) => `${one}\n`);
}

/** Those that have not ended. */
function keptCertificates(pem: string, now: number): string {
  return readableIn(pem)
    .filter((one) => (parsed(one)?.validToDate.getTime() ?? 0) > now)
    .join('');
}

function fingerprint(pem: string): string {
  return parsed(pem)?.fingerprint256 ?? '';
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** A certificate and its key; undefined when they do not belong together. */
function pairOf(certPem: string | undefined, keyPem: string | undefined): KeyPair | undefined {
  const certificate = certPem === undefined ? undefined : parsed(certPem);
  if (certPem === undefined || keyPem === undefined || certificate === undefined) return undefined;
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem)) ? { certPem, keyPem } : undefined;
  } catch {
    return undefined;
  }
}

function endsWithin({ certPem }: KeyPair, ms: number, now: number): boolean {
  return (parsed(certPem)?.validToDate.getTime() ?? 0) - now < ms;
}

function isFor(serving: KeyPair, authority: KeyPair, names: readonly string[]): boolean {
  const [certificate, issuer] = [parsed(serving.certPem), parsed(authority.certPem)];
  if (certificate === undefined || issuer === undefined || !certificate.verify(issuer.publicKey)) return false;
  return names.every((name) => certificate.checkHost(name) !== undefined);
}

function partOf(secret: JsonObject | undefined, name: string): string | undefined {
  const text = textIn(objectIn(secret, 'data'), name);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}
