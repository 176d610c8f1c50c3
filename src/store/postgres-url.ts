import { CordonError } from '../model/errors.ts'

const usualSeconds = 2
const mostSeconds = 300

/** Whether a database is named by a URL of PostgreSQL, and not by the path of a file. */
export function isPostgresUrl(target: string): boolean {
  return /^postgres(ql)?:\/\//.test(target)
}

/**
 * How long a connection is waited for, a free one of the pool as well as a new one: `connect_timeout` of the URL, which libpq knows by that
 * name (PostgreSQL 15, 34.1.2), in seconds there.
 * @returns ms; 2,000 where the URL does not say, so that clients hear soon that they should come again
 * @throws CordonError BadRequest when it is no whole number of seconds from 1 to 300
 */
export function readConnectTimeoutMs(url: string): number {
  const text = URL.parse(url)?.searchParams.get('connect_timeout') ?? String(usualSeconds)
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (seconds >= 1 && seconds <= mostSeconds) return seconds * 1_000
  throw new CordonError('BadRequest', `connect_timeout in the database URL takes 1 to ${mostSeconds} seconds.`)
}
