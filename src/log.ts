import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Structured logs, one JSON object a line: constant message, facts as fields. On standard error unless `file` is given. */
export function createLogger(level: LogLevel, file?: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: file ?? 2, sync: file !== undefined }),
  );
}

/** A logger that says nothing, for tests and embedded use. */
export const silentLogger: Logger = pino({ level: 'silent' });
