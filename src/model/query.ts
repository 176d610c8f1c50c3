import type { TypeName } from './generated.ts'

/**
 * A query after its names and literals were read against the model: what the store understands. All names are canonical Graph names
 * (`createdDateTime`, `incident/id`), never aliases or columns; enum literals are numbers, datetimes 7-digit UTC text.
 *
 * Meaning of null, as OData 4.01 URL conventions 5.1.1.1 have it: `eq`, `gt`, `ge`, `lt`, `le` and `in` on a null operand are false, `ne` is true;
 * contains, startswith and endswith on null are unknown; `not` of unknown is unknown; a row stays only when the whole filter is true.
 */
export interface BoundQuery {
  /** null: every row. */
  readonly filter: BoundFilter | null
  /** Total: the last key is the id, so no two rows are equal under it. */
  readonly orderBy: readonly BoundOrder[]
  /** Position after which the page begins; null for the first page. */
  readonly after: Keyset | null
  /** Rows passed over before the page begins. */
  readonly skip: number
  /** Rows on the page. */
  readonly top: number
}

/** One sort key. Nulls come first in `asc`, last in `desc`. */
export interface BoundOrder {
  readonly property: string
  readonly direction: 'asc' | 'desc'
}

/** A row's place in an order: the value of each {@link BoundOrder} of the query, in the same sequence. */
export type Keyset = readonly KeyValue[]

export type KeyValue = string | number | null

/** What a scalar's values are: `enum` is the member's number, `datetime` 7-digit UTC text, `bool` 0 or 1. */
export type ValueType = 'text' | 'int' | 'enum' | 'datetime' | 'bool'

/** A value of the row, or a function of one. */
export type BoundScalar =
  | { readonly kind: 'property'; readonly property: string }
  /** Inside any/all: the element itself (`property` null), or one of its members. */
  | { readonly kind: 'item'; readonly property: string | null }
  /** tolower and toupper change ASCII letters only, trim removes ASCII white space, length counts code points. */
  | { readonly kind: 'call'; readonly name: 'tolower' | 'toupper' | 'trim' | 'length'; readonly of: BoundScalar }
  /** How many elements a collection holds. */
  | { readonly kind: 'count'; readonly collection: string }

export type CompareOperator = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'

export type BoundFilter =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly BoundFilter[] }
  | { readonly kind: 'not'; readonly term: BoundFilter }
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'isNull'; readonly scalar: BoundScalar }
  | {
      readonly kind: 'compare'
      readonly operator: CompareOperator
      readonly scalar: BoundScalar
      readonly value: string | number
    }
  | { readonly kind: 'in'; readonly scalar: BoundScalar; readonly values: readonly (string | number)[] }
  /** All of `bits` are set. */
  | { readonly kind: 'flags'; readonly scalar: BoundScalar; readonly bits: number }
  | { readonly kind: 'match'; readonly test: TextTest; readonly scalar: BoundScalar; readonly value: string }
  /** Whether any or all elements of a collection fulfil `body`; `body` null: whether there is any element. An element for which it is unknown does not fulfil it. */
  | {
      readonly kind: 'lambda'
      readonly quantifier: 'any' | 'all'
      readonly collection: string
      readonly body: BoundFilter | null
    }
  /** An alert that names this identifier as evidence, e.g. `deviceEvidence`, `mdeDeviceId`. */
  | {
      readonly kind: 'evidence'
      readonly evidenceType: TypeName
      readonly property: string
      readonly value: string
    }

/** Text is compared as it is: `%` and `_` stand for themselves. */
export type TextTest = 'contains' | 'startswith' | 'endswith'
