import type { BoundFilter, BoundQuery } from '../../model/query.ts'
import { readLastChanges, readNewestSequence, readSettledSequence } from '../../store/changes.ts'
import { type DatedPlace, type DeltaPlace, readDeltaToken, tooOld, writeDeltaToken } from '../odata/delta-token.ts'
import { buildLink } from '../odata/paging.ts'
import { readPreferences } from '../odata/prefer.ts'
import { boundQuery, type ODataQuery, readDeltaQuery } from '../odata/read-query.ts'
import type { ApiVersion } from '../odata/resource.ts'
import { buildContext } from '../odata/shape.ts'
import type { AuthorizedHandler } from '../route.ts'
import { appliedHeaders, type Collection, type GraphDeps, showItems, viewOf } from './collection.ts'
import type { View } from './entities.ts'

/** What a page of a delta round is made of. */
interface DeltaPage {
  /** JSON texts. */
  readonly items: readonly string[]
  readonly next: DeltaPlace
}

/** One delta request, read. */
interface DeltaRequest {
  readonly view: View
  readonly query: ODataQuery
}

/**
 * GET of a collection's `/delta`: first all rows in pages, then, by the link at their end, the rows changed since.
 *
 * A round's end is fixed on its first page, so that it ends however busy the tenant is. Rows that changed while a client was still reading all
 * of them come again with the first round of changes: nothing is lost, and each page is a state that was true.
 * @source design contract 19.2; Graph's delta query
 */
export function deltaCollection<R>(deps: GraphDeps, version: ApiVersion, collection: Collection<R>): AuthorizedHandler {
  const resource = collection.describe(version)
  const path = `${collection.path}/delta`
  return async (call) => {
    const preferences = readPreferences(call.headers.prefer)
    const query = readDeltaQuery(call.rawQuery, resource, preferences)
    const view = viewOf(call, version, preferences)
    const scope = { tenantId: view.tenantId, resource: path }
    const nowMs = deps.clock.nowMs()
    const isLatest = query.deltaToken?.toLowerCase() === 'latest'
    const at = isLatest ? null : readDeltaToken(deps.pagingKey, scope, query, nowMs)
    const page = isLatest
      ? { items: [], next: await placeNow(deps) }
      : await readPage(deps, collection, { view, query }, at)
    const isLast = page.next.kind === 'changes' && page.next.until === null
    // A first page of a round dates it; the following ones carry that date on.
    const isContinued = at !== null && (at.place.kind === 'rows' || at.place.until !== null)
    const token = writeDeltaToken(deps.pagingKey, scope, query, {
      place: page.next,
      atMs: isContinued ? at.atMs : nowMs,
    })
    const link = buildLink(view.origin, `/${version}/${path}`, query, isLast ? 'deltatoken' : 'skiptoken', token)
    const context = buildContext({ origin: view.origin, version, path: collection.path, entity: false }, query)
    const parts = [
      `"@odata.context":${JSON.stringify(`${context}/$delta`)}`,
      `"@odata.${isLast ? 'deltaLink' : 'nextLink'}":${JSON.stringify(link)}`,
      `"value":[${page.items.join(',')}]`,
    ]
    return { status: 200, body: `{${parts.join(',')}}`, headers: appliedHeaders(preferences, query) }
  }
}

async function placeNow(deps: GraphDeps): Promise<DeltaPlace> {
  return { kind: 'changes', since: await readSettledSequence(deps.store), until: null }
}

async function readPage<R>(
  deps: GraphDeps,
  collection: Collection<R>,
  request: DeltaRequest,
  at: DatedPlace | null,
): Promise<DeltaPage> {
  if (at === null) {
    // Asked before the rows are read: what changes from here on comes as a change.
    return readRows(deps, collection, request, { after: null, since: await readSettledSequence(deps.store) })
  }
  const { place } = at
  if (place.kind === 'rows') return readRows(deps, collection, request, place)
  return readChanges(deps, collection, request, place)
}

async function readRows<R>(
  deps: GraphDeps,
  collection: Collection<R>,
  { view, query }: DeltaRequest,
  place: { readonly after: BoundQuery['after']; readonly since: number },
): Promise<DeltaPage> {
  const page = await collection.page(deps.store, view.tenantId, boundQuery(query, place.after))
  const items = showItems(await collection.write(deps, page.rows, view, query), query)
  const { since } = place
  return page.next
    ? { items, next: { kind: 'rows', after: page.next, since } }
    : { items, next: { kind: 'changes', since, until: null } }
}

async function readChanges<R>(
  deps: GraphDeps,
  collection: Collection<R>,
  request: DeltaRequest,
  place: { readonly since: number; readonly until: number | null },
): Promise<DeltaPage> {
  const { view, query } = request
  const { since } = place
  // Only a database that was restored to an earlier day is behind a token; which changes were lost then, nobody knows.
  if (since > (await readNewestSequence(deps.store.read))) throw tooOld()
  const until = place.until ?? Math.max(since, await readSettledSequence(deps.store))
  const range = { tenantId: view.tenantId, resource: collection.event, after: since, until }
  const changes = await readLastChanges(deps.store.read, range, query.top + 1)
  const shown = changes.slice(0, query.top)
  const last = shown.at(-1)
  const items = await showChanged(
    deps,
    collection,
    request,
    shown.map((change) => change.objectId),
  )
  return changes.length > query.top && last !== undefined
    ? { items, next: { kind: 'changes', since: last.seq, until } }
    : { items, next: { kind: 'changes', since: until, until: null } }
}

/** The things with these ids, in the same sequence: whole, or removed where they no longer fit or exist. */
async function showChanged<R>(
  deps: GraphDeps,
  collection: Collection<R>,
  { view, query }: DeltaRequest,
  ids: readonly string[],
): Promise<string[]> {
  const fitting = await findAll(deps, collection, view, ids, query.filter)
  const texts = showItems(await collection.write(deps, [...fitting.values()], view, query), query)
  const byId = new Map([...fitting.keys()].map((id, index) => [id, texts[index] ?? '']))
  const missing = ids.filter((id) => !byId.has(id))
  const others = query.filter === null ? null : await findAll(deps, collection, view, missing, null)
  return ids.map((id) => {
    const reason = others?.has(id) ? 'changed' : 'deleted'
    return byId.get(id) ?? JSON.stringify({ id, '@removed': { reason } })
  })
}

async function findAll<R>(
  deps: GraphDeps,
  collection: Collection<R>,
  view: View,
  ids: readonly string[],
  filter: BoundFilter | null,
): Promise<Map<string, R>> {
  if (ids.length === 0) return new Map()
  const named: BoundFilter = { kind: 'in', scalar: { kind: 'property', property: 'id' }, values: ids }
  const page = await collection.page(deps.store, view.tenantId, {
    filter: filter === null ? named : { kind: 'and', terms: [named, filter] },
    orderBy: [{ property: 'id', direction: 'asc' }],
    after: null,
    skip: 0,
    top: ids.length,
  })
  return new Map(page.rows.map((record) => [collection.idOf(record), record]))
}
