import { type Logger, pino } from 'pino'

export type { Logger }

// A reader that goes away must neither end the server nor keep it from stopping.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

/** What is never written, down to the third level of what is logged. */
const secretNames = [
  'authorization',
  'cookie',
  'token',
  'password',
  'passphrase',
  'secret',
  'secrets',
  'clientSecret',
  'client_secret',
  'bindPassword',
  'apiKey',
  'privateKey',
]

/**
 * Makes the process logger: one JSON object per line on stdout, secrets redacted by key.
 * @param level pino level name; `silent` for tests
 */
export function createLog(level: string): Logger {
  const options = {
    level,
    base: { component: 'cordon' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  }
  return pino(options, process.stdout)
}
