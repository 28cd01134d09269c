/** Writes `manifests/install.yaml` from the chart, for those who install without Helm: `npm run manifests`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { findHelm } from '../real/binaries.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export const INSTALL_MANIFEST = join(ROOT, 'manifests', 'install.yaml');
export const AUTHOR_POLICY = join(ROOT, 'manifests', 'policies', 'device-authors.yaml');
export const BASE = join(ROOT, 'manifests', 'base');

const HEAD = `# mir-operator without Helm: kubectl apply --server-side -f manifests/install.yaml
# Rendered from helm/mir-operator by \`npm run manifests\`. Set mqttUrl in the ConfigMap to your broker, and image in the Deployment to yours.
# The NetworkPolicy lets the operator out to brokers on 1883 and 8883, to API servers on 443 and 6443, and to DNS on 53. Where yours listen
# elsewhere (websockets on 8083, MicroK8s on 16443, minikube on 8443, OpenShift's DNS on 5353), add the port under its egress: without it the
# operator is never ready.
apiVersion: v1
kind: Namespace
metadata:
  name: mir-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** Whoever edits the manifest sets another broker, seldom another port: with TLS and without. */
const BROKER_PORTS = [1883, 8883] as const;

/** What `manifests/install.yaml` has to be. */
export function renderInstallManifest(helm: string, ...sets: readonly string[]): string {
  const own = ['metrics.dashboard.enabled=false', `networkPolicy.brokerPorts={${BROKER_PORTS.join(',')}}`];
  const flags = [...own, ...sets].flatMap((one) => ['--set', one]);
  return `${HEAD}${renderChart(helm, ['--skip-tests', ...flags])}`;
}

/**
 * What `manifests/policies/device-authors.yaml` has to be: it is apart, because not every cluster has the kind, and waits for no word of
 * the operator, which may be without the view that gives it.
 */
export function renderAuthorPolicy(helm: string): string {
  const kind = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';
  const flags = ['--set', 'view.enabled=false', '--show-only', 'templates/author-policy.yaml'];
  return renderChart(helm, ['--api-versions', kind, ...flags]);
}

function renderChart(helm: string, flags: readonly string[]): string {
  const chart = join(ROOT, 'helm', 'mir-operator');
  const broker = 'mqtt.url=mqtt://mosquitto.mir-system.svc:1883';
  const rendered = execFileSync(
    helm,
    ['template', 'mir-operator', chart, '--namespace', 'mir-system', '--set', broker, ...flags],
    { encoding: 'utf8' },
  );
  // Helm is not there to manage it.
  const own = rendered.replaceAll(
    /^ +(helm\.sh\/chart|app\.kubernetes\.io\/managed-by|helm\.sh\/resource-policy): .*\n/gm,
    '',
  );
  return own.replaceAll(/^ +annotations:\n(?= *[a-z]+:|---)/gm, '');
}

/** The APIService of the Mir view has a name that kustomize must not change, and there is one in a cluster: not for several sites. */
export function renderBaseManifest(helm: string): string {
  return renderInstallManifest(helm, 'view.enabled=false');
}

/**
 * The same for kustomize: file name in `manifests/base` → content. The ConfigMap is missing, which kustomize makes under the name
 * `mir-operator-config`: were it called as the Lease is, kustomize would give the Role the name with the hash for that of the Lease.
 */
export function renderBase(installManifest: string): Readonly<Record<string, string>> {
  const documents = installManifest
    .replace(/^(#.*\n)+/, '')
    .split(/^---\n/m)
    .map((text) => ({ text: text.trim(), object: load(text) as Kind | undefined }));
  const isCrd = ({ object }: (typeof documents)[number]): boolean => object?.kind === 'CustomResourceDefinition';
  const config = documents.find(({ object }) => object?.kind === 'ConfigMap')?.object?.data?.['config.yaml'] ?? '';
  const rest = documents.filter(({ object }) => object !== undefined && object.kind !== 'ConfigMap');
  const file = (parts: typeof documents): string =>
    `${[BASE_HEAD, ...parts.map(({ text }) => text)].join('\n---\n')}\n`;
  return {
    'crds.yaml': file(rest.filter(isCrd)),
    'operator.yaml': file(rest.filter((one) => !isCrd(one))).replace(
      'configMap: {name: mir-operator}',
      'configMap: {name: mir-operator-config}',
    ),
    'config.yaml': config,
  };
}

interface Kind {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
}

const BASE_HEAD = '# Made by `npm run manifests`, as manifests/install.yaml is.';

if (import.meta.filename === process.argv[1]) {
  const helm = await findHelm((line) => console.log(line));
  const install = renderInstallManifest(helm);
  const files = { [INSTALL_MANIFEST]: install, [AUTHOR_POLICY]: renderAuthorPolicy(helm) };
  for (const [name, text] of Object.entries(renderBase(renderBaseManifest(helm)))) files[join(BASE, name)] = text;
  for (const [path, text] of Object.entries(files)) {
    writeFileSync(path, text);
    console.log(`${path} written`);
  }
}
