import { pino, stdSerializers } from 'pino';
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
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: file ?? 2, sync: file !== undefined }),
  );
}

/** Outcomes of talking to others: where in our code they came to light says nothing, and their message says what is wrong. */
const OUTCOMES: ReadonlySet<string> = new Set(['ApiError', 'TransportError', 'BrokerError']);

function describeError(error: Error): object {
  return OUTCOMES.has(error.name) ? { type: error.name, message: error.message } : stdSerializers.err(error);
}

/** A logger that says nothing, for tests and embedded use. */
export const silentLogger: Logger = pino({ level: 'silent' });
