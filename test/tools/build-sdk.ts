/**
 * Builds the SDK as an npm package: `node test/tools/build-sdk.ts [folder]`, by default `dist/mir-device`. One JavaScript file with the
 * protocol and the schema code in it, the declarations that it needs, and a package.json of what `src/sdk/package.json` publishes
 * (decision 0077).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..', '..');
const SDK = join(ROOT, 'src', 'sdk');

export async function buildSdk(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/sdk/index.ts'],
    outfile: join(folder, 'index.js'),
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node22.16',
    format: 'esm',
    logLevel: 'warning',
  });
  writeDeclarations(join(folder, 'types'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(), undefined, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readmeAlone());
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
}

/** `publishConfig` takes the place of what holds for the sources, as with other package managers; npm itself knows no such thing. */
function publishedManifest(): object {
  const manifest = JSON.parse(readFileSync(join(SDK, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { publishConfig, private: _, ...rest } = manifest;
  return { ...rest, ...(publishConfig as object) };
}

/** Without links to files that are not in the package. */
function readmeAlone(): string {
  return readFileSync(join(SDK, 'README.md'), 'utf8').replaceAll(/\[([^\]]+)\]\((?!https?:)[^)]+\)/g, '$1');
}

/** Those that can be reached from the first one. The compiler leaves `.ts` in what they import, where no `.ts` is any more. */
function writeDeclarations(folder: string): void {
  const all = mkdtempSync(join(tmpdir(), 'mir-declarations-'));
  try {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
    const project = join(SDK, 'tsconfig.package.json');
    execFileSync(process.execPath, [tsc, '-p', project, '--outDir', all], { stdio: 'inherit' });
    const waiting = [join(all, 'sdk', 'index.d.ts')];
    const taken = new Set(waiting);
    for (const path of waiting) {
      const text = readFileSync(path, 'utf8');
      for (const [, target = ''] of text.matchAll(RELATIVE_IMPORT)) {
        const next = join(dirname(path), `${target}.d.ts`);
        if (!taken.has(next)) waiting.push(next);
        taken.add(next);
      }
      const written = join(folder, relative(all, path));
      mkdirSync(dirname(written), { recursive: true });
      writeFileSync(written, text.replaceAll(RELATIVE_IMPORT, "from '$1.js'"));
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
}

const RELATIVE_IMPORT = /from '(\.[^']+)\.ts'/g;

if (import.meta.main) {
  const folder = process.argv[2] ?? join(ROOT, 'dist', 'mir-device');
  await buildSdk(folder);
  console.log(`${relative(process.cwd(), folder)}: npm publish ${relative(process.cwd(), folder)}`);
}
