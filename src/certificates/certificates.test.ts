import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createAuthority, issueServer } from './issue.ts';
import { includesAll, judge, reissue, renew, secretData } from './material.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const NAMES = ['view.mir-system.svc', 'view.mir-system.svc.cluster.local'];

describe('a certificate', () => {
  it('says whom it is for, who signed it, and until when', () => {
    const authority = createAuthority('ca', NOW, 3650 * DAY_MS);
    const certificate = new X509Certificate(issueServer(authority, NAMES, NOW, 90 * DAY_MS).certPem);
    const ca = new X509Certificate(authority.certPem);
    expect([ca.ca, ca.subject, ca.verify(ca.publicKey)]).toEqual([true, 'CN=ca', true]);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe('DNS:view.mir-system.svc, DNS:view.mir-system.svc.cluster.local');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.validToDate.getTime()).toBe(NOW + 90 * DAY_MS);
    // Beyond 2049 the date is of another form.
    expect(new X509Certificate(createAuthority('ca', NOW, 30 * 365 * DAY_MS).certPem).validToDate.getFullYear()).toBe(
      2055,
    );
  });

  it.each(Array.from({ length: 20 }, (_, index) => index))(
    'is taken by TLS, whatever its random numbers (%i)',
    async () => {
      const now = Date.now();
      const authority = createAuthority('ca', now, DAY_MS);
      const { certPem: cert, keyPem: key } = issueServer(authority, NAMES, now, DAY_MS);
      const server = createServer({ cert, key }, (socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca: authority.certPem, servername: NAMES[0] ?? '' }, () => {
          socket.destroy();
          resolve();
        });
        socket.once('error', reject);
      });
      await new Promise((resolve) => server.close(resolve));
    },
  );
});

describe('the Secret of the view', () => {
  const fresh = renew('', NAMES, NOW);
  const secretOf = (data: Readonly<Record<string, string>>) => ({ data });
  const good = secretData(fresh);

  it('is good as it was written', () => {
    expect(judge(secretOf(good), NAMES, NOW)).toEqual({ kind: 'good', material: fresh });
  });

  it.each<[claim: string, data: Readonly<Record<string, string>>, names: readonly string[], now: number, kind: string]>(
    [
      ['nothing', {}, NAMES, NOW, 'renew'],
      ['no certificate', { ...good, 'tls.crt': '' }, NAMES, NOW, 'reissue'],
      ['a certificate for another name', good, ['other.mir-system.svc'], NOW, 'reissue'],
      ['a key of another certificate', { ...good, 'tls.key': good['ca.key'] ?? '' }, NAMES, NOW, 'reissue'],
      [
        'a certificate of another authority',
        { ...good, ...pick(secretData(renew('', NAMES, NOW)), 'ca.crt', 'ca.key') },
        NAMES,
        NOW,
        'reissue',
      ],
      ['a certificate that ends soon', good, NAMES, NOW + 61 * DAY_MS, 'reissue'],
      ['a certificate in its time', good, NAMES, NOW + 59 * DAY_MS, 'good'],
      ['an authority that ends within the year', good, NAMES, NOW + 3300 * DAY_MS, 'renew'],
      ['an authority without its key', { ...good, 'ca.key': '' }, NAMES, NOW, 'renew'],
      ['nonsense', { 'ca.crt': 'bm8=', 'ca.key': 'bm8=' }, NAMES, NOW, 'renew'],
    ],
  )('is judged with %s', (_, data, names, now, kind) => {
    expect(judge(secretOf(data), names, now).kind).toBe(kind);
  });

  it('keeps the old authority beside a new one, until it ends', () => {
    const later = NOW + 3300 * DAY_MS;
    const judged = judge(secretOf(good), NAMES, later);
    const { bundle } = renew(judged.kind === 'renew' ? judged.bundle : '', NAMES, later);
    expect(includesAll(bundle, fresh.bundle)).toBe(true);
    const muchLater = NOW + 3651 * DAY_MS;
    const after = judge(secretOf(secretData(reissue(fresh.authority, bundle, NAMES, later))), NAMES, muchLater);
    expect(after.kind).toBe('renew');
    expect(includesAll('bundle' in after ? after.bundle : '', fresh.bundle)).toBe(false);
  });
});

function pick(data: Readonly<Record<string, string>>, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, data[name] ?? '']));
}
