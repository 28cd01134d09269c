import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createAuthority } from '../certificates/issue.ts';
import { scratchDirectory } from '../../test/real/reaper.ts';
import { tellCertificates } from './certificates.ts';
import { createMetrics } from './metrics.ts';

const DAY_MS = 86_400_000;
const pemOf = (days: number): string => createAuthority('ca', Date.now(), days * DAY_MS).certPem;

describe('the end of a certificate', () => {
  it('is read at every scrape: of a bundle the last one, of a file that is gone none', async () => {
    const path = join(scratchDirectory('expiry'), 'ca.pem');
    const metrics = createMetrics();
    tellCertificates(metrics, { 'mqtt-ca': path, 'mqtt-client': undefined });
    const told = async (): Promise<string[]> =>
      (await metrics.render()).body.match(/^mir_certificate_expiry_timestamp_seconds.*$/gm) ?? [];
    expect(await told()).toEqual([]);

    const [soon, late] = [pemOf(3), pemOf(90)];
    const inDays = async (): Promise<number> =>
      (Number((await told())[0]?.replace('mir_certificate_expiry_timestamp_seconds{certificate="mqtt-ca"} ', '')) -
        Date.now() / 1000) /
      86_400;
    writeFileSync(path, soon);
    expect(await inDays()).toBeCloseTo(3, 1);
    writeFileSync(path, `${late}${soon}`);
    expect(await inDays()).toBeCloseTo(90, 1);
    writeFileSync(path, 'no certificate');
    expect(await told()).toEqual([]);
    writeFileSync(path, soon);
    expect(await told()).toHaveLength(1);
    rmSync(path);
    expect(await told()).toEqual([]);
  });
});
