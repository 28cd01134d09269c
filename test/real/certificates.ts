/** Short-lived certificates for worlds on loopback, good ones and bad ones. */
// x509 finds its parts through it.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';
import type { JsonGeneralNames } from '@peculiar/x509';
import { ALGORITHM, Authority as IssuingAuthority, generateKeys, privateKeyPem } from '../../src/dev/authority.ts';
import type { KeyPair, Validity } from '../../src/dev/authority.ts';

export type { KeyPair } from '../../src/dev/authority.ts';

const ONE_DAY_MS = 86_400_000;

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
  const authority = await IssuingAuthority.create(commonName, validity());
  return {
    certPem: authority.certPem,
    issueServer: (name, state) =>
      authority.issueServer(name, state === 'elsewhere' ? ELSEWHERE : HERE, validity(state === 'expired')),
    issueClient: (name, organization, state) =>
      authority.issueClient(
        organization === undefined ? `CN=${name}` : `CN=${name}, O=${organization}`,
        validity(state === 'expired'),
      ),
    async revoke(...pairs) {
      const { notBefore: thisUpdate, notAfter: nextUpdate } = validity();
      const entries = pairs.map(({ certPem }) => {
        const { serialNumber } = new X509Certificate(certPem);
        return { serialNumber, revocationDate: thisUpdate };
      });
      const list = await X509CrlGenerator.create(
        {
          issuer: authority.certificate.subject,
          thisUpdate,
          nextUpdate,
          entries,
          signingAlgorithm: ALGORITHM,
          signingKey: authority.privateKey,
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

const ELSEWHERE: JsonGeneralNames = [{ type: 'dns', value: 'other.example' }];
const HERE: JsonGeneralNames = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '10.0.0.1' },
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'kubernetes.default.svc' },
];

function validity(isExpired = false): Validity {
  const now = Date.now();
  const notAfter = isExpired ? now - ONE_DAY_MS / 24 : now + 30 * ONE_DAY_MS;
  return { notBefore: new Date(now - ONE_DAY_MS), notAfter: new Date(notAfter) };
}
