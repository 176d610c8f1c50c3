import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { type EnumName, enums } from '../model/generated.ts'
import { nameOf } from '../model/graph-values.ts'
import type { BoundFilter } from '../model/query.ts'
import { countedTables, countMatches, listTerms, matchPart, type Part, splitByMonth } from './counts.ts'
import { findScanner, type Store } from './db.ts'
import { readRows } from './prepared.ts'
import { sqlDialects } from './query-sql.ts'
import { isLate } from './scanner.ts'
import { type ListedTable, mayScan } from './scans.ts'
import { bitOfMember } from './sources.ts'

/** A property whose values are counted. */
type Facet =
  /** Of few values, which the counts know. */
  | { readonly kind: 'enum'; readonly column: string; readonly members: EnumName }
  /** Of any number of values, which differ by more than the case of ASCII letters. */
  | { readonly kind: 'owner' }
  /** Of incidents alone: any number of values on each. */
  | { readonly kind: 'tag' }
  /** Of incidents alone: the members that their alerts have; see sources.ts. */
  | { readonly kind: 'members'; readonly column: string; readonly members: EnumName }

const common: Readonly<Record<string, Facet>> = {
  severity: { kind: 'enum', column: 'severity', members: 'alertSeverity' },
  classification: { kind: 'enum', column: 'classification', members: 'alertClassification' },
  determination: { kind: 'enum', column: 'determination', members: 'alertDetermination' },
  assignedTo: { kind: 'owner' },
}

const facets: Readonly<Record<ListedTable, Readonly<Record<string, Facet>>>> = {
  incidents: {
    status: { kind: 'enum', column: 'status', members: 'incidentStatus' },
    ...common,
    customTags: { kind: 'tag' },
    // Of any of its alerts.
    source: { kind: 'members', column: 'sources', members: 'serviceSource' },
  },
  alerts: {
    status: { kind: 'enum', column: 'status', members: 'alertStatus' },
    ...common,
    serviceSource: { kind: 'enum', column: 'service_source', members: 'serviceSource' },
  },
  tasks: {
    status: { kind: 'enum', column: 'status', members: 'incidentTaskStatus' },
    actionStatus: { kind: 'enum', column: 'action_status', members: 'incidentTaskActionStatus' },
    actionType: { kind: 'enum', column: 'action_type', members: 'incidentTaskActionType' },
    source: { kind: 'enum', column: 'source', members: 'incidentTaskSource' },
  },
}

/** The properties of a list whose values can be counted, by their Graph names. */
export function listFacets(list: ListedTable): readonly string[] {
  return Object.keys(facets[list])
}

/** What is asked of one facet. */
export interface FacetQuestion {
  readonly list: ListedTable
  /** One of {@link listFacets}. */
  readonly facet: string
  readonly filter: BoundFilter | null
  /** What a value holds, whatever the case of its ASCII letters; empty for any. */
  readonly contains: string
  readonly top: number
}

/** How many rows have a value; null stands for none. */
export interface FacetCount {
  readonly value: string | null
  readonly count: number
}

/** The most frequent values, the most frequent first. */
export interface FacetCounts {
  readonly values: readonly FacetCount[]
  /** There are more values than asked for. */
  readonly isCut: boolean
  /** All rows were counted; otherwise the newest alone, so that there are at least so many of each value, and others perhaps. */
  readonly isComplete: boolean
}

/** So long the rows of a filter are counted before the newest of them must do, ms. @source design portal 11 */
const usualPatienceMs = 250
/** So many of the newest rows of a list are looked at then. */
const newestRows = 5_000

/** What a count is made of. */
interface Scope {
  /** Rows created from this instant on; all for null. */
  readonly since: string | null
  /** What the statements may take together; as long as any for null. */
  readonly patienceMs: number | null
}

/**
 * Counts the rows of a tenant that fulfil the filter, by the values of one property. When that takes too long, it counts among the newest rows.
 * @param patienceMs how long is too long
 * @throws TypeError when the list has no such facet
 */
export async function countFacet(
  store: Store,
  tenantId: string,
  question: FacetQuestion,
  patienceMs: number = usualPatienceMs,
): Promise<FacetCounts> {
  try {
    return { ...(await countScope(store, tenantId, question, { since: null, patienceMs })), isComplete: true }
  } catch (cause) {
    if (!isLate(cause)) throw cause
    const since = await findNewest(store, tenantId, question.list)
    return { ...(await countScope(store, tenantId, question, { since, patienceMs: null })), isComplete: false }
  }
}

/** The instant of creation of the row from which on the newest are counted. */
async function findNewest(store: Store, tenantId: string, list: ListedTable): Promise<string | null> {
  const rows = await store.read
    .selectFrom(list)
    .select('created_at')
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at', 'desc')
    .offset(newestRows - 1)
    .limit(1)
    .execute()
  return rows[0]?.created_at ?? null
}

async function countScope(
  store: Store,
  tenantId: string,
  question: FacetQuestion,
  scope: Scope,
): Promise<Omit<FacetCounts, 'isComplete'>> {
  const { list, facet: name, top, contains } = question
  const facet = Object.hasOwn(facets[list], name) ? facets[list][name] : undefined
  if (facet === undefined) throw new TypeError(`${list} has no facet '${name}'`)
  if (facet.kind === 'enum') return cut(await countMembers(store, tenantId, question, facet, scope), top)
  if (facet.kind === 'members') return cut(await countSets(store, tenantId, question, facet, scope), top)
  const select = facet.kind === 'tag' ? selectTags : selectOwners
  const [rows, without] = await Promise.all([
    readRows<Row>(store, select(store, tenantId, question, scope), true, scope.patienceMs),
    facet.kind === 'owner' && contains === '' ? countWithout(store, tenantId, question, scope) : 0,
  ])
  const values = rows.map(({ value, amount }) => ({ value: String(value), count: Number(amount) }))
  return cut([...values, ...(without === 0 ? [] : [{ value: null, count: without }])], top)
}

function cut(values: readonly FacetCount[], top: number): Omit<FacetCounts, 'isComplete'> {
  const sorted = [...values].sort((a, b) => b.count - a.count || compareText(a.value ?? '', b.value ?? ''))
  return { values: sorted.slice(0, top), isCut: sorted.length > top }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface Row {
  readonly value: string | number | null
  readonly amount: number | string
}

async function countMembers(
  store: Store,
  tenantId: string,
  { list, filter, contains }: FacetQuestion,
  { column, members }: Facet & { readonly kind: 'enum' },
  { since, patienceMs }: Scope,
): Promise<FacetCount[]> {
  const counted = countedTables[list]
  const parts =
    since === null ? splitByMonth(filter === null ? [] : listTerms(filter), counted.known) : [rowsSince(since, filter)]
  const scans = findScanner(store.read) !== null && parts.some(({ isWhole }) => !isWhole)
  const selects = parts.map((part) => {
    const where = matchPart(store.dialect, counted, tenantId, part, scans)
    return part.isWhole
      ? sql`select nullif(${sql.ref(column)}, -1) as value, amount from ${sql.table(counted.counts)} where ${where}`
      : sql`select ${sql.ref(column)} as value, 1 as amount from ${sql.table(list)} where ${where}`
  })
  const statement = sql<Row>`select value, sum(amount) as amount from (${sql.join(selects, sql` union all `)}) as part
    group by value having sum(amount) > 0`
  const rows = await readRows(store, statement, scans, patienceMs)
  return rows
    .map(({ value, amount }) => ({
      value: value === null ? null : nameOf(members, Number(value)),
      count: Number(amount),
    }))
    .filter(({ value }) => (value ?? '').toLowerCase().includes(contains.toLowerCase()))
}

/** Rows with equal sets of members are counted together, and each member is then that of all sets that have it. */
async function countSets(
  store: Store,
  tenantId: string,
  question: FacetQuestion,
  { column, members }: Facet & { readonly kind: 'members' },
  scope: Scope,
): Promise<FacetCount[]> {
  const set = sql.ref(column)
  const statement = sql<Row>`select ${set} as value, count(*) as amount from ${sql.table(question.list)}
    where ${matchRows(store, tenantId, question, scope)} group by ${set}`
  const sets = await readRows(store, statement, true, scope.patienceMs)
  return Object.entries(enums[members].members)
    .filter(([name]) => name.toLowerCase().includes(question.contains.toLowerCase()))
    .map(([value, number]) => {
      const having = sets.filter((one) => (Number(one.value) & bitOfMember(number)) !== 0)
      return { value, count: having.reduce((sum, { amount }) => sum + Number(amount), 0) }
    })
    .filter(({ count }) => count > 0)
}

function rowsSince(since: string | null, filter: BoundFilter | null): Part {
  return { from: since, before: null, isWhole: false, terms: filter === null ? [] : [filter] }
}

/** The rows that the filter leaves, one by one. */
function matchRows(store: Store, tenantId: string, { list, filter }: FacetQuestion, { since }: Scope) {
  const scans = findScanner(store.read) !== null
  return matchPart(store.dialect, countedTables[list], tenantId, rowsSince(since, filter), scans)
}

function selectOwners(store: Store, tenantId: string, question: FacetQuestion, scope: Scope) {
  const { list, filter, contains, top } = question
  const owner = sql.ref(`${list}.assigned_to`)
  const folded = sqlDialects[store.dialect].lower(owner)
  // Behind a plus SQLite sees no expression that the index of owners could be for: it has nothing of what such a filter asks, and each of
  // its entries would be looked up, nor is it in the order of creation.
  const isLookedUp = scope.since !== null || mayScan(list, filter)
  const wanted = store.dialect === 'sqlite' && isLookedUp ? sql`+${folded}` : folded
  const where = sql`${matchRows(store, tenantId, question, scope)} and ${wanted} is not null`
  return sql<Row>`select min(${owner}) as value, count(*) as amount from ${sql.table(list)}
    where ${where} and ${holds(store, folded, contains)}
    group by ${wanted} order by 2 desc, 1 limit ${top + 1}`
}

/** Equal sets of tags are brought together before they are taken apart: there are fewer of them than incidents. */
function selectTags(store: Store, tenantId: string, question: FacetQuestion, scope: Scope) {
  const { contains, top } = question
  const { elements, isElement, readItem, lower } = sqlDialects[store.dialect]
  const tag = readItem([], 'text')
  const where = sql`${matchRows(store, tenantId, question, scope)} and incidents.tags is not null`
  return sql<Row>`select ${tag} as value, sum(sets.amount) as amount
    from (select incidents.tags as tags, count(*) as amount from incidents where ${where} group by incidents.tags) as sets,
      ${elements(sql.ref('sets.tags'), [])}
    where ${isElement} and ${holds(store, lower(tag), contains)}
    group by 1 order by 2 desc, 1 limit ${top + 1}`
}

function holds(store: Store, folded: RawBuilder<unknown>, contains: string): RawBuilder<SqlBool> {
  if (contains === '') return sql<SqlBool>`1 = 1`
  const wanted = contains.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  return sql<SqlBool>`${sqlDialects[store.dialect].match('contains', folded, wanted)}`
}

/** How many have nobody. */
function countWithout(
  store: Store,
  tenantId: string,
  { list, filter }: FacetQuestion,
  { since, patienceMs }: Scope,
): Promise<number> {
  const nobody = { kind: 'isNull', scalar: { kind: 'property', property: 'assignedTo' } } as const
  const both = filter === null ? nobody : { kind: 'and' as const, terms: [nobody, filter] }
  const parts = since === null ? null : [rowsSince(since, both)]
  return countMatches(store, countedTables[list], tenantId, both, { parts, patienceMs })
}
