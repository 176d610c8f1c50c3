import type { IncomingHttpHeaders } from 'node:http'

/** Request headers a page may send. Kiota and the Graph SDKs add the last three by themselves. */
const requestHeaders =
  'authorization, content-type, content-encoding, prefer, client-request-id, sdkversion, consistencylevel, if-match, if-none-match, retry-attempt, x-ms-throttle-priority, x-client-sku'
/** Answer headers a page may read. */
const exposedHeaders = 'request-id, client-request-id, Retry-After, Preference-Applied, Location, ETag, Allow'

/** Where pages of other origins may go: the Graph roots, whose callers are named by a token and never by a cookie. */
const graphPath = /^\/(v1\.0|beta)(\/|\?|$)/i

/**
 * What an answer says to a page of another origin. An origin that is not listed gets nothing, and no answer ever allows credentials.
 * @param origins as browsers send them: `https://portal.example`
 * @source Fetch standard, CORS protocol; design contract 1.5
 */
export function corsHeaders(
  origins: ReadonlySet<string>,
  url: string,
  headers: IncomingHttpHeaders,
): Record<string, string> {
  if (origins.size === 0 || !graphPath.test(url)) return {}
  const { origin } = headers
  if (origin === undefined || !origins.has(origin)) return { Vary: 'Origin' }
  return { Vary: 'Origin', 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': exposedHeaders }
}

/** What a preflight asks for beside that; empty for any other OPTIONS. */
export function preflightHeaders(
  origins: ReadonlySet<string>,
  url: string,
  headers: IncomingHttpHeaders,
  allow: readonly string[],
): Record<string, string> {
  const { origin } = headers
  const asks = headers['access-control-request-method'] !== undefined
  if (!asks || origin === undefined || !origins.has(origin) || !graphPath.test(url)) return {}
  return {
    'Access-Control-Allow-Methods': allow.join(', '),
    'Access-Control-Allow-Headers': requestHeaders,
    'Access-Control-Max-Age': '600',
  }
}
