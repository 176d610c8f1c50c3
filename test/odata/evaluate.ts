import type { BoundFilter, BoundOrder, BoundScalar, KeyValue } from '../../src/model/query.ts'

/** A row by canonical property names: scalars (enums as numbers), lists of strings or of objects, and evidence. */
export interface Row {
  readonly scalars: Readonly<Record<string, KeyValue>>
  readonly lists: Readonly<Record<string, readonly (string | Readonly<Record<string, KeyValue>>)[]>>
  readonly evidence: readonly { readonly type: string; readonly property: string; readonly value: string }[]
}

/** Properties whose comparison is not plain. */
export interface Traits {
  readonly caseInsensitive: readonly string[]
  readonly digits: readonly string[]
}

/** true, false, or null for unknown. */
type Truth = boolean | null

type Element = string | Readonly<Record<string, KeyValue>>

/**
 * Whether a filter keeps a row, by the words of the OData standard: three-valued, `not` where it stands. Deliberately nothing like
 * the SQL compiler, which pushes `not` down and leaves unknown to the database.
 */
export function keepsRow(filter: BoundFilter, row: Row, traits: Traits): boolean {
  return evaluate(filter, row, null, traits) === true
}

function evaluate(filter: BoundFilter, row: Row, item: Element | null, traits: Traits): Truth {
  switch (filter.kind) {
    case 'and': {
      const terms = filter.terms.map((term) => evaluate(term, row, item, traits))
      return terms.includes(false) ? false : terms.includes(null) ? null : true
    }
    case 'or': {
      const terms = filter.terms.map((term) => evaluate(term, row, item, traits))
      return terms.includes(true) ? true : terms.includes(null) ? null : false
    }
    case 'not': {
      const term = evaluate(filter.term, row, item, traits)
      return term === null ? null : !term
    }
    case 'constant':
      return filter.value
    case 'isNull':
      return read(filter.scalar, row, item) === null
    case 'compare': {
      const left = read(filter.scalar, row, item)
      if (left === null) return filter.operator === 'ne'
      const order = compareValues(left, filter.value, nameOf(filter.scalar), traits)
      return { eq: order === 0, ne: order !== 0, gt: order > 0, ge: order >= 0, lt: order < 0, le: order <= 0 }[
        filter.operator
      ]
    }
    case 'in': {
      const left = read(filter.scalar, row, item)
      if (left === null) return false
      return filter.values.some((value) => compareValues(left, value, nameOf(filter.scalar), traits) === 0)
    }
    case 'flags': {
      const left = read(filter.scalar, row, item)
      return left === null ? false : (Number(left) & filter.bits) === filter.bits
    }
    case 'match': {
      const left = read(filter.scalar, row, item)
      if (left === null) return null
      const fold = traits.caseInsensitive.includes(nameOf(filter.scalar) ?? '')
      const [text, value] = fold ? [lower(String(left)), lower(filter.value)] : [String(left), filter.value]
      if (filter.test === 'contains') return text.includes(value)
      return filter.test === 'startswith' ? text.startsWith(value) : text.endsWith(value)
    }
    case 'lambda': {
      const elements = row.lists[filter.collection] ?? []
      const { body } = filter
      if (body === null) return elements.length > 0
      const holds = (element: Element): boolean => evaluate(body, row, element, traits) === true
      return filter.quantifier === 'any' ? elements.some(holds) : elements.every(holds)
    }
    case 'evidence':
      return row.evidence.some(
        ({ type, property, value }) =>
          type === filter.evidenceType && property === filter.property && value === filter.value,
      )
  }
}

function read(scalar: BoundScalar, row: Row, item: Element | null): KeyValue {
  switch (scalar.kind) {
    case 'property':
      return row.scalars[scalar.property] ?? null
    case 'item':
      if (scalar.property === null) return typeof item === 'string' ? item : null
      return typeof item === 'object' ? (item?.[scalar.property] ?? null) : null
    case 'count':
      return (row.lists[scalar.collection] ?? []).length
    case 'call': {
      const value = read(scalar.of, row, item)
      if (value === null) return null
      const text = String(value)
      if (scalar.name === 'length') return [...text].length
      if (scalar.name === 'trim') return text.replaceAll(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
      return scalar.name === 'tolower' ? lower(text) : text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
    }
  }
}

/** The property a scalar reads; null for counts, elements and lengths, which have no traits. */
function nameOf(scalar: BoundScalar): string | null {
  if (scalar.kind === 'property') return scalar.property
  return scalar.kind === 'call' && scalar.name !== 'length' ? nameOf(scalar.of) : null
}

function lower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function compareValues(left: string | number, right: string | number, name: string | null, traits: Traits): number {
  if (typeof left === 'number') return left - Number(right)
  const literal = String(right)
  const bothDigits = /^(0|[1-9]\d*)$/.test(left) && /^(0|[1-9]\d*)$/.test(literal)
  if (name !== null && traits.digits.includes(name) && bothDigits) return Number(left) - Number(literal)
  const fold = name !== null && traits.caseInsensitive.includes(name)
  return fold ? compareText(lower(left), lower(literal)) : compareText(left, literal)
}

function compareText(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** Sorts as $orderby says: nulls first in asc and last in desc, text by its first 200 characters. */
export function sortRows(rows: readonly Row[], order: readonly BoundOrder[], traits: Traits): Row[] {
  return rows.toSorted((a, b) => {
    for (const [index, { property, direction }] of order.entries()) {
      const isLast = index === order.length - 1
      const left = cut(a.scalars[property] ?? null, isLast)
      const right = cut(b.scalars[property] ?? null, isLast)
      const plain = { caseInsensitive: [], digits: traits.digits }
      const sign =
        left === null || right === null ? nullFirst(left, right) : compareValues(left, right, property, plain)
      if (sign !== 0) return direction === 'asc' ? sign : -sign
    }
    return 0
  })
}

function cut(value: KeyValue, whole: boolean): KeyValue {
  return typeof value === 'string' && !whole ? [...value].slice(0, 200).join('') : value
}

function nullFirst(left: KeyValue, right: KeyValue): number {
  return Number(left !== null) - Number(right !== null)
}
