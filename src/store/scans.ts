import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { assertNever } from '../model/errors.ts'
import type { BoundFilter, BoundOrder, BoundScalar } from '../model/query.ts'
import { inTimeFunction } from './sqlite.ts'

/** The tables that Graph's collections are read from. */
export type ListedTable = 'incidents' | 'alerts' | 'tasks'

const common = ['id', 'status', 'createdDateTime'] as const
const ofIncidentsAndAlerts = [
  ...common,
  'lastUpdateDateTime',
  'severity',
  'classification',
  'determination',
  'assignedTo',
]

/** What the indexes hold that lists are walked by (migrations/0001-lists.ts, 0003-sources.ts); anything else is looked up row by row. */
const indexed: Readonly<Record<ListedTable, ReadonlySet<string>>> = {
  incidents: new Set([...ofIncidentsAndAlerts, 'redirectIncidentId', 'alerts']),
  alerts: new Set([...ofIncidentsAndAlerts, 'incidentId', 'serviceSource']),
  tasks: new Set([...common, 'lastModifiedDateTime', 'actionStatus', 'actionType', 'source', 'incident/id']),
}

/**
 * Whether a list or count may have to read row after row to find what fulfils the filter, or all of them to sort: seconds, or minutes, for
 * somebody with a million.
 */
export function mayScan(table: ListedTable, filter: BoundFilter | null, orderBy: readonly BoundOrder[] = []): boolean {
  const isIndexed = (property: string): boolean => indexed[table].has(property)
  return !orderBy.every(({ property }) => isIndexed(property)) || (filter !== null && readsRows(filter, isIndexed))
}

function readsRows(filter: BoundFilter, isIndexed: (property: string) => boolean): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.terms.some((term) => readsRows(term, isIndexed))
    case 'not':
      return readsRows(filter.term, isIndexed)
    case 'constant':
      return false
    case 'isNull':
    case 'compare':
    case 'in':
    case 'flags':
      return !isIndexedScalar(filter.scalar, isIndexed)
    case 'lambda':
      // The sources of an incident's alerts stand in the index; lists of texts do not.
      return !isIndexed(filter.collection)
    case 'match':
    case 'evidence':
      return true
    default:
      return assertNever(filter)
  }
}

function isIndexedScalar(scalar: BoundScalar, isIndexed: (property: string) => boolean): boolean {
  return scalar.kind === 'property' && isIndexed(scalar.property)
}

/**
 * The condition by which a statement of the scanner finds out that it has run too long; the first of all, and about the row. It is asked with
 * one in 32 rows that are looked at, whatever the steps in which their numbers go up: asking takes longer than reading a row of an index.
 */
export function inTime(table: ListedTable): RawBuilder<SqlBool> {
  const isNotAsked = sql`${sql.ref(`${table}.rowid`)} * 40503 & 65535 > 2047`
  return sql<SqlBool>`(${isNotAsked} or ${sql.raw(inTimeFunction)}(${sql.ref(`${table}.created_at`)}))`
}
