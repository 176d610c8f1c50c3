import { type Logger, pino } from 'pino'

export type { Logger }

/**
 * Makes the process logger: one JSON object per line on stdout, secrets redacted by key.
 * @param level pino level name; `silent` for tests
 */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: { component: 'cordon' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['*.clientSecret', '*.client_secret', '*.authorization', '*.token', '*.password', 'headers.authorization'],
      censor: '[redacted]',
    },
  })
}
