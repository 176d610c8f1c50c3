import { type Logger, pino } from 'pino'

export type { Logger }

// A reader that goes away must neither end the server nor keep it from stopping.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

/**
 * Makes the process logger: one JSON object per line on stdout, secrets redacted by key.
 * @param level pino level name; `silent` for tests
 */
export function createLog(level: string): Logger {
  const options = {
    level,
    base: { component: 'cordon' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['*.clientSecret', '*.client_secret', '*.authorization', '*.token', '*.password', 'headers.authorization'],
      censor: '[redacted]',
    },
  }
  return pino(options, process.stdout)
}
