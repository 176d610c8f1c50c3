import type { EdmProperty } from '../../../model/edm.ts'
import { type EnumName, edm } from '../../../model/generated.ts'
import type { BoundFilter, BoundScalar, TextTest } from '../../../model/query.ts'
import { type Clause, clauseError, quoteName } from '../parse/clause.ts'
import type { CallSyntax, CompareSyntax, FilterSyntax, InSyntax, LambdaSyntax, PathSyntax } from '../parse/syntax.ts'
import {
  findVisible,
  isAlertsOfIncident,
  isQueryableList,
  type ResolvedProperty,
  type ResourceDescription,
  resolvePath,
  valueTypeOf,
} from '../resource.ts'
import { checkAlerts } from './alerts.ts'
import { bindComparison, bindHas, bindIn, type Comparand } from './compare.ts'
import { bindEvidence } from './evidence.ts'

/** Where names are looked up. */
interface Scope {
  readonly clause: Clause
  readonly resource: ResourceDescription
  /** The caller sent `Prefer: include-unknown-enum-members`. */
  readonly revealHidden: boolean
  /** Inside any/all: the variable and the collection it runs over. */
  readonly item: { readonly variable: string; readonly collection: EdmProperty } | null
}

/**
 * Reads the names and literals of a filter against the resource.
 * @throws CordonError BadRequest: an unknown property (with Graph's sentence), a literal that does not fit, anything section 15 does not offer
 * @source design contract 13, 14.2 and 15
 */
export function bindFilter(
  clause: Clause,
  syntax: FilterSyntax,
  resource: ResourceDescription,
  revealHidden: boolean,
): BoundFilter {
  return bindCondition({ clause, resource, revealHidden, item: null }, syntax)
}

function bindCondition(scope: Scope, syntax: FilterSyntax): BoundFilter {
  switch (syntax.kind) {
    case 'and':
    case 'or':
      return { kind: syntax.kind, terms: syntax.terms.map((term) => bindCondition(scope, term)) }
    case 'not':
      return { kind: 'not', term: bindCondition(scope, syntax.operand) }
    case 'compare':
      return bindCompare(scope, syntax)
    case 'in':
      return bindInList(scope, syntax)
    case 'call':
      return bindTest(scope, syntax)
    case 'lambda':
      return bindLambda(scope, syntax)
    case 'path': {
      const left = bindComparand(scope, syntax)
      if (left.type === 'bool') return { kind: 'compare', operator: 'eq', scalar: left.scalar, value: 1 }
      throw clauseError(scope.clause, `${quoteName(syntax.path)} is not a condition; it has to be compared`, syntax.at)
    }
    case 'literal':
      throw clauseError(scope.clause, 'A value alone is not a condition', syntax.at)
  }
}

function bindCompare(scope: Scope, syntax: CompareSyntax): BoundFilter {
  const { left, right, operator } = syntax
  if (isCondition(left)) return compareCondition(scope, syntax)
  const comparand = bindComparand(scope, left)
  if (operator === 'has') return bindHas(scope.clause, comparand, right, scope.revealHidden)
  return bindComparison(scope.clause, comparand, operator, right, scope.revealHidden)
}

function bindInList(scope: Scope, syntax: InSyntax): BoundFilter {
  return bindIn(scope.clause, bindComparand(scope, syntax.left), syntax.items, scope.revealHidden)
}

/** Things that are true or false by themselves; `contains(a,'x') eq true` compares one. */
function isCondition(syntax: FilterSyntax): boolean {
  if (syntax.kind === 'call') return isTextTest(syntax.name)
  return syntax.kind !== 'path' && syntax.kind !== 'literal'
}

function compareCondition(scope: Scope, syntax: CompareSyntax): BoundFilter {
  const { left, right, operator } = syntax
  const condition = bindCondition(scope, left)
  if (right.kind !== 'literal' || right.type !== 'boolean' || (operator !== 'eq' && operator !== 'ne')) {
    throw clauseError(scope.clause, 'A condition can be compared only with eq or ne and true or false', right.at)
  }
  const wanted = (right.text.toLowerCase() === 'true') === (operator === 'eq')
  return wanted ? condition : { kind: 'not', term: condition }
}

const textTests: ReadonlySet<string> = new Set<TextTest>(['contains', 'startswith', 'endswith'])

function isTextTest(name: string): name is TextTest {
  return textTests.has(name)
}

function bindTest(scope: Scope, syntax: CallSyntax): BoundFilter {
  const { clause } = scope
  if (!isTextTest(syntax.name)) {
    bindComparand(scope, syntax)
    throw clauseError(clause, `'${syntax.name}' is not a condition; its result has to be compared`, syntax.at)
  }
  const [first, second] = syntax.args
  if (first === undefined || second === undefined || syntax.args.length > 2) {
    throw clauseError(clause, `'${syntax.name}' takes a property and a string`, syntax.at)
  }
  const left = bindComparand(scope, first)
  if (left.type !== 'text') throw clauseError(clause, `${quoteName(left.name)} is not a string`, first.at)
  if (second.kind !== 'literal' || second.type !== 'string') {
    throw clauseError(clause, `'${syntax.name}' takes a string in single quotes as its second argument`, second.at)
  }
  return { kind: 'match', test: syntax.name, scalar: left.scalar, value: second.text }
}

function bindComparand(scope: Scope, syntax: FilterSyntax): Comparand {
  switch (syntax.kind) {
    case 'path':
      return scope.item === null ? bindPath(scope, syntax) : bindItem(scope, scope.item, syntax)
    case 'call':
      return bindCall(scope, syntax)
    case 'literal':
      throw clauseError(scope.clause, 'The left side of a comparison must be a property, not a value', syntax.at)
    default:
      throw clauseError(scope.clause, 'A property is expected, not a condition', syntax.at)
  }
}

function bindCall(scope: Scope, syntax: CallSyntax): Comparand {
  const { clause } = scope
  const { name, args } = syntax
  if (name !== 'tolower' && name !== 'toupper' && name !== 'trim' && name !== 'length') {
    if (isTextTest(name)) throw clauseError(clause, `'${name}' is a condition and cannot be compared so`, syntax.at)
    throw clauseError(clause, `The function ${quoteName(name)} is not supported`, syntax.at)
  }
  const [argument] = args
  if (argument === undefined || args.length > 1) throw clauseError(clause, `'${name}' takes one property`, syntax.at)
  const inner = bindComparand(scope, argument)
  if (inner.type !== 'text') throw clauseError(clause, `${quoteName(inner.name)} is not a string`, argument.at)
  return { ...inner, scalar: { kind: 'call', name, of: inner.scalar }, type: name === 'length' ? 'int' : 'text' }
}

const countSuffix = '/$count'

function bindPath(scope: Scope, syntax: PathSyntax): Comparand {
  const { clause, resource } = scope
  if (syntax.path.endsWith(countSuffix)) {
    const collection = bindList(scope, syntax.path.slice(0, -countSuffix.length), syntax.at)
    const scalar: BoundScalar = { kind: 'count', collection: collection.path }
    return { scalar, type: 'int', enumName: null, nullable: false, name: syntax.path, wildcard: null }
  }
  const { path, property } = lookUp(clause, resource, syntax.path, syntax.at)
  const scalar: BoundScalar = { kind: 'property', property: path }
  const wildcard = Object.hasOwn(resource.wildcards, path) ? resource.wildcards[path] : undefined
  return { ...comparandOf(clause, property, syntax), scalar, wildcard: wildcard ?? null }
}

function bindItem(
  scope: Scope,
  item: { readonly variable: string; readonly collection: EdmProperty },
  syntax: PathSyntax,
): Comparand {
  const { clause } = scope
  const { variable, collection } = item
  const { path, at } = syntax
  if (path !== variable && !path.startsWith(`${variable}/`)) {
    throw clauseError(clause, `Inside any and all only the variable ${quoteName(variable)} can be tested`, at)
  }
  if (collection.kind === 'primitive' || collection.kind === 'enum') {
    if (path !== variable) throw clauseError(clause, `${quoteName(variable)} is a string and has no properties`, at)
    const scalar: BoundScalar = { kind: 'item', property: null }
    return { scalar, type: 'text', enumName: null, nullable: false, name: path, wildcard: null }
  }
  if (path === variable) throw clauseError(clause, `${quoteName(variable)} has to be followed by a property`, at)
  const name = path.slice(variable.length + 1)
  const property = findVisible(collection.type, name, scope.resource.version)
  if (property === undefined) throw missingProperty(clause, name, edm[collection.type].qualifiedName)
  return { ...comparandOf(clause, property, syntax), scalar: { kind: 'item', property: name } }
}

function comparandOf(clause: Clause, property: EdmProperty, syntax: PathSyntax): Omit<Comparand, 'scalar'> {
  const type = valueTypeOf(property)
  if (type === null) {
    const hint = isQueryableList(property) ? '; any, all and $count look into it' : ''
    throw clauseError(
      clause,
      `${quoteName(syntax.path)} is not a single value and cannot be compared${hint}`,
      syntax.at,
    )
  }
  const enumName: EnumName | null = property.kind === 'enum' ? property.type : null
  return { type, enumName, nullable: property.nullable, name: syntax.path, wildcard: null }
}

function bindLambda(scope: Scope, syntax: LambdaSyntax): BoundFilter {
  const { clause, resource } = scope
  const { path, at, quantifier, variable, body } = syntax
  const found = lookUp(clause, resource, path, at)
  const { property } = found
  if (property.collection && property.type === 'alertEvidence') return bindEvidence(clause, resource.version, syntax)
  if (isAlertsOfIncident(property)) checkAlerts(clause, syntax)
  const { path: collection } = isAlertsOfIncident(property) ? found : bindList(scope, path, at)
  if (body === null) return { kind: 'lambda', quantifier, collection, body: null }
  const inner: Scope = { ...scope, item: { variable, collection: property } }
  return { kind: 'lambda', quantifier, collection, body: bindCondition(inner, body) }
}

function bindList(scope: Scope, path: string, at: number): ResolvedProperty {
  const { clause, resource } = scope
  if (scope.item !== null) throw clauseError(clause, 'Inside any and all no collection can be looked into', at)
  const found = lookUp(clause, resource, path, at)
  if (isQueryableList(found.property)) return found
  throw clauseError(clause, `any, all and $count are not supported on ${quoteName(path)}`, at)
}

/**
 * The property a caller's path means, aliases resolved.
 * @throws CordonError BadRequest with Graph's sentence for a name the type does not declare
 */
export function lookUp(clause: Clause, resource: ResourceDescription, written: string, at: number): ResolvedProperty {
  const alias = Object.hasOwn(resource.aliases, written) ? resource.aliases[written] : undefined
  const path = alias ?? written
  if (written.includes('$') || written.includes('@')) {
    throw clauseError(clause, `${quoteName(written)} is not supported`, at)
  }
  const found = resolvePath(resource.entityType, path, resource.version)
  if ('missing' in found) throw missingProperty(clause, found.missing, found.qualifiedType)
  if (resource.computed.includes(path)) {
    throw clauseError(clause, `${quoteName(written)} can be neither filtered nor sorted by`, at)
  }
  if (path.includes('/') && !resource.paths.includes(path)) {
    throw clauseError(clause, `The path ${quoteName(written)} is not supported`, at)
  }
  return found
}

/** Graph's own sentence, which clients show to people and some look for. @source design contract 14.2 */
export function missingProperty(clause: Clause, name: string, qualifiedType: string): Error {
  const shown = name.length > 128 ? `${name.slice(0, 128)}...` : name
  return clauseError(clause, `Could not find a property named '${shown}' on type '${qualifiedType}'`)
}
