import {
  actualType,
  concreteTypesOf,
  type Draft,
  type EdmProperty,
  hiddenMembers,
  maskEnum,
  propertiesOf,
} from './edm.ts'
import type { Refusal } from './errors.ts'
import { type ActionName, actions, type EdmActions, type EdmTypes, edm, enums, type TypeName } from './generated.ts'
import {
  emptyValue,
  findMissing,
  isControlAnnotation,
  isObject,
  type JsonObject,
  readObject,
  readProperty,
} from './graph-structures.ts'
import { Problem, type ReadRules } from './graph-values.ts'

/** A body that breaks the contract. `reason` is shown to the caller. */
export interface BodyRefusal extends Refusal {
  /** Where in the body: `severity`, `evidence[0]/roles[1]`; empty for the body itself. Goes into `error.target`. */
  readonly path: string
}

/** What the request said about its body. */
export interface ReadOptions {
  /** The request carried `Prefer: include-unknown-enum-members`. */
  readonly includeUnknownEnumMembers: boolean
}

/**
 * Reads the body of a creating POST or of a PATCH against the contract.
 *
 * Undeclared properties and wrong values refuse the body as a whole. Ignored without a look are: `@odata.*` annotations but
 * `@odata.type`; in a patch every property PATCH cannot write; in a create every property the server owns.
 * @param json a value from a strict JSON parser; `__proto__` as an own key is an undeclared property
 * @returns only what the body set, canonical: enum members in the contract's case, datetimes with 7 digits, null collections `[]`,
 *   evidence and response actions with `@odata.type` and `#`; {@link completeEntity} adds the rest
 * @source design contract 1.6, 10, 13
 */
export function readEntity<N extends TypeName>(
  typeName: N,
  json: unknown,
  mode: 'create' | 'patch',
  options: ReadOptions,
): { readonly value: Draft<EdmTypes[N]> } | BodyRefusal {
  if (!isObject(json)) return refuseBody(new Problem('must be a JSON object'))
  const read = readObject(edm[typeName], json, { mode, ...options })
  // The object was built from the same table as the type.
  return read instanceof Problem ? refuseBody(read) : { value: read as Draft<EdmTypes[N]> }
}

/**
 * Reads the body of a bound action, by the rules of a create. Flags come out as members joined by `,` in the order of their numbers.
 * @source design contract 6
 */
export function readActionBody<N extends ActionName>(
  actionName: N,
  json: unknown,
  options: ReadOptions,
): { readonly value: EdmActions[N] } | BodyRefusal {
  if (!isObject(json)) return refuseBody(new Problem('must be a JSON object'))
  const rules: ReadRules = { mode: 'create', ...options }
  const { parameters } = actions[actionName]
  const value: Record<string, unknown> = {}
  for (const name of Object.keys(json)) {
    if (isControlAnnotation(name)) continue
    const parameter = parameters.find((candidate) => candidate.name === name)
    if (parameter === undefined) return refuseBody(new Problem(`is no parameter of '${actionName}'`, name))
    const read = readProperty(parameter, json[name], rules)
    if (read instanceof Problem) return refuseBody(read.at(name))
    value[name] = read
  }
  const missing = findMissing(parameters, value)
  return missing === null ? { value: value as EdmActions[N] } : refuseBody(missing)
}

function refuseBody(problem: Problem): BodyRefusal {
  const subject = problem.path === '' ? 'The request body' : `Property '${problem.path.slice(0, 256)}'`
  return { refused: 'BadRequest', reason: `${subject} ${problem.says}.`, path: problem.path.slice(0, 256) }
}

/**
 * Adds what `value` does not have, so that every declared property is present: null, `[]`, `{}`, the contract's default, or `now` for a
 * datetime that cannot be null. Values below (evidence, accounts) are completed the same way. Navigations stay as they are.
 * @param value for an entity: with its id, and with every property that has neither null nor default
 * @param now 7-digit UTC instant
 */
export function completeEntity<N extends TypeName>(typeName: N, value: Draft<EdmTypes[N]>, now: string): EdmTypes[N] {
  // Every declared property is set below; the table and the type are one contract.
  return completeObject(typeName, value as JsonObject, now) as EdmTypes[N]
}

function completeObject(declared: TypeName, value: JsonObject, now: string): JsonObject {
  const whole: Record<string, unknown> = { ...value }
  for (const property of propertiesOf(actualType(declared, value))) {
    const given = value[property.name]
    if (property.kind === 'navigation') continue
    if (given === undefined) whole[property.name] = defaultValue(property, now)
    else if (property.kind === 'complex') {
      whole[property.name] = mapItems(given, (item) => completeObject(property.type, item, now))
    }
  }
  return whole
}

function defaultValue(property: EdmProperty, now: string): unknown {
  if (property.nullable || property.collection) return emptyValue(property)
  if (property.type === 'Edm.DateTimeOffset') return now
  if (property.default !== undefined) return property.default
  if (property.type === 'Edm.String') return ''
  throw new Error(`${property.name} has neither value nor default`)
}

/** Applies `change` to an object or to each object of an array; the same reference comes back when nothing changed. */
function mapItems(value: unknown, change: (item: JsonObject) => JsonObject): unknown {
  if (!Array.isArray(value)) return isObject(value) ? change(value) : value
  let changed: unknown[] | null = null
  for (const [index, item] of value.entries()) {
    const next = isObject(item) ? change(item) : item
    if (next === item) continue
    changed ??= [...value]
    changed[index] = next
  }
  return changed ?? value
}

/**
 * What a caller without `Prefer: include-unknown-enum-members` sees: every hidden enum member, at any depth, is `unknownFutureValue`.
 * @returns `value` itself when it holds no hidden member
 * @source design contract 13
 */
export function maskHidden<T extends object>(typeName: TypeName, value: T): T {
  return maskObject(typeName, value as JsonObject) as T
}

/** True when {@link maskHidden} would change `value`. */
export function hasHidden(typeName: TypeName, value: object): boolean {
  return maskHidden(typeName, value) !== value
}

function maskObject(declared: TypeName, value: JsonObject): JsonObject {
  let masked: Record<string, unknown> | null = null
  for (const property of hidingProperties(actualType(declared, value))) {
    const shown = value[property.name]
    if (shown === undefined || shown === null) continue
    const next = maskValue(property, shown)
    if (next === shown) continue
    masked ??= { ...value }
    masked[property.name] = next
  }
  return masked ?? value
}

function maskValue(property: EdmProperty, value: unknown): unknown {
  if (property.kind === 'primitive') return value
  if (property.kind !== 'enum') return mapItems(value, (item) => maskObject(property.type, item))
  const table = enums[property.type]
  if (typeof value === 'string') return maskEnum(table, value)
  if (!Array.isArray(value) || !value.some((item) => hiddenMembers(table).has(item))) return value
  return value.map((item) => maskEnum(table, item))
}

const hiding = new Map<TypeName, readonly EdmProperty[]>()

/** The properties of a type that can hold a hidden member, themselves or below. */
function hidingProperties(type: TypeName): readonly EdmProperty[] {
  let properties = hiding.get(type)
  if (properties === undefined) {
    properties = propertiesOf(type).filter((property) => canHide(property, new Set()))
    hiding.set(type, properties)
  }
  return properties
}

function canHide(property: EdmProperty, seen: Set<TypeName>): boolean {
  if (property.kind === 'primitive') return false
  if (property.kind === 'enum') return hiddenMembers(enums[property.type]).size > 0
  if (seen.has(property.type)) return false
  seen.add(property.type)
  const types = [property.type, ...concreteTypesOf(property.type)]
  return types.some((type) => propertiesOf(type).some((below) => canHide(below, seen)))
}
