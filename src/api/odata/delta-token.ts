import { CordonError } from '../../model/errors.ts'
import type { Keyset, KeyValue } from '../../model/query.ts'
import { hashQuery, openToken, type PageScope, sealToken, type TokenKey } from './paging.ts'
import type { ODataQuery } from './read-query.ts'

/** Where a client stands in following the changes of a collection. */
export type DeltaPlace =
  /** Still reading all rows: the next page begins after this place in the order. Changes count from `since` on. */
  | { readonly kind: 'rows'; readonly after: Keyset; readonly since: number }
  /** Reading the changes with sequence numbers above `since`, up to `until` or, on the first page of a round, to whatever is settled then. */
  | { readonly kind: 'changes'; readonly since: number; readonly until: number | null }

/** A place and when the client's last round began: changes are kept for a time only. */
export interface DatedPlace {
  readonly place: DeltaPlace
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** @source design contract 19.2 */
const lifeMs = 30 * 24 * 3600 * 1000

/** Seals a place, bound to tenant, collection and `$filter` as a skiptoken is. */
export function writeDeltaToken(key: TokenKey, scope: PageScope, query: ODataQuery, dated: DatedPlace): string {
  const content = { p: dated.place, t: dated.atMs, h: hashQuery(scope, query) }
  return sealToken(key, 'deltatoken', Buffer.from(JSON.stringify(content)))
}

/**
 * The place the request's token stands for; null when it carries none.
 * @throws CordonError BadRequest for a token that is forged, damaged, another tenant's or of another `$filter`; SyncStateNotFound for one
 * older than 30 days
 */
export function readDeltaToken(key: TokenKey, scope: PageScope, query: ODataQuery, nowMs: number): DatedPlace | null {
  const option = query.skipToken === null ? 'deltatoken' : 'skiptoken'
  const token = query.skipToken ?? query.deltaToken
  if (token === null) return null
  const content = openToken(key, 'deltatoken', token)
  if (
    !isContent(content) ||
    content.h !== hashQuery(scope, query) ||
    isLastOfRound(content.p) !== (option === 'deltatoken')
  ) {
    throw new CordonError('BadRequest', `The $${option} is not valid for this request.`, { target: `$${option}` })
  }
  if (nowMs - content.t > lifeMs) throw tooOld()
  return { place: content.p, atMs: content.t }
}

/** The refusal of a token whose changes are no longer known. */
export function tooOld(): CordonError {
  return new CordonError('SyncStateNotFound', 'The delta token is too old. Start again without it.', {
    target: '$deltatoken',
  })
}

function isLastOfRound(place: DeltaPlace): boolean {
  return place.kind === 'changes' && place.until === null
}

interface TokenContent {
  readonly p: DeltaPlace
  readonly t: number
  readonly h: string
}

/** The MAC already says that we wrote it; this only gives it its type. */
function isContent(value: unknown): value is TokenContent {
  if (typeof value !== 'object' || value === null) return false
  const { p, t, h } = value as { p?: unknown; t?: unknown; h?: unknown }
  if (typeof t !== 'number' || typeof h !== 'string' || typeof p !== 'object' || p === null) return false
  const { kind, since, until, after } = p as { kind?: unknown; since?: unknown; until?: unknown; after?: unknown }
  if (typeof since !== 'number') return false
  if (kind === 'changes') return until === null || typeof until === 'number'
  return kind === 'rows' && Array.isArray(after) && after.every(isKeyValue)
}

function isKeyValue(value: unknown): value is KeyValue {
  return value === null || typeof value === 'string' || typeof value === 'number'
}
