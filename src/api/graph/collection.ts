import type { Clock } from '../../io/clock.ts'
import { CordonError } from '../../model/errors.ts'
import type { BoundFilter, BoundQuery } from '../../model/query.ts'
import type { Store } from '../../store/db.ts'
import type { Page } from '../../store/query.ts'
import { readRequestFormat } from '../odata/format.ts'
import { buildNextLink, readSkipToken, type TokenKey, writeSkipToken } from '../odata/paging.ts'
import { type Preferences, readPreferences, renderPreferenceApplied } from '../odata/prefer.ts'
import {
  boundQuery,
  type EntityQuery,
  type ODataQuery,
  readCountQuery,
  readEntityQuery,
  readQuery,
} from '../odata/read-query.ts'
import type { ApiVersion, ResourceDescription } from '../odata/resource.ts'
import { buildContext, type JsonObject, projectEntity } from '../odata/shape.ts'
import type { Answer, AuthorizedCall, AuthorizedHandler } from '../route.ts'
import { type View, withMembers } from './entities.ts'
import { rememberAnswers } from './remember.ts'

/** What every Graph operation needs. */
export interface GraphDeps {
  readonly store: Store
  readonly clock: Clock
  /** Seals the tokens of next links. */
  readonly pagingKey: TokenKey
}

/** How the rows of one collection are read and shown. `R` is what is read of a row. */
export interface Collection<R> {
  /** Path below the version, and in `@odata.context`: `security/incidents`. */
  readonly path: string
  /** Path below the version in links, where it is another: `security/incidents/29/alerts`. */
  readonly linkPath?: string
  /** How events name its rows. */
  readonly event: 'incident' | 'alert' | 'incidentTask'
  /** Text of the 404 for an id the tenant does not have. */
  readonly missing: (id: string) => string
  readonly describe: (version: ApiVersion) => ResourceDescription
  readonly page: (store: Store, tenantId: string, query: BoundQuery) => Promise<Page<R>>
  readonly count: (store: Store, tenantId: string, filter: BoundFilter | null) => Promise<number>
  readonly find: (store: Store, tenantId: string, id: string) => Promise<R | null>
  readonly idOf: (record: R) => string
  readonly versionOf: (record: R) => number
  /** The whole entities as JSON texts, with what the query expands. */
  readonly write: (deps: GraphDeps, records: readonly R[], view: View, query: EntityQuery) => Promise<string[]>
}

/** A query as it was read, and bound for its first page. */
interface KeptQuery {
  readonly query: ODataQuery
  readonly firstPage: BoundQuery
}

/** Reads a query string once and keeps the result: pollers send the same few strings over and over. */
const keptQueries = new Map<string, KeptQuery>()
/** Strings seen once: many hold a time or a link's token and never come again, and are not worth their room. */
const seenQueries = new Set<string>()
const maxKeptQueries = 500

/** GET of a collection. */
export function listCollection<R>(deps: GraphDeps, version: ApiVersion, collection: Collection<R>): AuthorizedHandler {
  return rememberAnswers(deps, (call) => answerPage(deps, version, collection, call))
}

/** One page of a collection. */
export async function answerPage<R>(
  deps: GraphDeps,
  version: ApiVersion,
  collection: Collection<R>,
  call: AuthorizedCall,
): Promise<Answer> {
  const preferences = readPreferences(call.headers.prefer)
  const { query, firstPage } = readKeptQuery(call.rawQuery, collection.describe(version), preferences)
  const view = viewOf(call, version, preferences)
  const scope = { tenantId: view.tenantId, resource: collection.path }
  const after = readSkipToken(deps.pagingKey, scope, query)
  const bound = after === null ? firstPage : boundQuery(query, after)
  const page = await collection.page(deps.store, view.tenantId, bound)
  const parts = [`{"@odata.context":${JSON.stringify(contextOf(view, collection.path, query, false))}`]
  if (query.count) {
    parts.push(`"@odata.count":${await collection.count(deps.store, view.tenantId, query.filter)}`)
  }
  if (page.next) {
    const token = writeSkipToken(deps.pagingKey, scope, query, page.next)
    const link = buildNextLink(view.origin, `/${version}/${collection.linkPath ?? collection.path}`, query, token)
    parts.push(`"@odata.nextLink":${JSON.stringify(link)}`)
  }
  const items = await collection.write(deps, page.rows, view, query)
  parts.push(`"value":[${(isWhole(query) ? items : items.map((item) => project(item, query))).join(',')}]}`)
  return { status: 200, body: parts.join(','), headers: appliedHeaders(preferences, query) }
}

/** GET of one entity by its id. */
export function getFromCollection<R>(
  deps: GraphDeps,
  version: ApiVersion,
  collection: Collection<R>,
): AuthorizedHandler {
  return rememberAnswers(deps, (call) => answerOne(deps, version, collection, call, call.params.id ?? ''))
}

/** One entity of a collection by its id. */
export async function answerOne<R>(
  deps: GraphDeps,
  version: ApiVersion,
  collection: Collection<R>,
  call: AuthorizedCall,
  id: string,
): Promise<Answer> {
  const preferences = readPreferences(call.headers.prefer)
  const query = readEntityQuery(call.rawQuery, collection.describe(version), preferences)
  const record = await findOrFail(deps, collection, call, id)
  return answerEntity(deps, version, collection, call, { record, query, preferences, status: 200 })
}

/** GET of `/$count`: the bare number. */
export function countCollection<R>(deps: GraphDeps, version: ApiVersion, collection: Collection<R>): AuthorizedHandler {
  return (call) => answerCount(deps, version, collection, call)
}

/** The bare number of a collection's entities. */
export async function answerCount<R>(
  deps: GraphDeps,
  version: ApiVersion,
  collection: Collection<R>,
  call: AuthorizedCall,
): Promise<Answer> {
  const filter = readCountQuery(call.rawQuery, collection.describe(version), readPreferences(call.headers.prefer))
  const matches = await collection.count(deps.store, call.caller.tenantId, filter)
  return { status: 200, body: String(matches), contentType: 'text/plain;charset=utf-8' }
}

/** What an answer with one entity is made of. */
export interface EntityAnswer<R> {
  readonly record: R
  readonly query: EntityQuery
  readonly preferences: Preferences
  readonly status: 200 | 201
}

/** Nothing selected, nothing expanded: what a PATCH or POST answers with. */
export const wholeEntity: EntityQuery = { select: null, expand: [], format: null }

/** An answer with one entity and its context and ETag. */
export async function answerEntity<R>(
  deps: GraphDeps,
  version: ApiVersion,
  collection: Collection<R>,
  call: AuthorizedCall,
  answer: EntityAnswer<R>,
): Promise<Answer> {
  const view = viewOf(call, version, answer.preferences)
  const [whole = '{}'] = await collection.write(deps, [answer.record], view, answer.query)
  const entity = project(whole, answer.query)
  return {
    status: answer.status,
    body: withMembers({ '@odata.context': contextOf(view, collection.path, answer.query, true) }, entity),
    headers: {
      ...appliedHeaders(answer.preferences, null),
      ETag: `W/"${collection.versionOf(answer.record)}"`,
    },
  }
}

/**
 * Reads the entity the path names.
 * @throws CordonError NotFound, the same for an absent id and another tenant's
 */
export async function findOrFail<R>(
  deps: Pick<GraphDeps, 'store'>,
  collection: Collection<R>,
  call: AuthorizedCall,
  id: string = call.params.id ?? '',
): Promise<R> {
  const record = await collection.find(deps.store, call.caller.tenantId, id)
  if (record === null) throw new CordonError('NotFound', collection.missing(id.slice(0, 100)))
  return record
}

/** For whom this call's entities are written out. */
export function viewOf(call: AuthorizedCall, version: ApiVersion, preferences: Preferences): View {
  return {
    origin: call.origin,
    version,
    tenantId: call.caller.tenantId,
    revealHidden: preferences.includeUnknownEnumMembers,
    annotate: readRequestFormat(call).metadata === 'full',
  }
}

function readKeptQuery(rawQuery: string, resource: ResourceDescription, preferences: Preferences): KeptQuery {
  const { includeUnknownEnumMembers, maxPageSize } = preferences
  const key = `${resource.version} ${resource.entityType} ${includeUnknownEnumMembers} ${maxPageSize} ${rawQuery}`
  const kept = keptQueries.get(key)
  if (kept) return kept
  const query = readQuery(rawQuery, resource, preferences)
  const read = { query, firstPage: boundQuery(query, null) }
  if (rawQuery.length >= 1000) return read
  if (seenQueries.delete(key)) {
    if (keptQueries.size >= maxKeptQueries) keptQueries.clear()
    keptQueries.set(key, read)
  } else {
    if (seenQueries.size >= maxKeptQueries) seenQueries.clear()
    seenQueries.add(key)
  }
  return read
}

function contextOf(view: View, path: string, query: EntityQuery, entity: boolean): string {
  return buildContext({ origin: view.origin, version: view.version, path, entity }, query)
}

/** What the query asked for of each of these whole entities. */
export function showItems(items: readonly string[], query: EntityQuery): readonly string[] {
  return isWhole(query) ? items : items.map((item) => project(item, query))
}

function isWhole(query: EntityQuery): boolean {
  return query.select === null && query.expand.every((item) => item.select === null)
}

function project(entity: string, query: EntityQuery): string {
  if (isWhole(query)) return entity
  const whole: JsonObject = JSON.parse(entity)
  return JSON.stringify(projectEntity(whole, query))
}

/** `Preference-Applied`, where there is something to say. */
export function appliedHeaders(preferences: Preferences, query: ODataQuery | null): Record<string, string> {
  const applied = renderPreferenceApplied({
    includeUnknownEnumMembers: preferences.includeUnknownEnumMembers,
    maxPageSize: query?.maxPageSizeApplied ? preferences.maxPageSize : null,
  })
  return applied === null ? {} : { 'Preference-Applied': applied }
}

/**
 * The answer of a comments POST: the whole list, so that the last one is the new one.
 * @param owner the commented entity in `@odata.context`: `security/incidents('29')`
 */
export function answerComments(
  call: AuthorizedCall,
  version: ApiVersion,
  owner: string,
  comments: readonly object[],
): Answer {
  const context = `${call.origin}/${version}/$metadata#${owner}/comments`
  return { status: 200, body: JSON.stringify({ '@odata.context': context, value: comments }) }
}

/** The answer of merging and moving. @source design contract 6 and 17 */
export function answerMerge(call: AuthorizedCall, version: ApiVersion, targetIncidentId: string): Answer {
  const context = `${call.origin}/${version}/$metadata#microsoft.graph.security.mergeResponse`
  return { status: 200, body: JSON.stringify({ '@odata.context': context, targetIncidentId }) }
}
