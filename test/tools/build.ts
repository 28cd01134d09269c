/** Bundles the operator into `dist/`, or the folder named as the argument, for the image: `main.js`, and chunks that are loaded only when a kubeconfig needs a login plugin. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { leanPackages } from './lean-packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OUT = resolve(process.argv[2] ?? join(ROOT, 'dist'));

// Not the whole folder: the SDK's package may stand beside it.
for (const name of ['main.js', 'main.js.map', 'chunks']) rmSync(join(OUT, name), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ['src/main.ts'],
  outdir: OUT,
  plugins: [leanPackages],
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  // Node keeps the source text in memory, twice its size; names stay readable in stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
  // CommonJS dependencies call require for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);",
  },
});

for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
  if (path.endsWith('.js')) console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
}
