import {
  actualType,
  carriesTypeName,
  concreteTypesOf,
  type EdmProperty,
  hiddenMembers,
  isDictionary,
  odataType,
  propertiesOf,
  unknownFutureValue,
} from '../../../src/model/edm.ts'
import { edm, enums, type TypeName } from '../../../src/model/generated.ts'

/** Deeper there are no more parts: containers stand in pods, which have containers. */
const maxDepth = 2

/** One evidence of every type of the contract, each with a value for every property. */
export function listEvidence(): object[] {
  return concreteTypesOf('alertEvidence').map((type) => makeSample(type, 0))
}

function makeSample(type: TypeName, depth: number): object {
  if (isDictionary(type)) return { first: 'one', second: 'two' }
  if (edm[type].abstract) return makeSample(concreteTypesOf(type)[0] ?? type, depth)
  const properties = propertiesOf(type).filter((property) => depth < maxDepth || property.kind !== 'complex')
  return {
    ...(carriesTypeName(type) ? { '@odata.type': odataType(type) } : {}),
    ...Object.fromEntries(properties.map((property) => [property.name, giveValue(property, depth)])),
  }
}

function giveValue(property: EdmProperty, depth: number): unknown {
  const item = giveItem(property, depth)
  return property.collection ? [item] : item
}

function giveItem(property: EdmProperty, depth: number): unknown {
  if (property.kind === 'enum') {
    const table = enums[property.type]
    const hidden = hiddenMembers(table)
    // The last one is seldom what a property has by default.
    return Object.keys(table.members).findLast((name) => name !== unknownFutureValue && !hidden.has(name))
  }
  if (property.kind !== 'primitive') return makeSample(property.type, depth + 1)
  switch (property.type) {
    case 'Edm.Boolean':
      return true
    case 'Edm.DateTimeOffset':
      return '2026-01-02T03:04:05.6780000Z'
    case 'Edm.Double':
      return 47.5
    case 'Edm.Guid':
      return '0b0c1d2e-3f40-4152-8364-7586a7b8c9da'
    case 'Edm.Int32':
      return 2_000_000_001
    case 'Edm.Int64':
      return 9_000_000_000_001
    case 'Edm.String':
      return property.webUrl === true ? `https://${property.name}.example/x` : `the ${property.name}`
  }
}

/**
 * How the SDK's typed models hold a value of the contract: the type name as odataType, points in time to the millisecond, what a
 * dictionary holds under additionalData. A property without a model, or a value of another type, would look otherwise.
 */
export function asModel(declared: TypeName, value: Readonly<Record<string, unknown>>): object {
  if (isDictionary(declared)) return Object.keys(value).length === 0 ? {} : { additionalData: value }
  const type = actualType(declared, value)
  const name = value['@odata.type']
  const members = propertiesOf(type).flatMap((property) => {
    const member = value[property.name]
    return member === null || member === undefined ? [] : [[property.name, asMember(property, member)]]
  })
  return { ...(name === undefined ? {} : { odataType: name }), ...Object.fromEntries(members) }
}

function asMember(property: EdmProperty, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => asMember(property, item))
  if (property.kind === 'complex' && isRecord(value)) return asModel(property.type, value)
  return property.type === 'Edm.DateTimeOffset' && typeof value === 'string' ? value.replace(/0000Z$/, 'Z') : value
}

/** The SDK reads null as a model without members. Such members are taken out, at every depth. */
export function dropHollow<T>(value: T): T
export function dropHollow(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => dropHollow(item))
  if (!isRecord(value)) return value
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [name, dropHollow(member)])
  return Object.fromEntries(members.filter(([, member]) => !(isRecord(member) && Object.keys(member).length === 0)))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
