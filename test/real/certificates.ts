/** Short-lived certificates for worlds on loopback: pure TypeScript, no openssl. */
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
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';
import type { Extension, JsonGeneralNames } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const ONE_DAY_MS = 86_400_000;

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Authority {
  readonly certPem: string;
  /**
   * For 127.0.0.1, localhost and the in-cluster names of an API server, or else `elsewhere`. Valid for 30 days, unless `expired`
   * an hour ago.
   */
  issueServer(commonName: string, state?: 'expired' | 'elsewhere'): Promise<KeyPair>;
  /** Kubernetes reads the user from CN and its group from O. */
  issueClient(commonName: string, organization?: string, state?: 'expired'): Promise<KeyPair>;
  /** A revocation list of all these certificates, as PEM. */
  revoke(...pairs: readonly KeyPair[]): Promise<string>;
}

/** A certificate authority with a new key of its own. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${commonName}`,
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity(),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  const issue = issuer(certificate, keys.privateKey);
  return {
    certPem: certificate.toString('pem'),
    issueServer: (name, state) =>
      issue(
        `CN=${name}`,
        [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]), serverNames(state)],
        state === 'expired',
      ),
    issueClient: (name, organization, state) =>
      issue(
        organization === undefined ? `CN=${name}` : `CN=${name}, O=${organization}`,
        [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
        state === 'expired',
      ),
    async revoke(...pairs) {
      const { notBefore: thisUpdate, notAfter: nextUpdate } = validity();
      const entries = pairs.map(({ certPem }) => {
        const { serialNumber } = new X509Certificate(certPem);
        return { serialNumber, revocationDate: thisUpdate };
      });
      const list = await X509CrlGenerator.create(
        {
          issuer: certificate.subject,
          thisUpdate,
          nextUpdate,
          entries,
          signingAlgorithm: ALGORITHM,
          signingKey: keys.privateKey,
        },
        webcrypto,
      );
      // What OpenSSL calls it.
      return PemConverter.encode(list.rawData, 'X509 CRL');
    },
  };
}

/** A client's certificate that nobody but its own key has signed. */
export async function createSelfSignedClient(commonName: string): Promise<KeyPair> {
  const keys = await generateKeys();
  const extensions = [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])];
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: `CN=${commonName}`, keys, signingAlgorithm: ALGORITHM, ...validity(), extensions },
    webcrypto,
  );
  return { certPem: certificate.toString('pem'), keyPem: await privateKeyPem(keys.privateKey) };
}

/** A key pair without a certificate, as PEM: what service account tokens are signed with. */
export async function createSigningKey(): Promise<{ readonly publicPem: string; readonly privatePem: string }> {
  const keys = await generateKeys();
  return {
    publicPem: PemConverter.encode(await webcrypto.subtle.exportKey('spki', keys.publicKey), 'PUBLIC KEY'),
    privatePem: await privateKeyPem(keys.privateKey),
  };
}

function issuer(authority: X509Certificate, signingKey: webcrypto.CryptoKey) {
  return async (subject: string, extensions: Extension[], isExpired = false): Promise<KeyPair> => {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create(
      {
        subject,
        issuer: authority.subject,
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        ...validity(isExpired),
        extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
      },
      webcrypto,
    );
    return { certPem: certificate.toString('pem'), keyPem: await privateKeyPem(keys.privateKey) };
  };
}

function serverNames(state?: 'expired' | 'elsewhere'): Extension {
  return new SubjectAlternativeNameExtension(state === 'elsewhere' ? [{ type: 'dns', value: 'other.example' }] : HERE);
}

const HERE: JsonGeneralNames = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '10.0.0.1' },
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'kubernetes.default.svc' },
];

function validity(isExpired = false): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  const notAfter = isExpired ? now - ONE_DAY_MS / 24 : now + 30 * ONE_DAY_MS;
  return { notBefore: new Date(now - ONE_DAY_MS), notAfter: new Date(notAfter) };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** PKCS#8, which Go and Node both read. */
async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
