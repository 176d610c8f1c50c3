import { edm } from '../../../model/generated.ts'
import type { BoundFilter, BoundOrder } from '../../../model/query.ts'
import { type Clause, clauseError, limits, quoteName } from '../parse/clause.ts'
import { parseFilter } from '../parse/filter.ts'
import { type ExpandItem, type ExpandOption, parseExpand, parseOrderBy, parseSelect } from '../parse/lists.ts'
import { type ExpandableDescription, findVisible, type ResourceDescription, valueTypeOf } from '../resource.ts'
import { readBoolean, readWholeNumber } from '../values.ts'
import { bindFilter, lookUp, missingProperty } from './filter.ts'

/** A navigation property to put into each row, with the query of its own. For a single entity only `name` and `select` mean anything. */
export interface BoundExpand {
  readonly name: string
  readonly many: boolean
  readonly select: readonly string[] | null
  readonly filter: BoundFilter | null
  readonly orderBy: readonly BoundOrder[]
  readonly top: number
  readonly skip: number
  readonly count: boolean
  /** The options a link to further rows repeats, as written: all but `$top` and `$skip`. */
  readonly options: readonly (readonly ['filter' | 'orderby' | 'select' | 'count', string])[]
}

/**
 * Binds `$orderby` and makes it total: without one the newest come first, and the id is always the last key.
 * A property named twice counts once, and nothing after the id can matter.
 */
export function bindOrderBy(clause: Clause | null, resource: ResourceDescription): BoundOrder[] {
  const order: BoundOrder[] = []
  for (const { path, direction, at } of clause === null ? [] : parseOrderBy(clause)) {
    if (clause === null) break
    const { path: property, property: declared } = lookUp(clause, resource, path, at)
    if (valueTypeOf(declared) === null) {
      throw clauseError(clause, `${quoteName(path)} is not a single value and cannot be sorted by`, at)
    }
    if (!order.some((key) => key.property === property)) order.push({ property, direction })
  }
  if (order.length === 0) order.push({ property: 'createdDateTime', direction: 'desc' })
  const id = order.findIndex((key) => key.property === 'id')
  if (id >= 0) return order.slice(0, id + 1)
  return [...order, { property: 'id', direction: order.at(-1)?.direction ?? 'asc' }]
}

/** Binds `$select`: null when it names everything. Names are kept in the caller's sequence, each once. */
export function bindSelect(clause: Clause, resource: ResourceDescription): string[] | null {
  const names = new Set<string>()
  let everything = false
  for (const { name } of parseSelect(clause)) {
    if (name === '*') everything = true
    else if (findVisible(resource.entityType, name, resource.version) !== undefined) names.add(name)
    else throw missingProperty(clause, name, edm[resource.entityType].qualifiedName)
  }
  return everything ? null : [...names]
}

/** Binds `$expand`: one level, each navigation property once. */
export function bindExpand(clause: Clause, resource: ResourceDescription, revealHidden: boolean): BoundExpand[] {
  const bound: BoundExpand[] = []
  for (const item of parseExpand(clause)) {
    const { name, at } = item
    if (!Object.hasOwn(resource.expandable, name)) throw notExpandable(clause, resource, item)
    const target = resource.expandable[name]
    if (target === undefined) throw notExpandable(clause, resource, item)
    if (bound.some((other) => other.name === name)) {
      throw clauseError(clause, `${quoteName(name)} is expanded twice`, at)
    }
    bound.push(bindExpandItem(clause, item, target, revealHidden))
  }
  return bound
}

function notExpandable(clause: Clause, resource: ResourceDescription, item: ExpandItem): Error {
  const { name, at } = item
  const [first = ''] = name.split('/')
  const known = findVisible(resource.entityType, first, resource.version) !== undefined
  if (name === '*' || known || name.includes('$')) {
    return clauseError(clause, `${quoteName(name)} cannot be expanded`, at)
  }
  return missingProperty(clause, first, edm[resource.entityType].qualifiedName)
}

function bindExpandItem(
  clause: Clause,
  item: ExpandItem,
  target: ExpandableDescription,
  revealHidden: boolean,
): BoundExpand {
  const { resource, many } = target
  const options = collectOptions(clause, item, many)
  const nested = (name: 'filter' | 'orderby' | 'select'): Clause | null => {
    const option = options.get(name)
    return option === undefined ? null : { name, text: option.value, base: clause.base + option.at }
  }
  const filter = nested('filter')
  const select = nested('select')
  const top = options.get('top')
  const skip = options.get('skip')
  const count = options.get('count')
  return {
    name: item.name,
    many,
    select: select === null ? null : bindSelect(select, resource),
    filter: filter === null ? null : bindFilter(filter, parseFilter(filter), resource, revealHidden),
    orderBy: many ? bindOrderBy(nested('orderby'), resource) : [],
    top: top === undefined ? limits.nestedTop : Math.min(readWholeNumber('top', top.value), limits.nestedTop),
    skip: skip === undefined ? 0 : readWholeNumber('skip', skip.value),
    count: count === undefined ? false : readBoolean('count', count.value),
    options: (['filter', 'orderby', 'select', 'count'] as const).flatMap((option) => {
      const written = options.get(option)
      return written === undefined ? [] : [[option, written.value] as const]
    }),
  }
}

const collectionOptions = new Set(['select', 'filter', 'orderby', 'top', 'skip', 'count'])

function collectOptions(clause: Clause, item: ExpandItem, many: boolean): Map<string, ExpandOption> {
  const options = new Map<string, ExpandOption>()
  for (const option of item.options) {
    if (!(many ? collectionOptions.has(option.name) : option.name === 'select')) {
      throw clauseError(clause, `The option ${quoteName(option.name)} is not supported here`, option.at)
    }
    if (options.has(option.name))
      throw clauseError(clause, `The option ${quoteName(option.name)} stands twice`, option.at)
    options.set(option.name, option)
  }
  return options
}
