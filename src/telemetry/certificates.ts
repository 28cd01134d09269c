/** When the certificates end that the operator is given as files. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { certificatesIn } from '../base/pem.ts';
import type { Metrics } from './metrics.ts';

/** Label → path of a PEM file; undefined: the operator is given none. */
export type CertificateFiles = Readonly<Record<string, string | undefined>>;

/** Reads the files at every scrape, because they are replaced while the operator runs. */
export function tellCertificates(metrics: Metrics, files: CertificateFiles): void {
  metrics.onScrape(() => {
    for (const [certificate, path] of Object.entries(files)) {
      const endsAt = path === undefined ? undefined : endOf(path);
      if (endsAt === undefined) metrics.certificateExpiry.remove({ certificate });
      else metrics.certificateExpiry.set({ certificate }, endsAt);
    }
  });
}

/** Seconds since the epoch; of several, as in a bundle while an authority is replaced, the last one's end. Undefined: none can be read. */
function endOf(path: string): number | undefined {
  try {
    const ends = certificatesIn(readFileSync(path, 'utf8')).map((pem) => new X509Certificate(pem).validToDate);
    return ends.length === 0 ? undefined : Math.max(...ends.map(Number)) / 1000;
  } catch {
    // Whoever connects with it says what is wrong.
    return undefined;
  }
}
