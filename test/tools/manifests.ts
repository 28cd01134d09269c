/** Writes `manifests/install.yaml` from the chart, for those who install without Helm: `npm run manifests`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHelm } from '../real/binaries.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export const INSTALL_MANIFEST = join(ROOT, 'manifests', 'install.yaml');

const HEAD = `# mir-operator without Helm: kubectl apply --server-side -f manifests/install.yaml
# Rendered from helm/mir-operator by \`npm run manifests\`. Set mqttUrl in the ConfigMap to your broker.
apiVersion: v1
kind: Namespace
metadata:
  name: mir-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** What `manifests/install.yaml` has to be. */
export function renderInstallManifest(helm: string): string {
  const chart = join(ROOT, 'helm', 'mir-operator');
  const rendered = execFileSync(
    helm,
    [
      'template',
      'mir-operator',
      chart,
      '--namespace',
      'mir-system',
      '--skip-tests',
      '--set',
      'mqtt.url=mqtt://mosquitto.mir-system.svc:1883',
      '--set',
      'metrics.dashboard.enabled=false',
    ],
    { encoding: 'utf8' },
  );
  // Helm is not there to manage it.
  const own = rendered.replaceAll(
    /^ +(helm\.sh\/chart|app\.kubernetes\.io\/managed-by|helm\.sh\/resource-policy): .*\n/gm,
    '',
  );
  return `${HEAD}${own.replaceAll(/^ +annotations:\n(?= *[a-z]+:|---)/gm, '')}`;
}

if (import.meta.filename === process.argv[1]) {
  const helm = await findHelm((line) => console.log(line));
  writeFileSync(INSTALL_MANIFEST, renderInstallManifest(helm));
  console.log(`${INSTALL_MANIFEST} written`);
}
