import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { CordonError } from '../../model/errors.ts'
import type { BoundOrder, Keyset, KeyValue } from '../../model/query.ts'
import type { ODataQuery } from './read-query.ts'

/** Secret that seals skiptokens, at least 32 bytes. The same for every process that serves one origin, and kept for as long as links live. */
export type TokenKey = Uint8Array

/** What a page belongs to. A token opens only where all of it is equal. */
export interface PageScope {
  readonly tenantId: string
  /** The collection: `incidents`, `incidents/29/alerts`. */
  readonly resource: string
}

const macBytes = 32
const hashBytes = 16

/**
 * Seals the place of a page's last row: base64url of a MAC and of JSON with the sort values and a hash of tenant, resource, `$filter` and `$orderby`.
 * It holds no offset, so rows that come in between shift nothing, and no date, so it opens for as long as the key lives.
 * @source design contract 16.2
 */
export function writeSkipToken(key: TokenKey, scope: PageScope, query: ODataQuery, position: Keyset): string {
  const body = Buffer.from(JSON.stringify({ k: position, h: hashQuery(scope, query) }))
  return Buffer.concat([seal(key, body), body]).toString('base64url')
}

/**
 * The place the request's `$skiptoken` stands for; null when it carries none.
 * @throws CordonError BadRequest for a token that is forged, damaged, another tenant's, or of another `$filter` or `$orderby`
 */
export function readSkipToken(key: TokenKey, scope: PageScope, query: ODataQuery): Keyset | null {
  if (query.skipToken === null) return null
  const bytes = Buffer.from(query.skipToken, 'base64url')
  const body = bytes.subarray(macBytes)
  // Node's decoder skips what is not base64url, so only the canonical spelling is taken.
  if (body.length === 0 || bytes.toString('base64url') !== query.skipToken) throw tokenError()
  if (!timingSafeEqual(bytes.subarray(0, macBytes), seal(key, body))) throw tokenError()
  const content: unknown = JSON.parse(body.toString())
  if (!isTokenContent(content) || content.h !== hashQuery(scope, query)) throw tokenError()
  if (content.k.length !== query.orderBy.length) throw tokenError()
  return content.k
}

function isTokenContent(value: unknown): value is { readonly k: KeyValue[]; readonly h: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'h' in value &&
    typeof value.h === 'string' &&
    'k' in value &&
    Array.isArray(value.k) &&
    value.k.every((item) => item === null || typeof item === 'string' || typeof item === 'number')
  )
}

/** One message for every way a token can be wrong: which one it was is nobody's business who has no valid token. */
function tokenError(): CordonError {
  return new CordonError('BadRequest', 'The $skiptoken is not valid for this request.', { target: '$skiptoken' })
}

/** A key object is prepared once; from bytes it would be made anew for every token, at five times the price of the MAC. */
const prepared = new WeakMap<TokenKey, KeyObject>()

function seal(key: TokenKey, body: Uint8Array): Buffer {
  let secret = prepared.get(key)
  if (!secret) {
    secret = createSecretKey(key)
    prepared.set(key, secret)
  }
  return createHmac('sha256', secret).update('cordon skiptoken 1\n').update(body).digest()
}

function hashQuery(scope: PageScope, query: ODataQuery): string {
  const { tenantId, resource } = scope
  const order = query.orderBy.map(({ property, direction }: BoundOrder) => `${property} ${direction}`)
  const text = JSON.stringify([tenantId, resource, optionOf(query, 'filter'), order])
  return createHash('sha256').update(text).digest().subarray(0, hashBytes).toString('base64url')
}

function optionOf(query: ODataQuery, name: 'filter'): string | null {
  return query.options.find(([option]) => option === name)?.[1] ?? null
}

/**
 * `@odata.nextLink`: the request's own options and the token, absolute.
 * Escaped so that its query holds no raw `/`, braces, `+`, `#`, `'` or blank: XSOAR takes what follows the last slash, Kiota expands braces.
 * @param origin `https://host[:port]`, without a slash at its end
 * @param path the collection's path, e.g. `/v1.0/security/incidents`
 * @returns below the 8 KiB of Wazuh's buffer unless the request's own options, escaped, take more than about 5 KiB
 */
export function buildNextLink(origin: string, path: string, query: ODataQuery, skipToken: string): string {
  const options = query.options.map(([name, value]) => `$${name}=${escapeValue(value)}`)
  return `${origin}${path}?${[...options, `$skiptoken=${skipToken}`].join('&')}`
}

function escapeValue(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}
