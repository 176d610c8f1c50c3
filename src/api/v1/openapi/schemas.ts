import { concreteTypesOf, type EdmProperty, isDictionary, odataType, propertiesOf } from '../../../model/edm.ts'
import { actions, edm, enums, type TypeName } from '../../../model/generated.ts'
import { refTo, type Schema } from './content.ts'

/** What of a type a schema shows: the whole as answered, what PATCH may change, or what a creating POST takes. */
type View = 'read' | 'update' | 'create'

/** Types that a request changes or creates. @source design contract 4, 7.1, 10, 11 */
const updated: readonly TypeName[] = ['incident', 'alert', 'incidentTask']
const created: readonly TypeName[] = ['alert', 'incidentTask']

/** The name of a type's schema. */
export function schemaName(type: TypeName, view: View = 'read'): string {
  return view === 'read' ? edm[type].qualifiedName : `${edm[type].qualifiedName}.${view}`
}

/** Every schema of the contract's metadata: types, enums and action parameters, by name; and the error body. */
export function listSchemas(): Record<string, Schema> {
  const schemas: Record<string, Schema> = { error: errorSchema }
  for (const { name, kind, abstract, open } of Object.values(edm)) {
    schemas[schemaName(name)] = describeType(name, 'read')
    if (kind === 'complex' && !abstract && concreteTypesOf(name).length > 1) {
      schemas[plainName(name)] = describePlain(name, 'read', open)
    }
  }
  for (const type of updated) schemas[schemaName(type, 'update')] = describeType(type, 'update')
  for (const type of created) schemas[schemaName(type, 'create')] = describeType(type, 'create')
  for (const table of Object.values(enums)) {
    const members = Object.keys(table.members)
    schemas[table.qualifiedName] = table.isFlags
      ? { type: 'string', description: `One or more, separated by commas: ${members.join(', ')}.` }
      : { type: 'string', enum: members }
  }
  for (const { name, parameters } of Object.values(actions)) {
    if (parameters.length > 0) schemas[`${name}.parameters`] = describeObject(parameters, 'create')
  }
  return schemas
}

function describeType(type: TypeName, view: View): Schema {
  const { kind, open } = edm[type]
  if (isDictionary(type)) return { type: 'object', additionalProperties: true }
  // A complex type with others below it is one of those, told by @odata.type; below it may also stand it itself.
  const concrete = kind === 'complex' ? concreteTypesOf(type) : []
  if (concrete.some((name) => name !== type)) {
    const refs = concrete.map((name) => refTo(name === type ? plainName(type) : schemaName(name)))
    const mapping = concrete.map((name, index) => [odataType(name), refs[index]?.$ref])
    return { oneOf: refs, discriminator: { propertyName: '@odata.type', mapping: Object.fromEntries(mapping) } }
  }
  return describePlain(type, view, open)
}

function describePlain(type: TypeName, view: View, open: boolean): Schema {
  const ignored = view === 'update' ? (edm[type].ignoredInPatch ?? []) : []
  const described = describeObject(propertiesOf(type), view, ignored)
  return open ? { ...described, additionalProperties: true } : described
}

/** The name of a type's own schema where the type's name stands for all below it. */
function plainName(type: TypeName): string {
  return `${schemaName(type)}.plain`
}

/** Closed but for annotations: what the contract does not declare is never answered and refused in a body. */
function describeObject(properties: readonly EdmProperty[], view: View, ignored: readonly string[] = []): Schema {
  const required = properties.filter((property) => {
    if (view === 'read') return property.kind !== 'navigation' && property.betaOnly !== true
    return view === 'create' && property.requiredOnCreate === true && property.serverOwned !== true
  })
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(properties.map((property) => [property.name, describeIn(view, property)])),
      ...Object.fromEntries(ignored.map((name) => [name, { readOnly: true }])),
    },
    ...(required.length === 0 || view === 'update' ? {} : { required: required.map(({ name }) => name) }),
    patternProperties: { '@': true },
    additionalProperties: false,
  }
}

/** A request may name every declared property; what it cannot set is ignored, whatever its value. @source design contract 1.6 and 10 */
function describeIn(view: View, property: EdmProperty): Schema {
  const isIgnored = view === 'update' ? property.writable !== true : view === 'create' && property.serverOwned === true
  return isIgnored ? { readOnly: true } : describeProperty(property)
}

function describeProperty(property: EdmProperty): Schema {
  const limits = {
    ...(property.minLength === undefined ? {} : { minLength: property.minLength }),
    ...(property.maxLength === undefined ? {} : { maxLength: property.maxLength }),
  }
  const item = property.stub ? describeStub(property) : describeItem(property)
  const limited = property.type === 'Edm.String' ? { ...item, ...limits } : item
  if (property.collection) {
    return {
      type: 'array',
      items: limited,
      ...(property.maxItems === undefined ? {} : { maxItems: property.maxItems }),
    }
  }
  if (!property.nullable) return limited
  const { type } = limited
  return typeof type === 'string' ? { ...limited, type: [type, 'null'] } : { anyOf: [limited, { type: 'null' }] }
}

/** Type and id, or with $expand the whole. */
function describeStub({ type }: EdmProperty): Schema {
  const stub = {
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    patternProperties: { '@': true },
  }
  return { anyOf: [refTo(schemaName(type as TypeName)), stub] }
}

function describeItem(property: EdmProperty): Schema {
  if (property.kind === 'enum') return refTo(enums[property.type].qualifiedName)
  if (property.kind !== 'primitive') return refTo(schemaName(property.type))
  switch (property.type) {
    case 'Edm.Boolean':
      return { type: 'boolean' }
    case 'Edm.DateTimeOffset':
      return { type: 'string', format: 'date-time' }
    case 'Edm.Guid':
      return { type: 'string', format: 'uuid' }
    case 'Edm.Int32':
      return { type: 'integer', format: 'int32' }
    case 'Edm.Int64':
      return { type: 'integer', format: 'int64' }
    case 'Edm.Double':
      return { type: 'number', format: 'double' }
    case 'Edm.String':
      return { type: 'string' }
  }
}

/** @source design contract 14.1 */
const errorSchema: Schema = {
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'innerError'],
      additionalProperties: false,
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        target: { type: 'string' },
        details: { type: 'array' },
        innerError: {
          type: 'object',
          required: ['date', 'request-id', 'client-request-id'],
          additionalProperties: false,
          properties: {
            code: { type: 'string' },
            date: { type: 'string' },
            'request-id': { type: 'string', format: 'uuid' },
            'client-request-id': { type: 'string', format: 'uuid' },
          },
        },
      },
    },
  },
}
