import type { Csdl, CsdlEnum, CsdlProperty, CsdlType } from './csdl-model.ts'

const primitiveTypes: Readonly<Record<string, string>> = {
  'Edm.Boolean': 'boolean',
  'Edm.DateTimeOffset': 'string',
  'Edm.Double': 'number',
  'Edm.Guid': 'string',
  'Edm.Int32': 'number',
  'Edm.Int64': 'number',
  'Edm.String': 'string',
}

/**
 * TypeScript declarations of the contract: a union of literals per enum, an interface per type. A family of complex types below an
 * abstract one is told apart by `@odata.type`: its concrete types carry it, and the name of a type with derived ones is their union.
 */
export function writeTypes(csdl: Csdl): string {
  const declarations = [
    ...csdl.enums.map(writeEnum),
    ...csdl.types.map((type) => writeType(csdl, type)),
    writeTypeMap(csdl),
    writeActionMap(csdl),
  ]
  return `${declarations.join('\n\n')}\n`
}

function capitalize(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

function findType(csdl: Csdl, name: string | null): CsdlType | undefined {
  return csdl.types.find((type) => type.name === name)
}

function derivedFrom(csdl: Csdl, name: string): readonly CsdlType[] {
  return csdl.types.filter((type) => type.base === name).flatMap((type) => [type, ...derivedFrom(csdl, type.name)])
}

function isInFamily(csdl: Csdl, type: CsdlType): boolean {
  const base = findType(csdl, type.base)
  return type.kind === 'complex' && (type.abstract || (base !== undefined && isInFamily(csdl, base)))
}

function isDictionary(csdl: Csdl, name: string): boolean {
  const type = findType(csdl, name)
  if (type === undefined) return false
  return type.open && type.base === null && type.properties.length === 0
}

function writeEnum(table: CsdlEnum): string {
  const members = table.members.map((member) => `  | '${member.name}'`).join('\n')
  const note = table.isFlags ? ' One member; a value on the wire is a comma list of members.' : ''
  return `/** \`${table.qualifiedName}\`.${note} */\nexport type ${capitalize(table.name)} =\n${members}`
}

function writeType(csdl: Csdl, type: CsdlType): string {
  const name = capitalize(type.name)
  const derived = type.kind === 'complex' ? derivedFrom(csdl, type.name) : []
  const discriminator = `  readonly '@odata.type': '#${type.qualifiedName}'`
  if (derived.length === 0) return writeInterface(csdl, type, name, isInFamily(csdl, type) ? [discriminator] : [])

  const parts = [writeInterface(csdl, type, `${name}Base`, [])]
  if (!type.abstract) {
    const doc = `/** \`${type.qualifiedName}\` itself, not one of the types derived from it. */`
    parts.push(`${doc}\nexport interface ${name}Itself extends ${name}Base {\n${discriminator}\n}`)
  }
  const concrete = [type, ...derived].filter((one) => !one.abstract).map((one) => `  | ${concreteName(csdl, one)}`)
  const doc = `/** Any concrete type of \`${type.qualifiedName}\`, told apart by \`@odata.type\`. */`
  parts.push(`${doc}\nexport type ${name} =\n${concrete.join('\n')}`)
  return parts.join('\n\n')
}

function concreteName(csdl: Csdl, type: CsdlType): string {
  return `${capitalize(type.name)}${derivedFrom(csdl, type.name).length > 0 ? 'Itself' : ''}`
}

function writeInterface(csdl: Csdl, type: CsdlType, name: string, first: readonly string[]): string {
  const base = findType(csdl, type.base)
  const above = base === undefined ? '' : ` extends ${capitalize(base.name)}${base.kind === 'complex' ? 'Base' : ''}`
  const own = type.properties.map((property) => `  readonly ${writeProperty(csdl, property)}`)
  const open = type.open ? ['  readonly [name: string]: unknown'] : []
  const lines = [...first, ...own, ...open]
  const head = `/** \`${type.qualifiedName}\`${type.betaOnly ? ', beta only' : ''}. */\nexport interface ${name}${above}`
  return lines.length === 0 ? `${head} {}` : `${head} {\n${lines.join('\n')}\n}`
}

function writeProperty(csdl: Csdl, property: CsdlProperty): string {
  const isOptional = property.kind === 'navigation' || property.facts.betaOnly === true
  return `${property.name}${isOptional ? '?' : ''}: ${writeValueType(csdl, property)}`
}

function writeValueType(csdl: Csdl, property: CsdlProperty): string {
  const isFlags = csdl.enums.some((table) => table.name === property.type && table.isFlags)
  const one = primitiveTypes[property.type] ?? (isFlags ? 'string' : capitalize(property.type))
  const item = property.facts.stub === true ? `${one} | EntityStub` : one
  if (property.collection) return `readonly ${item}[]`
  const isNullable = property.nullable && property.kind !== 'navigation' && !isDictionary(csdl, property.type)
  return isNullable ? `${item} | null` : item
}

function writeTypeMap(csdl: Csdl): string {
  const rows = csdl.types.map((type) => `  readonly ${type.name}: ${capitalize(type.name)}`)
  return `/** TypeScript type of each entity and complex type. */\nexport interface EdmTypes {\n${rows.join('\n')}\n}`
}

function writeActionMap(csdl: Csdl): string {
  const rows = csdl.actions.map((action) => {
    const parameters = action.parameters.map((parameter) => {
      const isOptional = parameter.facts.requiredOnCreate !== true
      return `    readonly ${parameter.name}${isOptional ? '?' : ''}: ${writeValueType(csdl, parameter)}\n`
    })
    return `  readonly ${action.name}: {${parameters.length === 0 ? '' : `\n${parameters.join('')}  `}}`
  })
  return `/** Body of each bound action. */\nexport interface EdmActions {\n${rows.join('\n')}\n}`
}
