/**
 * Keeps out of the bundle what packages load and the operator never calls (decision 0056). Measured as resident memory of an idle operator;
 * `npm start` runs the packages as they are.
 */
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/** What stands for a package where the operator or one of its packages imports it. CommonJS. */
const STAND_INS: Readonly<Record<string, string>> = {
  // MQTT.js calls it several times a packet, and switched off it still makes an array of the arguments each time: a quarter of all that the
  // operator allocates under a flood of reports.
  debug: `
    const silent = () => {};
    silent.enabled = false;
    silent.extend = () => silent;
    module.exports = () => silent;`,
  // Its index brings fetch, WebSocket, caches and mocks: 12 MB.
  undici: `
    const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
    Dispatcher.prototype.request = require('undici/lib/api/api-request.js');
    exports.Agent = require('undici/lib/dispatcher/agent.js');`,
  // Read only when traces are on.
  '@opentelemetry/api': `module.exports = {};`,
  // Timers of a browser's worker.
  'worker-timers': `module.exports = {};`,
  // Node's own streams, of which it is a copy.
  'readable-stream': `module.exports = process.getBuiltinModule('node:stream');`,
  // Loaded when a broker is reached by ws:// or wss://.
  ws: `
    exports.__esModule = true;
    Object.defineProperty(exports, 'default', { get: () => require('ws') });`,
};

/** The login plugins of kubeconfigs use all of it, and are loaded when there are any. */
const isLoginPlugin = (importer: string): boolean => importer.includes('@kubernetes/client-node');

export const leanPackages: Plugin = {
  name: 'lean-packages',
  setup(build) {
    build.onResolve({ filter: /^[@\w][\w/-]*$/ }, ({ path, importer, namespace }) => {
      const isKept = !Object.hasOwn(STAND_INS, path) || namespace === 'stand-in' || isLoginPlugin(importer);
      return isKept ? undefined : { path, namespace: 'stand-in' };
    });
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => ({
      contents: STAND_INS[path] ?? '',
      resolveDir: join(import.meta.dirname, '../..'),
    }));
    // The API server is spoken to in HTTP/1.1; undici's other half brings node:http2.
    build.onResolve({ filter: /\/client-h2(?:\.js)?$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = undefined;' }));
    // Importing a module of Node's own as an ES module reads all its exports, lazy ones with them: node:http loads a whole fetch, 14 MB.
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};
