import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { CordonError } from '../../model/errors.ts'
import type { BoundOrder, Keyset, KeyValue } from '../../model/query.ts'
import type { ODataQuery } from './read-query.ts'

/** Secret that seals skiptokens, at least 32 bytes. The same for every process that serves one origin, and kept for as long as links live. */
export type TokenKey = Uint8Array

/** The part of a query that its link and token carry on. */
export type LinkedQuery = Pick<ODataQuery, 'options' | 'orderBy'>

/** What a page belongs to. A token opens only where all of it is equal. */
export interface PageScope {
  readonly tenantId: string
  /** The collection: `incidents`, `incidents/29/alerts`. */
  readonly resource: string
}

/** What a token is for. */
export type TokenPurpose = 'skiptoken' | 'deltatoken'

const macBytes = 32
const hashBytes = 16

/**
 * Seals the place of a page's last row: base64url of a MAC and of JSON with the sort values and a hash of tenant, resource, `$filter` and `$orderby`.
 * It holds no offset, so rows that come in between shift nothing, and no date, so it opens for as long as the key lives.
 * @source design contract 16.2
 */
export function writeSkipToken(key: TokenKey, scope: PageScope, query: LinkedQuery, position: Keyset): string {
  const body = Buffer.from(JSON.stringify({ k: position, h: hashQuery(scope, query) }))
  return sealToken(key, 'skiptoken', body)
}

/**
 * The place the request's `$skiptoken` stands for; null when it carries none.
 * @throws CordonError BadRequest for a token that is forged, damaged, another tenant's, or of another `$filter` or `$orderby`
 */
export function readSkipToken(key: TokenKey, scope: PageScope, query: ODataQuery): Keyset | null {
  if (query.skipToken === null) return null
  const content = openToken(key, 'skiptoken', query.skipToken)
  if (!isTokenContent(content) || content.h !== hashQuery(scope, query)) throw tokenError()
  if (content.k.length !== query.orderBy.length) throw tokenError()
  return content.k
}

/** Puts a MAC before a token's content and writes both as base64url. A token of one purpose never opens as one of another. */
export function sealToken(key: TokenKey, purpose: TokenPurpose, body: Uint8Array): string {
  return Buffer.concat([seal(key, purpose, body), body]).toString('base64url')
}

/** The JSON value inside a token; null when it is forged or damaged. */
export function openToken(key: TokenKey, purpose: TokenPurpose, token: string): unknown {
  const bytes = Buffer.from(token, 'base64url')
  const body = bytes.subarray(macBytes)
  // Node's decoder skips what is not base64url, so only the canonical spelling is taken.
  if (body.length === 0 || bytes.toString('base64url') !== token) return null
  if (!timingSafeEqual(bytes.subarray(0, macBytes), seal(key, purpose, body))) return null
  return JSON.parse(body.toString())
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

function seal(key: TokenKey, purpose: TokenPurpose, body: Uint8Array): Buffer {
  let secret = prepared.get(key)
  if (!secret) {
    secret = createSecretKey(key)
    prepared.set(key, secret)
  }
  return createHmac('sha256', secret).update(`cordon ${purpose} 1\n`).update(body).digest()
}

/** What a token is bound to besides its key: tenant, collection, `$filter` and `$orderby`. */
export function hashQuery(scope: PageScope, query: LinkedQuery): string {
  const { tenantId, resource } = scope
  const order = query.orderBy.map(({ property, direction }: BoundOrder) => `${property} ${direction}`)
  const text = JSON.stringify([tenantId, resource, optionOf(query, 'filter'), order])
  return hash('sha256', text, 'buffer').subarray(0, hashBytes).toString('base64url')
}

function optionOf(query: LinkedQuery, name: 'filter'): string | null {
  return query.options.find(([option]) => option === name)?.[1] ?? null
}

/**
 * `@odata.nextLink`: the request's own options and the token, absolute.
 * Escaped so that its query holds no raw `/`, braces, `+`, `#`, `'` or blank: XSOAR takes what follows the last slash, Kiota expands braces.
 * @param origin `https://host[:port]`, without a slash at its end
 * @param path the collection's path, e.g. `/v1.0/security/incidents`
 * @returns below the 8 KiB of Wazuh's buffer unless the request's own options, escaped, take more than about 5 KiB
 */
export function buildNextLink(origin: string, path: string, query: LinkedQuery, skipToken: string): string {
  return buildLink(origin, path, query, 'skiptoken', skipToken)
}

/** As {@link buildNextLink}, with a token of either purpose. */
export function buildLink(
  origin: string,
  path: string,
  query: LinkedQuery,
  purpose: TokenPurpose,
  token: string,
): string {
  const options = query.options.map(([name, value]) => `$${name}=${escapeValue(value)}`)
  return `${origin}${path}?${[...options, `$${purpose}=${token}`].join('&')}`
}

function escapeValue(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}
