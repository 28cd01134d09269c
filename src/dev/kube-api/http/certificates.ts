import { Authority } from '../../authority.ts';
import type { KeyPair } from '../../authority.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

export interface ServerIdentity extends KeyPair {
  readonly caPem: string;
  /** What the server shows to API servers behind it; signed by the same authority. */
  readonly frontProxy: KeyPair;
}

export const FRONT_PROXY_NAME = 'front-proxy-client';

/** For 127.0.0.1, ::1 and localhost; valid for a year from `now`. */
export async function createServerIdentity(now: number): Promise<ServerIdentity> {
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + YEAR_MS) };
  const authority = await Authority.create('mir-embedded-ca', validity);
  return {
    caPem: authority.certPem,
    ...(await authority.issueServer(
      'mir-embedded-kube-api',
      [
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ],
      validity,
    )),
    frontProxy: await authority.issueClient(`CN=${FRONT_PROXY_NAME}`, validity),
  };
}
