import { type Compilable, type SqlBool, sql } from 'kysely'
import type { BoundFilter, BoundQuery } from '../model/query.ts'
import { type Db, type Dialect, findScanner, type Store } from './db.ts'
import { findNamed } from './names.ts'
import { type PageReader, preparePages, runScan } from './prepared.ts'
import { compileFilter, type FilterMap, type Page, type QuerySource, selectPage, takePage } from './query.ts'
import { isLate } from './scanner.ts'
import { inTime, type ListedTable, mayScan } from './scans.ts'

/** How the pages of one table are read. `R` is what is read of a row. */
export interface PagedTable<R> {
  readonly name: ListedTable
  readonly map: (dialect: Dialect) => FilterMap
  /** Makes the statement of one page; it binds the tenant exactly once and `incidentId` at most once. */
  readonly select: (
    db: Db,
    source: QuerySource,
    tenantId: string,
    query: BoundQuery,
    incidentId: number,
  ) => Compilable<R>
}

/** Properties whose ranges have an index of their own, beside the one of the order. */
const indexedTimes: ReadonlySet<string> = new Set(['createdDateTime', 'lastUpdateDateTime', 'lastModifiedDateTime'])

/** What lists are walked by; any other order is made of all that a filter leaves. */
const walkedOrders: ReadonlySet<string> = new Set([...indexedTimes, 'id'])

/** A range with fewer rows is read whole and sorted; otherwise the list is walked in its order until the page is full. */
const narrowRows = 2_000

/** So long a list is walked for rows whose names hold some text, before they are looked for by name. */
const walkMs = 20

interface Range {
  readonly property: string
  readonly filter: BoundFilter
}

/**
 * A reader of pages. Pollers ask for what changed lately, in the order of creation: walking a million rows for the few that did takes as long
 * as sorting a million that did. PostgreSQL knows how its values are spread and chooses; for SQLite, which does not, the range is looked at
 * first.
 */
export function preparePaging<R extends object>(
  table: PagedTable<R>,
): (store: Store, tenantId: string, query: BoundQuery, incidentId?: number) => Promise<Page<R>> {
  const sources = { sqlite: sourceOf(table, 'sqlite'), postgres: sourceOf(table, 'postgres') }
  const walk = {
    sqlite: preparePages<R>((db, ...given) => table.select(db, sources.sqlite, ...given)),
    postgres: preparePages<R>((db, ...given) => table.select(db, sources.postgres, ...given)),
  }
  const sort = preparePages<R>((db, tenantId, query, incidentId) =>
    table.select(db, { ...sources.sqlite, readBy: findRange(query)?.property }, tenantId, query, incidentId),
  )
  const scan = preparePages<R>(
    (db, ...given) => table.select(db, { ...sources.sqlite, guard: inTime(table.name) }, ...given),
    runScan,
  )
  const probe = prepareProbe(table, sources.sqlite)
  const gather = prepareGathering(table, sources.sqlite)
  const find = prepareFinding(table, sources.postgres)
  const brieflyWalk = preparePages<R>(
    (db, ...given) => table.select(db, { ...sources.sqlite, guard: inTime(table.name) }, ...given),
    (db, statement, parameters) => runScan(db, statement, parameters, walkMs),
  )
  /** Where many rows hold the text, the list soon has a page of them. */
  const walkOrGather: PageReader<R> = async (...given) => {
    try {
      return await brieflyWalk(...given)
    } catch (cause) {
      if (!isLate(cause)) throw cause
      return gather(...given)
    }
  }
  return async (store, tenantId, query, incidentId) => {
    const { dialect, read } = store
    const isNarrow =
      dialect === 'sqlite' &&
      incidentId === undefined &&
      findRange(query) !== null &&
      (await probe(read, tenantId, query)).length === 0
    const isSorted = !walkedOrders.has(query.orderBy[0]?.property ?? '')
    const scans =
      !isNarrow &&
      incidentId === undefined &&
      findScanner(read) !== null &&
      (isSorted || mayScan(table.name, query.filter, query.orderBy))
    const isNamed = scans && findNamed(sources.sqlite.map, query.filter) !== null
    const isFound = dialect === 'postgres' && asksMembers(sources.postgres.map, query.filter)
    const reader = isNarrow
      ? sort
      : isFound
        ? find
        : !scans
          ? walk[dialect]
          : isSorted
            ? gather
            : isNamed
              ? walkOrGather
              : scan
    const rows = await reader(read, tenantId, query, incidentId)
    return takePage(rows, sources[dialect], query)
  }
}

function sourceOf<R>(table: PagedTable<R>, dialect: Dialect): QuerySource {
  return { dialect, map: table.map(dialect) }
}

/**
 * A reader that gathers all rows a filter leaves, by their names where it asks for some text there, and puts them in order: within an index,
 * where one has all that is asked. Of the rows themselves it reads the page.
 */
function prepareGathering<R extends object>(table: PagedTable<R>, source: QuerySource): PageReader<R> {
  return preparePages<R>((db, tenantId, query, incidentId) => {
    const named = findNamed(source.map, query.filter)
    const by = named === null ? {} : { readBy: named, namesOf: tenantId }
    const row = db.selectFrom(table.name).select(sql`rowid`.as('page_row')).where('tenant_id', '=', tenantId)
    const found = selectPage(row, { ...source, ...by, guard: inTime(table.name) }, query)
    const guard = sql<SqlBool>`${sql.ref(`${table.name}.rowid`)} in (select page_row from ${found} as found)`
    // Behind a plus everything but the numbers of the rows found.
    const among = { ...source, readBy: '', guard }
    return table.select(db, among, tenantId, { ...query, filter: null, after: null, skip: 0 }, incidentId)
  }, runScan)
}

/**
 * For PostgreSQL: a reader that finds the rows of the page within an index, and then reads them. A condition on bits is none that it looks up in
 * an index, so it would read every row of a list to ask it.
 */
function prepareFinding<R extends object>(table: PagedTable<R>, source: QuerySource): PageReader<R> {
  return preparePages<R>((db, tenantId, query, incidentId) => {
    const row = db.selectFrom(table.name).select(`${table.name}.id`).where('tenant_id', '=', tenantId)
    const found = selectPage(row, source, query)
    const guard = sql<SqlBool>`${sql.ref(`${table.name}.id`)} in (select found.id from ${found} as found)`
    const among = { ...source, guard }
    return table.select(db, among, tenantId, { ...query, filter: null, after: null, skip: 0 }, incidentId)
  })
}

/** Whether a filter asks by the bits of a column. */
function asksMembers(map: FilterMap, filter: BoundFilter | null): boolean {
  if (filter === null) return false
  if (filter.kind === 'and' || filter.kind === 'or') return filter.terms.some((term) => asksMembers(map, term))
  if (filter.kind === 'not') return asksMembers(map, filter.term)
  return filter.kind === 'lambda' && map.properties[filter.collection]?.kind === 'members'
}

/** Finds a row exactly when the range is not narrow. */
function prepareProbe<R>(table: PagedTable<R>, source: QuerySource): PageReader<object> {
  return preparePages((db, tenantId, query) => {
    const range = findRange(query)
    const condition = range === null ? sql`1 = 0` : compileFilter(source, range.filter)
    const statement = sql<object>`select 1 as more from ${sql.table(table.name)}
      where tenant_id = ${tenantId} and ${condition} limit 1 offset ${sql.lit(narrowRows)}`
    return { compile: () => statement.compile(db) }
  })
}

/** A range the query must lie in and that is not one of its order. */
function findRange(query: BoundQuery): Range | null {
  const inOrder = query.orderBy[0]?.property
  const found = query.filter === null ? [] : listRanges(query.filter).filter(({ property }) => property !== inOrder)
  const [first] = found
  if (first === undefined) return null
  const terms = found.filter(({ property }) => property === first.property).map(({ filter }) => filter)
  return { property: first.property, filter: { kind: 'and', terms } }
}

function listRanges(filter: BoundFilter): Range[] {
  if (filter.kind === 'and') return filter.terms.flatMap(listRanges)
  if (filter.kind !== 'compare' || filter.scalar.kind !== 'property') return []
  const { property } = filter.scalar
  return indexedTimes.has(property) && filter.operator !== 'ne' ? [{ property, filter }] : []
}
