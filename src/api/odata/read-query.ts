import { CordonError } from '../../model/errors.ts'
import type { BoundFilter, BoundOrder, BoundQuery, Keyset } from '../../model/query.ts'
import { bindFilter } from './bind/filter.ts'
import { type BoundExpand, bindExpand, bindOrderBy, bindSelect } from './bind/lists.ts'
import { type JsonFormat, readFormat } from './format.ts'
import { type OptionName, type Options, readOptions } from './options.ts'
import { wholeClause } from './parse/clause.ts'
import { parseFilter } from './parse/filter.ts'
import type { ResourceDescription } from './resource.ts'
import { readBoolean, readWholeNumber } from './values.ts'

/** What the Prefer header asks of a query. */
export interface QueryPreferences {
  readonly includeUnknownEnumMembers: boolean
  /** `odata.maxpagesize`; null when not sent. */
  readonly maxPageSize: number | null
}

/** Which properties of an entity the answer shows. */
export interface EntityQuery {
  /** null: all of them. The id is always shown. */
  readonly select: readonly string[] | null
  readonly expand: readonly BoundExpand[]
  /** `$format`; null when not sent. */
  readonly format: JsonFormat | null
}

/** The query of a collection, names and literals read. */
export interface ODataQuery extends EntityQuery {
  readonly filter: BoundFilter | null
  readonly orderBy: readonly BoundOrder[]
  /** Rows on a page. 0 is a page without rows and without a link. */
  readonly top: number
  readonly skip: number
  /** The answer carries the number of all matches. */
  readonly count: boolean
  /** Still sealed; see paging.ts. */
  readonly skipToken: string | null
  /** `odata.maxpagesize` set the page size, so Preference-Applied names it. */
  readonly maxPageSizeApplied: boolean
  /** Still sealed; see delta-token.ts. Only on `/delta`. */
  readonly deltaToken: string | null
  /** The options a link to the next page repeats, decoded: all but `$skip` and the tokens. */
  readonly options: readonly (readonly [OptionName, string])[]
}

const collectionOptions: readonly OptionName[] = [
  'filter',
  'orderby',
  'select',
  'expand',
  'top',
  'skip',
  'count',
  'skiptoken',
  'format',
]
const deltaOptions: readonly OptionName[] = ['filter', 'select', 'top', 'skiptoken', 'deltatoken']
const entityOptions: readonly OptionName[] = ['select', 'expand', 'format']
const notRepeated: ReadonlySet<OptionName> = new Set(['skip', 'skiptoken', 'deltatoken'])
const countOptions: readonly OptionName[] = ['filter']

/**
 * Reads the query of a collection. Pure: equal arguments give equal results, so a caller may keep results by `rawQuery`, resource and preferences.
 * @param rawQuery the text after `?`, undecoded
 * @throws CordonError BadRequest, NotAcceptable, tooManyTermsInQuery or maxQueryLengthExceeded
 * @source design contract 1.4, 3.2, 15 and 16
 */
export function readQuery(rawQuery: string, resource: ResourceDescription, prefer: QueryPreferences): ODataQuery {
  return readAllowed(readOptions(rawQuery, collectionOptions), rawQuery, resource, prefer)
}

/**
 * Reads the query of `/delta`: `$filter`, `$select`, `$top` and one token; anything else is 400.
 * @throws as {@link readQuery}
 * @source design contract 19.2
 */
export function readDeltaQuery(rawQuery: string, resource: ResourceDescription, prefer: QueryPreferences): ODataQuery {
  const query = readAllowed(readOptions(rawQuery, deltaOptions), rawQuery, resource, prefer)
  if (query.skipToken !== null && query.deltaToken !== null) {
    throw new CordonError('BadRequest', 'A request carries $skiptoken or $deltatoken, not both.', {
      target: '$deltatoken',
    })
  }
  if (query.top === 0) {
    throw new CordonError('BadRequest', 'Invalid value 0 for $top: a delta page holds at least one row.', {
      target: '$top',
    })
  }
  return query
}

function readAllowed(
  options: Options,
  rawQuery: string,
  resource: ResourceDescription,
  prefer: QueryPreferences,
): ODataQuery {
  const revealHidden = prefer.includeUnknownEnumMembers
  const orderBy = options.get('orderby')
  const skip = options.get('skip')
  const count = options.get('count')
  const pageSize = readTop(options.get('top'), resource)
  const maxPageSizeApplied = prefer.maxPageSize !== null && prefer.maxPageSize > 0 && prefer.maxPageSize <= pageSize
  const repeated = [...options].filter(([name]) => !notRepeated.has(name))
  refuseUnlinkable(rawQuery, repeated)
  return {
    ...readShape(options, resource, revealHidden),
    filter: readFilterOption(options, resource, revealHidden),
    orderBy: bindOrderBy(orderBy === undefined ? null : wholeClause('orderby', orderBy), resource),
    top: maxPageSizeApplied ? (prefer.maxPageSize ?? pageSize) : pageSize,
    skip: skip === undefined ? 0 : readWholeNumber('skip', skip),
    count: count !== undefined && readBoolean('count', count),
    skipToken: options.get('skiptoken') ?? null,
    deltaToken: options.get('deltatoken') ?? null,
    maxPageSizeApplied,
    options: repeated,
  }
}

/** Reads the query of one entity: `$select`, `$expand` and `$format`; anything else is 400. */
export function readEntityQuery(
  rawQuery: string,
  resource: ResourceDescription,
  prefer: QueryPreferences,
): EntityQuery {
  return readShape(readOptions(rawQuery, entityOptions), resource, prefer.includeUnknownEnumMembers)
}

/** Reads the query of `/$count`: `$filter` alone; null counts everything. */
export function readCountQuery(
  rawQuery: string,
  resource: ResourceDescription,
  prefer: QueryPreferences,
): BoundFilter | null {
  return readFilterOption(readOptions(rawQuery, countOptions), resource, prefer.includeUnknownEnumMembers)
}

/**
 * The query as the store takes it.
 * @param after the place the request's `$skiptoken` stands for (readSkipToken), null on a first page. Behind a token `$skip` no longer counts: its
 * rows were passed over before the first page, and clients repeat it beside the link.
 */
export function boundQuery(query: ODataQuery, after: Keyset | null): BoundQuery {
  const { filter, orderBy, top, skip } = query
  return { filter, orderBy, after, top, skip: after === null ? skip : 0 }
}

function readShape(options: Options, resource: ResourceDescription, revealHidden: boolean): EntityQuery {
  const select = options.get('select')
  const expand = options.get('expand')
  const format = options.get('format')
  return {
    select: select === undefined ? null : bindSelect(wholeClause('select', select), resource),
    expand: expand === undefined ? [] : bindExpand(wholeClause('expand', expand), resource, revealHidden),
    format: format === undefined ? null : readFormat(format),
  }
}

function readFilterOption(options: Options, resource: ResourceDescription, revealHidden: boolean): BoundFilter | null {
  const text = options.get('filter')
  if (text === undefined) return null
  const clause = wholeClause('filter', text)
  return bindFilter(clause, parseFilter(clause), resource, revealHidden)
}

function readTop(text: string | undefined, resource: ResourceDescription): number {
  if (text === undefined) return resource.defaultTop
  const top = readWholeNumber('top', text)
  if (top <= resource.maxTop) return top
  if (resource.overTop === 'clamp') return resource.maxTop
  // Graph's own sentence, word for word: clients were seen to look for it.
  const limit = `The limit of '${resource.maxTop}' for Top query has been exceeded.`
  const message = `The query specified in the URI is not valid. ${limit} The value from the incoming request is '${top}'.`
  throw new CordonError('BadRequest', message, { target: '$top' })
}

/** A request target may hold 16 KiB; a link has to leave room for its origin, path and token. */
const longestLinkedOptions = 14 * 1024

/**
 * A query that is admitted must also be able to name its second page. Escaping may triple a text, so one that came in just below the limit
 * of a request target could make a link nobody could follow.
 */
function refuseUnlinkable(rawQuery: string, options: readonly (readonly [OptionName, string])[]): void {
  if (rawQuery.length * 3 <= longestLinkedOptions) return
  const length = options.reduce((sum, [, value]) => sum + encodeURIComponent(value).length, 0)
  if (length <= longestLinkedOptions) return
  throw new CordonError('maxQueryLengthExceeded', 'The query is too long for a link to its next page.')
}
