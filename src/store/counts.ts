import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import { assertNever } from '../model/errors.ts'
import { earliest, latest } from '../model/instant.ts'
import type { BoundFilter, BoundScalar } from '../model/query.ts'
import { type Dialect, findScanner, type Store } from './db.ts'
import { alertFilterMap, incidentFilterMap, taskFilterMap } from './filter-maps.ts'
import { findNamed } from './names.ts'
import { readRows } from './prepared.ts'
import { compileFilter, type FilterMap, type QuerySource } from './query.ts'
import { inTime, type ListedTable, mayScan } from './scans.ts'

/** A table whose rows are counted, and the table of its counts. */
export interface CountedTable {
  readonly table: ListedTable
  readonly counts: string
  /** How the filter reaches the rows themselves. */
  readonly rows: (dialect: Dialect) => FilterMap
  /** How it reaches the counts: the properties they know. */
  readonly known: FilterMap
}

const incidentCounts: CountedTable = {
  table: 'incidents',
  counts: 'incident_counts',
  rows: () => incidentFilterMap,
  known: {
    doc: null,
    properties: {
      status: { kind: 'enum', column: 'incident_counts.status', nullable: false },
      severity: { kind: 'enum', column: 'incident_counts.severity', nullable: false },
      classification: { kind: 'enum', column: 'incident_counts.classification', nullable: true, absent: -1 },
      determination: { kind: 'enum', column: 'incident_counts.determination', nullable: true, absent: -1 },
      assignedTo: { kind: 'presence', column: 'incident_counts.assigned' },
    },
  },
}

const alertCounts: CountedTable = {
  table: 'alerts',
  counts: 'alert_counts',
  rows: alertFilterMap,
  known: {
    doc: null,
    properties: {
      status: { kind: 'enum', column: 'alert_counts.status', nullable: false },
      severity: { kind: 'enum', column: 'alert_counts.severity', nullable: false },
      serviceSource: { kind: 'enum', column: 'alert_counts.service_source', nullable: false },
      classification: { kind: 'enum', column: 'alert_counts.classification', nullable: true, absent: -1 },
      determination: { kind: 'enum', column: 'alert_counts.determination', nullable: true, absent: -1 },
      assignedTo: { kind: 'presence', column: 'alert_counts.assigned' },
    },
  },
}

const taskCounts: CountedTable = {
  table: 'tasks',
  counts: 'task_counts',
  rows: () => taskFilterMap,
  known: {
    doc: null,
    properties: {
      status: { kind: 'enum', column: 'task_counts.status', nullable: false },
      actionStatus: { kind: 'enum', column: 'task_counts.action_status', nullable: false },
      actionType: { kind: 'enum', column: 'task_counts.action_type', nullable: false },
      source: { kind: 'enum', column: 'task_counts.source', nullable: false },
    },
  },
}

/** The tables whose rows are counted. */
export const countedTables: Readonly<Record<ListedTable, CountedTable>> = {
  incidents: incidentCounts,
  alerts: alertCounts,
  tasks: taskCounts,
}

/** Counts a tenant's incidents that fulfil the filter. */
export function countIncidents(store: Store, tenantId: string, filter: BoundFilter | null): Promise<number> {
  return countMatches(store, incidentCounts, tenantId, filter)
}

/** Counts a tenant's alerts that fulfil the filter; of one incident when `incidentId` is given. */
export function countAlerts(
  store: Store,
  tenantId: string,
  filter: BoundFilter | null,
  incidentId: number | null,
): Promise<number> {
  if (incidentId === null) return countMatches(store, alertCounts, tenantId, filter)
  const scalar = { kind: 'property', property: 'incidentId' } as const
  const ofIncident = { kind: 'compare', operator: 'eq', scalar, value: String(incidentId) } as const
  const terms = filter === null ? [ofIncident] : [ofIncident, filter]
  return countMatches(store, alertCounts, tenantId, { kind: 'and', terms })
}

/** Counts a tenant's tasks that fulfil the filter. */
export function countTasks(store: Store, tenantId: string, filter: BoundFilter | null): Promise<number> {
  return countMatches(store, taskCounts, tenantId, filter)
}

/**
 * Adds up the counts of the whole months that a filter takes in, and counts the rows before and behind them; a filter that asks for what the
 * counts do not know counts rows. One statement, so that all parts are of the same moment.
 * @param among what is counted in place of the filter, and how long that may take
 */
export async function countMatches(
  store: Store,
  counted: CountedTable,
  tenantId: string,
  filter: BoundFilter | null,
  among: { readonly parts: readonly Part[] | null; readonly patienceMs: number | null } | null = null,
): Promise<number> {
  const parts = among?.parts ?? splitByMonth(filter === null ? [] : listTerms(filter), counted.known)
  const scans = findScanner(store.read) !== null && mayScan(counted.table, filter)
  const sums = parts.map((part) => sql`coalesce((${selectPart(store.dialect, counted, tenantId, part, scans)}), 0)`)
  const statement = sql<Sum>`select ${sql.join(sums, sql` + `)} as matches`
  const rows = await readRows(store, statement, scans, among?.patienceMs ?? null)
  return Number(rows[0]?.matches ?? 0)
}

interface Sum {
  readonly matches: number | string
}

function selectPart(
  dialect: Dialect,
  counted: CountedTable,
  tenantId: string,
  part: Part,
  scans: boolean,
): RawBuilder<unknown> {
  const { isWhole } = part
  const amount = isWhole ? sql`sum(amount)` : sql`count(*)`
  const table = sql.table(isWhole ? counted.counts : counted.table)
  return sql`select ${amount} from ${table} where ${matchPart(dialect, counted, tenantId, part, scans)}`
}

/** The condition for the rows of a part, or for the counts of them. @param scans asks each row first whether there is time left */
export function matchPart(
  dialect: Dialect,
  counted: CountedTable,
  tenantId: string,
  { from, before, terms, isWhole }: Part,
  scans: boolean,
): RawBuilder<SqlBool> {
  const source = isWhole
    ? { dialect, map: counted.known }
    : sourceOf(dialect, counted, tenantId, from === null ? terms : [])
  const at = isWhole ? sql`month` : sql`created_at`
  const conditions: Expression<SqlBool>[] = []
  if (scans && !isWhole) conditions.push(inTime(counted.table))
  conditions.push(sql<SqlBool>`tenant_id = ${tenantId}`)
  if (from !== null) conditions.push(sql<SqlBool>`${at} >= ${from}`)
  if (before !== null) conditions.push(sql<SqlBool>`${at} < ${before}`)
  for (const term of terms) conditions.push(compileFilter(source, term))
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`
}

/** Rows whose names hold some text are read by their names, where names are kept, unless they are those of a stretch of time. */
function sourceOf(
  dialect: Dialect,
  counted: CountedTable,
  tenantId: string,
  terms: readonly BoundFilter[],
): QuerySource {
  const map = counted.rows(dialect)
  const readBy = dialect === 'sqlite' ? findNamed(map, { kind: 'and', terms }) : null
  return readBy === null ? { dialect, map } : { dialect, map, readBy, namesOf: tenantId }
}

/** A stretch of time of creation, from its first instant or month (included) to its last (not included); null is open. */
export interface Part {
  readonly from: string | null
  readonly before: string | null
  /** Whole months, read from the counts; instants otherwise, read from the rows. */
  readonly isWhole: boolean
  /** The conditions left beside the stretch. */
  readonly terms: readonly BoundFilter[]
}

/** The conditions that must hold together. */
export function listTerms(filter: BoundFilter): readonly BoundFilter[] {
  return filter.kind === 'and' ? filter.terms.flatMap(listTerms) : [filter]
}

/**
 * Splits the time a filter takes in into whole months and what remains at its ends.
 * @param terms the filter's conditions, all of which must hold
 */
export function splitByMonth(terms: readonly BoundFilter[], known: FilterMap): Part[] {
  const bounds = terms.flatMap((term) => readBound(term) ?? [])
  const others = terms.filter((term) => readBound(term) === null)
  const from = bounds.filter(({ side }) => side === 'from').reduce(latestOf, null)
  const before = bounds.filter(({ side }) => side === 'before').reduce(earliestOf, null)
  if (!others.every((term) => isKnown(term, known))) return [{ from: null, before: null, isWhole: false, terms }]
  const firstMonth = from === null ? null : startsMonth(from) ? monthOf(from) : nextMonth(from)
  const endMonth = before === null ? null : monthOf(before)
  const rows = (start: string | null, end: string | null): Part => ({
    from: start,
    before: end,
    isWhole: false,
    terms: others,
  })
  if (firstMonth !== null && endMonth !== null && firstMonth >= endMonth) return [rows(from, before)]
  const parts: Part[] = [{ from: firstMonth, before: endMonth, isWhole: true, terms: others }]
  if (from !== null && firstMonth !== null && !startsMonth(from)) parts.push(rows(from, `${firstMonth}-01`))
  if (before !== null && !startsMonth(before)) parts.push(rows(monthOf(before), before))
  return parts
}

interface Bound {
  readonly side: 'from' | 'before'
  readonly at: string
}

/** What a condition says about the time of creation, as an instant from which on or before which; null when it says something else. */
function readBound(term: BoundFilter): Bound | null {
  if (term.kind !== 'compare' || term.scalar.kind !== 'property' || term.scalar.property !== 'createdDateTime')
    return null
  const { operator, value } = term
  if (typeof value !== 'string') return null
  switch (operator) {
    case 'ge':
      return { side: 'from', at: value }
    case 'lt':
      return { side: 'before', at: value }
    // Instants all have the same length, so nothing lies between one and itself with a character more.
    case 'gt':
      return { side: 'from', at: `${value}~` }
    case 'le':
      return { side: 'before', at: `${value}~` }
    default:
      return null
  }
}

function latestOf(known: string | null, { at }: Bound): string {
  return latest(known, at) ?? at
}

function earliestOf(known: string | null, { at }: Bound): string {
  return earliest(known, at) ?? at
}

function monthOf(instant: string): string {
  return instant.slice(0, 7)
}

function startsMonth(instant: string): boolean {
  return instant.slice(7) === '-01T00:00:00.0000000Z'
}

/** The month after an instant's; after December one that no instant has, which compares just as well. */
function nextMonth(instant: string): string {
  return instant.slice(0, 5) + String(Number(instant.slice(5, 7)) + 1).padStart(2, '0')
}

/** Whether the counts can tell the rows that fulfil a condition from the others. */
function isKnown(filter: BoundFilter, known: FilterMap): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.every((term) => isKnown(term, known))
    case 'not':
      return isKnown(filter.term, known)
    case 'constant':
      return true
    case 'isNull':
      return kindOf(filter.scalar, known) !== undefined
    case 'compare':
    case 'in':
    case 'flags':
      return kindOf(filter.scalar, known) === 'enum'
    case 'match':
    case 'lambda':
    case 'evidence':
      return false
    default:
      return assertNever(filter)
  }
}

function kindOf(scalar: BoundScalar, known: FilterMap): string | undefined {
  if (scalar.kind !== 'property' || !Object.hasOwn(known.properties, scalar.property)) return undefined
  return known.properties[scalar.property]?.kind
}
