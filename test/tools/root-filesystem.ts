/**
 * Assembles the image's root file system: `node test/tools/root-filesystem.ts FOLDER [NODE]`, after `npm run build`. It holds the node
 * binary (that of this process, or NODE), the shared libraries it is linked with, the bundle, a bill of materials and the licences.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** The user of the image, which owns nothing in it. */
const USER = 65532;

export function assembleRootFilesystem(folder: string, node: string): void {
  rmSync(folder, { recursive: true, force: true });
  copy(realpathSync(node), join(folder, 'usr/local/bin/node'));
  for (const library of librariesOf(node)) copy(realpathSync(library), join(folder, library));
  const app = join(folder, 'app');
  // Without source maps (they are five times the code, and nothing in the image reads them), and without the SDK's package.
  const isLeftOut = (path: string): boolean => path.endsWith('.map') || path === join(ROOT, 'dist', 'mir-device');
  cpSync(join(ROOT, 'dist'), app, { recursive: true, filter: (path) => !isLeftOut(path) });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'mir-operator', private: true, type: 'module' }));
  copy(join(ROOT, 'LICENSE'), join(app, 'LICENSE'));
  writeFileSync(join(app, 'sbom.spdx.json'), billOfMaterials());
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), `mir:x:${USER}:${USER}:mir-operator:/app:/sbin/nologin\n`);
  writeFileSync(join(folder, 'etc/group'), `mir:x:${USER}:\n`);
  // Names are looked up in files first and then by DNS; glibc's default asks in another order.
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  for (const mountPoint of ['tmp', 'proc', 'dev']) mkdirSync(join(folder, mountPoint), { recursive: true });
  makeReadable(folder);
}

/** Absolute paths of the shared libraries, the loader among them, and of those that glibc loads by itself to look up names. */
function librariesOf(node: string): string[] {
  const linked = execFileSync('ldd', [realpathSync(node)], { encoding: 'utf8' });
  const paths = [...linked.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path]) => path ?? '');
  const libc = paths.find((path) => path.includes('libc.so'));
  if (libc === undefined) throw new Error(`${node} is not linked with glibc: ${linked}`);
  const loaded = readdirSync(dirname(libc)).filter((name) => /^lib(nss_files|nss_dns|resolv)\.so\.2$/.test(name));
  return [...paths, ...loaded.map((name) => join(dirname(libc), name))];
}

interface Sbom {
  readonly packages: readonly { readonly SPDXID: string; readonly name: string; readonly versionInfo: string }[];
  readonly relationships: readonly { readonly spdxElementId: string; readonly relatedSpdxElement: string }[];
}

/** SPDX, of what is not only for development. `npm sbom --omit=dev` would also leave out what a development tool needs too. */
function billOfMaterials(): string {
  const command = ['sbom', '--sbom-format=spdx', '--package-lock-only'];
  const all = JSON.parse(execFileSync('npm', command, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })) as Sbom;
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly version?: string; readonly dev?: boolean }>;
  };
  const kept = new Set(
    Object.entries(lock.packages)
      .filter(([, { dev }]) => dev !== true)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1) || 'mir-operator'}@${version}`),
  );
  const packages = all.packages.filter(({ name, versionInfo }) => kept.has(`${name}@${versionInfo}`));
  const ids = new Set(['SPDXRef-DOCUMENT', ...packages.map(({ SPDXID }) => SPDXID)]);
  const relationships = all.relationships.filter(
    ({ spdxElementId, relatedSpdxElement }) => ids.has(spdxElementId) && ids.has(relatedSpdxElement),
  );
  return JSON.stringify({ ...all, packages, relationships }, undefined, 1);
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

/** Whatever the umask of whoever builds: everyone may read, nobody but root may write. */
function makeReadable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) makeReadable(path);
    else chmodSync(path, /\/usr\/local\/bin\/|\.so/.test(path) ? 0o755 : 0o644);
  }
}

if (import.meta.filename === process.argv[1]) {
  const [, , folder, node] = process.argv;
  if (folder === undefined) throw new Error('usage: node test/tools/root-filesystem.ts FOLDER [NODE]');
  assembleRootFilesystem(folder, node ?? process.execPath);
  console.log(`${folder} written`);
}
