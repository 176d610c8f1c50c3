import {
  carriesTypeName,
  concreteTypesOf,
  derivesFrom,
  type EdmProperty,
  type EdmType,
  findProperty,
  findType,
  isDictionary,
  odataType,
  propertiesOf,
} from './edm.ts'
import { edm, enums, type TypeName } from './generated.ts'
import { absent, Problem, type ReadRules, readScalar } from './graph-values.ts'

/** A JSON object as a strict parser gives it. */
export type JsonObject = Readonly<Record<string, unknown>>

const requiredProperties = new Map<TypeName, readonly EdmProperty[]>()

/** True for JSON objects, not for arrays. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for the `@odata.*` annotations of an object itself. */
export function isControlAnnotation(name: string): boolean {
  return name.startsWith('@odata.')
}

/**
 * Reads an object as `type`: only declared properties, each canonical, without those that `rules.mode` leaves to the server.
 * @param value receives the properties
 * @returns `value`, or why the object is refused
 */
export function readObject(
  type: EdmType,
  json: JsonObject,
  rules: ReadRules,
  value: Record<string, unknown> = {},
): JsonObject | Problem {
  for (const name of Object.keys(json)) {
    const property = findProperty(type.name, name)
    if (property === undefined) {
      if (rules.mode === 'patch' && type.ignoredInPatch?.includes(name)) continue
      const problem = readUndeclared(type, name, json[name], value)
      if (problem !== null) return problem
      continue
    }
    if (rules.mode === 'patch' ? !property.writable : property.serverOwned) continue
    const read = readProperty(property, json[name], rules)
    if (read instanceof Problem) return read.at(name)
    if (read !== absent) value[name] = read
  }
  const missing = rules.mode === 'create' ? findMissing(requiredOf(type.name), value) : null
  return missing ?? value
}

/** The first of `properties` that must be given and is not, as a problem. */
export function findMissing(properties: readonly EdmProperty[], value: JsonObject): Problem | null {
  for (const { name, requiredOnCreate } of properties) {
    if (requiredOnCreate && (value[name] ?? null) === null) return new Problem('is required', name)
  }
  return null
}

/** Reads the value of a property: null, a collection or one value. */
export function readProperty(property: EdmProperty, value: unknown, rules: ReadRules): unknown {
  if (value === null) return property.nullable ? emptyValue(property) : new Problem('is not nullable')
  if (!property.collection) return readOne(property, value, rules)
  if (!Array.isArray(value)) return new Problem('must be an array')
  const { maxItems } = property
  if (maxItems !== undefined && value.length > maxItems) return new Problem(`must have at most ${maxItems} items`)
  const itemRules = rulesBelow(rules)
  const items: unknown[] = []
  for (const item of value) {
    const read = item === null ? new Problem('is not nullable') : readOne(property, item, itemRules)
    if (read instanceof Problem) return read.at(`[${items.length}]`)
    items.push(read)
  }
  return items
}

/** What a property is without a value: `[]`, `{}` or null. */
export function emptyValue(property: EdmProperty): unknown {
  if (property.collection) return []
  return property.kind === 'complex' && isDictionary(property.type) ? {} : null
}

/** A patch replaces what it names as a whole, so that everything below is new. */
function rulesBelow(rules: ReadRules): ReadRules {
  return rules.mode === 'create' ? rules : { ...rules, mode: 'create' }
}

function requiredOf(type: TypeName): readonly EdmProperty[] {
  let required = requiredProperties.get(type)
  if (required === undefined) {
    required = propertiesOf(type).filter((property) => property.requiredOnCreate)
    requiredProperties.set(type, required)
  }
  return required
}

function readOne(property: EdmProperty, value: unknown, rules: ReadRules): unknown {
  if (property.kind === 'navigation') return readStub(edm[property.type], value)
  if (property.kind === 'complex') return readComplex(property.type, value, rulesBelow(rules))
  return readScalar(property, value, rules)
}

function readComplex(declared: TypeName, value: unknown, rules: ReadRules): unknown {
  if (!isObject(value)) return new Problem('must be a JSON object')
  if (!carriesTypeName(declared)) return readObject(edm[declared], value, rules)
  const type = chooseType(declared, value['@odata.type'])
  if (type instanceof Problem) return type
  return readObject(type, value, rules, { '@odata.type': odataType(type.name) })
}

/** The concrete type of a value; a declared type that no other derives from needs no name. */
function chooseType(declared: TypeName, name: unknown): EdmType | Problem {
  const [first, ...others] = concreteTypesOf(declared)
  if (name === undefined && first === declared && others.length === 0) return edm[declared]
  const type = typeof name === 'string' ? findType(name) : undefined
  if (type !== undefined && !type.abstract && derivesFrom(type.name, declared)) return type
  return new Problem(`must name a concrete type of '#${edm[declared].qualifiedName}'`, '@odata.type')
}

/** A navigation in a creating POST names its target by id; what else the body holds of the target is ignored if declared. */
function readStub(type: EdmType, value: unknown): unknown {
  if (!isObject(value)) return new Problem('must be a JSON object')
  for (const name of Object.keys(value)) {
    const isDeclared = findProperty(type.name, name) !== undefined
    const problem = isDeclared ? null : readUndeclared(type, name, value[name], {})
    if (problem !== null) return problem
  }
  const { id } = value
  return typeof id === 'string' && id !== '' ? { id } : new Problem('must be a string that is not empty', 'id')
}

/** A name the type does not declare: an annotation, something an open type keeps, or a problem. */
function readUndeclared(type: EdmType, name: string, value: unknown, into: Record<string, unknown>): Problem | null {
  if (name === '@odata.type') return readTypeName(type, value)
  if (isControlAnnotation(name)) return null
  const at = name.indexOf('@odata.')
  const annotated = at > 0 ? findProperty(type.name, name.slice(0, at)) : undefined
  if (annotated !== undefined) return readPropertyAnnotation(annotated, name, value)
  if (!type.open) return new Problem(`does not exist on type '${type.qualifiedName}'`, name)
  keep(into, name, value)
  return null
}

/** Plain assignment would give `__proto__` its magic meaning. */
function keep(into: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') into[name] = value
  else Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true })
}

function readTypeName(type: EdmType, value: unknown): Problem | null {
  if (typeof value === 'string' && findType(value) === type) return null
  return new Problem(`must name '#${type.qualifiedName}'`, '@odata.type')
}

function readPropertyAnnotation(property: EdmProperty, name: string, value: unknown): Problem | null {
  if (!name.endsWith('@odata.type')) return null
  const declared = declaredTypeName(property)
  return value === declared || value === `#${declared}` ? null : new Problem(`must name '#${declared}'`, name)
}

/** As JSON writes it: primitives without `Edm.`, collections as `Collection(...)`. */
function declaredTypeName(property: EdmProperty): string {
  const name =
    property.kind === 'primitive'
      ? property.type.slice('Edm.'.length)
      : property.kind === 'enum'
        ? enums[property.type].qualifiedName
        : edm[property.type].qualifiedName
  return property.collection ? `Collection(${name})` : name
}
