import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { BoundFilter, BoundScalar } from '../model/query.ts'
import type { FilterMap } from './query.ts'

// SQLite keeps every name of a collection once, with an index of its trigrams (migrations/0002-names.ts). What holds a text is looked for
// among the names by the very condition the rows would be asked, and the rows are then read by their names.

/** A condition on a part of a text. */
export type TextMatch = BoundFilter & { readonly kind: 'match' }

/** Characters of the parts that are indexed. */
const partLength = 3
/** As many parts of a text are looked up; the name itself tells the rest. */
const maxParts = 8

/** The property a text is of, when nothing but the case of its ASCII letters is changed before it is looked at. */
export function namedProperty(scalar: BoundScalar): string | null {
  if (scalar.kind === 'property') return scalar.property
  return scalar.kind === 'call' && (scalar.name === 'tolower' || scalar.name === 'toupper')
    ? namedProperty(scalar.of)
    : null
}

/** The property by whose names the rows of a filter can be read: all of them hold some text there. Null without. */
export function findNamed(map: FilterMap, filter: BoundFilter | null): string | null {
  if (filter === null) return null
  if (filter.kind === 'and') return filter.terms.map((term) => findNamed(map, term)).find((one) => one !== null) ?? null
  if (filter.kind !== 'match' || filter.value === '') return null
  const property = namedProperty(filter.scalar)
  const column = property === null ? undefined : map.properties[property]
  return column?.kind === 'text' && column.names !== undefined ? property : null
}

/**
 * The names that fulfil a condition, as a subquery.
 * @param condition asked of `known.name`
 */
export function selectNames(
  table: string,
  tenantId: string,
  filter: TextMatch,
  condition: Expression<SqlBool>,
): RawBuilder<unknown> {
  const parts = listParts(filter.value)
  const index = sql.table(`${table}_parts`)
  // Behind a plus SQLite sees no column that an index could be for.
  return parts.length === 0
    ? sql`(select known.name from ${sql.table(table)} as known where known.tenant_id = ${tenantId} and ${condition})`
    : sql`(select known.name from ${sql.table(table)} as known where +known.tenant_id = ${tenantId}
        and known.number in (select rowid from ${index} where ${index} match ${parts.join(' AND ')}) and ${condition})`
}

/**
 * What the index is asked: parts of the text, each within quotes. The index does not tell case apart, in any script, so it has what is
 * looked for whatever its case. None for a text that is shorter than a part, or that the language of the question cannot say.
 * @source sqlite.org "SQLite FTS5 Extension", full-text query syntax
 */
function listParts(text: string): string[] {
  if (text.includes('\u0000')) return []
  const characters = [...text]
  const parts = characters.slice(0, 1 - partLength).map((_, at) => characters.slice(at, at + partLength).join(''))
  const each = [...new Set(characters.length < partLength ? [] : parts)]
  const step = Math.ceil(each.length / maxParts)
  return each.filter((_, at) => at % step === 0).map((part) => `"${part.replaceAll('"', '""')}"`)
}
