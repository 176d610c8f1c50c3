import type { Csdl, CsdlAction, CsdlEnum, CsdlProperty, CsdlType } from './csdl-model.ts'

type Literal = string | number | boolean | null

const sentinel = 'unknownFutureValue'

function write(value: Literal): string {
  return typeof value === 'string' ? `'${value.replace(/[\\']/g, '\\$&')}'` : String(value)
}

function writeRow(row: Readonly<Record<string, Literal>>): string {
  return `{ ${Object.entries(row)
    .map(([name, value]) => `${name}: ${write(value)}`)
    .join(', ')} }`
}

function writeUnion(doc: string, name: string, members: readonly string[]): string {
  return `/** ${doc} */\nexport type ${name} =\n${members.map((member) => `  | '${member}'`).join('\n')}\n`
}

/** The contract as plain object literals: `edm`, `enums` and `actions`, typed by the rows of src/model/edm.ts. */
export function writeTables(csdl: Csdl): string {
  return [
    writeUnion(
      'Local name of an entity or complex type.',
      'TypeName',
      csdl.types.map((type) => type.name),
    ),
    writeUnion(
      'Local name of an enum.',
      'EnumName',
      csdl.enums.map((table) => table.name),
    ),
    writeUnion(
      'Local name of a bound action.',
      'ActionName',
      csdl.actions.map((action) => action.name),
    ),
    '/** Every enum with its numbers. */',
    `export const enums: { readonly [name in EnumName]: EnumTable } = {\n${csdl.enums.map(writeEnum).join('\n')}\n}\n`,
    '/** Every entity and complex type with its own properties. */',
    `export const edm: { readonly [name in TypeName]: EdmType } = {\n${csdl.types.map(writeType).join('\n')}\n}\n`,
    '/** Every bound action with the properties of its body. */',
    `export const actions: { readonly [name in ActionName]: EdmAction } = {\n${csdl.actions.map(writeAction).join('\n')}\n}\n`,
  ].join('\n')
}

function writeEnum(table: CsdlEnum): string {
  const aliases = table.members.flatMap((member) => member.aliases.map((alias) => `${alias}: '${member.name}'`))
  return [
    `  ${table.name}: {`,
    `    name: '${table.name}',`,
    `    qualifiedName: '${table.qualifiedName}',`,
    `    underlyingType: '${table.underlyingType}',`,
    `    isFlags: ${table.isFlags},`,
    '    members: {',
    ...table.members.map((member) => `      ${member.name}: ${member.value},`),
    '    },',
    `    sentinel: ${table.members.find((member) => member.name === sentinel)?.value ?? null},`,
    ...(aliases.length > 0 ? [`    aliases: { ${aliases.join(', ')} },`] : []),
    '  },',
  ].join('\n')
}

function writeProperties(name: string, properties: readonly CsdlProperty[]): string[] {
  if (properties.length === 0) return [`    ${name}: [],`]
  const rows = properties.map(({ facts, ...property }) => `      ${writeRow({ ...property, ...facts })},`)
  return [`    ${name}: [`, ...rows, '    ],']
}

function writeType(type: CsdlType): string {
  return [
    `  ${type.name}: {`,
    `    name: '${type.name}',`,
    `    qualifiedName: '${type.qualifiedName}',`,
    `    kind: '${type.kind}',`,
    `    base: ${write(type.base)},`,
    `    abstract: ${type.abstract},`,
    `    open: ${type.open},`,
    ...(type.betaOnly ? ['    betaOnly: true,'] : []),
    ...(type.ignoredInPatch.length > 0 ? [`    ignoredInPatch: [${type.ignoredInPatch.map(write).join(', ')}],`] : []),
    ...writeProperties('properties', type.properties),
    '  },',
  ].join('\n')
}

function writeAction(action: CsdlAction): string {
  return [
    `  ${action.name}: {`,
    `    name: '${action.name}',`,
    `    qualifiedName: '${action.qualifiedName}',`,
    `    boundTo: '${action.boundTo}',`,
    `    boundToCollection: ${action.boundToCollection},`,
    ...(action.betaOnly ? ['    betaOnly: true,'] : []),
    ...writeProperties('parameters', action.parameters),
    `    returns: ${write(action.returns)},`,
    '  },',
  ].join('\n')
}
