/**
 * Bundles into `dist/`, or the folder named as the argument: the operator for the image (`main.js`, and chunks that are loaded only when a kubeconfig needs a login plugin), and
 * the plugin as one file, `plugin/kubectl-mir`, to be put on PATH.
 */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions } from 'esbuild';
import { leanPackages } from './lean-packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OUT = resolve(process.argv[2] ?? join(ROOT, 'dist'));
const PLUGIN = join(OUT, 'plugin/kubectl-mir');
const COMPLETION = join(OUT, 'plugin/kubectl_complete-mir');

// Not the whole folder: the SDK's package may stand beside it.
for (const name of ['main.js', 'main.js.map', 'chunks', 'plugin'])
  rmSync(join(OUT, name), { recursive: true, force: true });

const common = {
  absWorkingDir: ROOT,
  plugins: [leanPackages],
  bundle: true,
  // Node keeps the source text in memory, twice its size; names stay readable in stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

const operator = await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outdir: OUT,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  // CommonJS dependencies call require for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);",
  },
});

/** What Node compiled is kept for the next run, which halves the time until the first line. */
const PLUGIN_HEAD = `#!/usr/bin/env node
if (Number(process.versions.node.split('.')[0]) < 22) {
  console.error('kubectl-mir needs Node 22 or later; this is ' + process.version + ' (' + process.execPath + ')');
  process.exit(2);
}
require('node:module').enableCompileCache?.();`;

const plugin = await build({
  ...common,
  entryPoints: ['src/cli/main.ts'],
  outfile: PLUGIN,
  // One file without a package.json beside it is CommonJS to every Node.
  format: 'cjs',
  target: 'node22',
  banner: { js: PLUGIN_HEAD },
});
chmodSync(PLUGIN, 0o755);
writeFileSync(join(OUT, 'plugin/package.json'), '{"type": "commonjs"}\n');
// Beside the plugin on PATH: kubectl runs it when a shell completes `kubectl mir …`, with all words behind `mir`.
writeFileSync(COMPLETION, '#!/bin/sh\nexec kubectl-mir __complete "$@"\n');
chmodSync(COMPLETION, 0o755);

for (const [path, { bytes }] of [
  ...Object.entries(operator.metafile.outputs),
  ...Object.entries(plugin.metafile.outputs),
]) {
  if (!path.endsWith('.map')) console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
}
