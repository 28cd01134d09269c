/** Certificate authorities that live as long as one process: pure TypeScript, no openssl. */
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
import type { Extension, JsonGeneralNames, X509Certificate } from '@peculiar/x509';

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export class Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;

  private constructor(certificate: X509Certificate, privateKey: webcrypto.CryptoKey) {
    this.certificate = certificate;
    this.privateKey = privateKey;
  }

  /** With a new key of its own. */
  static async create(commonName: string, validity: Validity): Promise<Authority> {
    const keys = await generateKeys();
    const extensions = [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ];
    const certificate = await X509CertificateGenerator.createSelfSigned(
      { name: `CN=${commonName}`, keys, signingAlgorithm: ALGORITHM, ...validity, extensions },
      webcrypto,
    );
    return new Authority(certificate, keys.privateKey);
  }

  get certPem(): string {
    return this.certificate.toString('pem');
  }

  issueServer(commonName: string, names: JsonGeneralNames, validity: Validity): Promise<KeyPair> {
    const usage = new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]);
    return this.#issue(`CN=${commonName}`, validity, [usage, new SubjectAlternativeNameExtension(names)]);
  }

  /** `subject`: a distinguished name (`CN=alice, O=admins`). */
  issueClient(subject: string, validity: Validity): Promise<KeyPair> {
    return this.#issue(subject, validity, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
  }

  async #issue(subject: string, validity: Validity, extensions: readonly Extension[]): Promise<KeyPair> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create(
      {
        subject,
        issuer: this.certificate.subject,
        publicKey: keys.publicKey,
        signingKey: this.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity,
        extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
      },
      webcrypto,
    );
    return { certPem: certificate.toString('pem'), keyPem: await privateKeyPem(keys.privateKey) };
  }
}

export function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** PKCS#8, which Go and Node both read. */
export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
