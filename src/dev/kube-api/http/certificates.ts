/** A certificate authority that lives as long as one process, and the server certificate it issues. */
// x509 finds its parts through it.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

export interface ServerIdentity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** What the server shows to API servers behind it; signed by the same authority. */
  readonly frontProxy: { readonly certPem: string; readonly keyPem: string };
}

export const FRONT_PROXY_NAME = 'front-proxy-client';

/** For 127.0.0.1, ::1 and localhost; valid for a year from `now`. */
export async function createServerIdentity(now: number): Promise<ServerIdentity> {
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + YEAR_MS) };
  const caKeys = await generateKeys();
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=mir-embedded-ca',
      keys: caKeys,
      signingAlgorithm: ALGORITHM,
      ...validity,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  const issue = async (commonName: string, extensions: Extension[]): Promise<ServerIdentity['frontProxy']> => {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create(
      {
        subject: `CN=${commonName}`,
        issuer: ca.subject,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity,
        extensions,
      },
      webcrypto,
    );
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { certPem: certificate.toString('pem'), keyPem: PemConverter.encode(key, 'PRIVATE KEY') };
  };
  return {
    caPem: ca.toString('pem'),
    ...(await issue('mir-embedded-kube-api', [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ])),
    frontProxy: await issue(FRONT_PROXY_NAME, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]),
  };
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
