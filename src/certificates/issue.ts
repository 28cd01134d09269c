/** Certificates for one purpose: the API server's way to the view (RFC 5280, ECDSA P-256 with SHA-256; decision 0084). */
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bits, context, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts';

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const EXTENSIONS = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** Clocks differ. */
const EARLIER_MS = 3_600_000;

/** An authority with a new key, valid from an hour ago until `validMs` after `now`. */
export function createAuthority(commonName: string, now: number, validMs: number): KeyPair {
  const { privateKey, publicKey } = newKeys();
  const body = certificateBody({
    issuer: commonName,
    subject: commonName,
    publicKey,
    now,
    validMs,
    extensions: [
      extension(EXTENSIONS.basicConstraints, sequence(yes), true),
      // keyCertSign, cRLSign
      extension(EXTENSIONS.keyUsage, bits(Buffer.of(0x06), 1), true),
      extension(EXTENSIONS.subjectKeyId, octets(keyId(publicKey))),
    ],
  });
  return { certPem: signed(body, privateKey), keyPem: pemOf(privateKey) };
}

/** A server's certificate for DNS names, with a new key. */
export function issueServer(authority: KeyPair, names: readonly string[], now: number, validMs: number): KeyPair {
  const { privateKey, publicKey } = newKeys();
  const issuer = new X509Certificate(authority.certPem);
  const body = certificateBody({
    issuer: commonNameOf(issuer),
    subject: names[0] ?? '',
    publicKey,
    now,
    validMs,
    extensions: [
      // digitalSignature
      extension(EXTENSIONS.keyUsage, bits(Buffer.of(0x80), 7), true),
      extension(EXTENSIONS.extendedKeyUsage, sequence(oid(SERVER_AUTH))),
      extension(EXTENSIONS.authorityKeyId, sequence(context(0, keyId(issuer.publicKey), 'primitive'))),
      extension(
        EXTENSIONS.subjectAltName,
        sequence(...names.map((name) => context(2, Buffer.from(name, 'ascii'), 'primitive'))),
      ),
    ],
  });
  return { certPem: signed(body, createPrivateKey(authority.keyPem)), keyPem: pemOf(privateKey) };
}

function newKeys(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

interface Body {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly now: number;
  readonly validMs: number;
  readonly extensions: readonly Buffer[];
}

/** TBSCertificate. */
function certificateBody({ issuer, subject, publicKey, now, validMs, extensions }: Body): Buffer {
  return sequence(
    context(0, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(time(now - EARLIER_MS), time(now + validMs)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions)),
  );
}

function nameOf(commonName: string): Buffer {
  // The field holds 64 characters at most; clients read the alternative names.
  return sequence(set(sequence(oid(COMMON_NAME), utf8(commonName.slice(0, 64)))));
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [yes] : []), octets(value));
}

/** Whatever tells keys apart will do (RFC 5280, 4.2.1.2). */
function keyId(publicKey: KeyObject): Buffer {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest().subarray(0, 20);
}

function signed(body: Buffer, key: KeyObject): string {
  const signature = sign('sha256', body, key);
  const der = sequence(body, ECDSA_SHA256, bits(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}
