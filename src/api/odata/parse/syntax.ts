/** A value written into the query, not yet read against the property it is compared with. */
export interface LiteralSyntax {
  readonly kind: 'literal'
  /** `typed` is a string with a type in front of its quote: `microsoft.graph.security.alertSeverity'high'`. */
  readonly type: 'string' | 'number' | 'datetime' | 'typed' | 'boolean' | 'null'
  /** The value without its quotes, `''` already made `'`; for numbers and datetimes the text as written. */
  readonly text: string
  /** The type name of a `typed` literal, else empty. */
  readonly prefix: string
  readonly at: number
}

/** `a/b/c` as written, with `$count` or `$it` if the caller wrote them. An unquoted enum member reads as a path, too. */
export interface PathSyntax {
  readonly kind: 'path'
  readonly path: string
  readonly at: number
}

export interface CallSyntax {
  readonly kind: 'call'
  /** Lower case: function names match in any case. */
  readonly name: string
  readonly args: readonly FilterSyntax[]
  readonly at: number
}

export type ComparisonOperator = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'

export interface CompareSyntax {
  readonly kind: 'compare'
  readonly operator: ComparisonOperator | 'has'
  readonly left: FilterSyntax
  readonly right: FilterSyntax
  /** Position of the operator. */
  readonly at: number
}

export interface InSyntax {
  readonly kind: 'in'
  readonly left: FilterSyntax
  readonly items: readonly FilterSyntax[]
  readonly at: number
}

export interface LambdaSyntax {
  readonly kind: 'lambda'
  readonly path: string
  readonly quantifier: 'any' | 'all'
  readonly variable: string
  /** null: `any()`, true when the collection holds anything. */
  readonly body: FilterSyntax | null
  readonly at: number
}

/**
 * What `$filter` says, before its names mean anything. `and` and `or` hold the terms of one chain; a parenthesised chain stays a node of its own.
 * Every `at` is an index into the clause's text.
 */
export type FilterSyntax =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly FilterSyntax[]; readonly at: number }
  | { readonly kind: 'not'; readonly operand: FilterSyntax; readonly at: number }
  | CompareSyntax
  | InSyntax
  | CallSyntax
  | LambdaSyntax
  | PathSyntax
  | LiteralSyntax
