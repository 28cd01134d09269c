import { loadConfig } from './config/load.ts';
import { followLoad } from './base/heap-mode.ts';
import { createLogger } from './base/log.ts';
import { runOperator } from './operator.ts';

/** Milliseconds that a stop may take before the process ends whatever is left. */
const STOP_DEADLINE_MS = 10_000;

const loaded = loadConfig(process.argv.slice(2), process.env);
if (loaded.kind === 'run') {
  const log = createLogger(loaded.config.logLevel);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Not once: npm passes on a signal that the whole group has got already, and the second one must not kill.
    process.on(signal, () => {
      log.info({ signal }, 'stopping');
      stop.abort();
      setTimeout(() => {
        log.error('did not stop in time');
        process.exit(1);
      }, STOP_DEADLINE_MS).unref();
    });
  }
  followLoad(stop.signal);
  try {
    await runOperator(loaded.config, log, stop.signal);
    log.info('stopped');
  } catch (error) {
    log.fatal({ err: error }, 'cannot run');
    process.exitCode = 1;
  }
  // Not by itself: Node may wait for ever, at full load, for a write to a TLS socket that was destroyed under it.
  log.flush(() => process.exit());
} else if (loaded.kind === 'error') {
  process.stderr.write(`${loaded.message}\n`);
  process.exitCode = 2;
} else {
  process.stdout.write(`${loaded.text}\n`);
}
