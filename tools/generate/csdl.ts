import {
  type Annotations,
  CsdlError,
  coreVocabulary,
  expectElement,
  need,
  readAnnotations,
  readChildren,
  readFlag,
  readInteger,
  readTerm,
  type Term,
} from './csdl-element.ts'
import type { Csdl, CsdlAction, CsdlEnum, CsdlProperty, CsdlType, Facts } from './csdl-model.ts'
import type { XmlElement } from './xml.ts'

const primitives = new Set([
  'Edm.Boolean',
  'Edm.DateTimeOffset',
  'Edm.Double',
  'Edm.Guid',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.String',
])
const kindsByElement: Readonly<Record<string, 'entity' | 'complex' | 'enum'>> = {
  EntityType: 'entity',
  ComplexType: 'complex',
  EnumType: 'enum',
}
const schemaElements = [...Object.keys(kindsByElement), 'Action', 'EntityContainer', 'Term']

/** Facts of a property row, in the row's order, with the term each comes from. */
const propertyTerms: Readonly<Record<string, string>> = {
  betaOnly: 'Cordon.BetaOnly',
  writable: 'Cordon.Writable',
  serverOwned: 'Cordon.ServerOwned',
  requiredOnCreate: 'Cordon.RequiredOnCreate',
  default: 'Cordon.Default',
  emptyIsNull: 'Cordon.EmptyIsNull',
  minLength: 'Cordon.MinLength',
  maxLength: 'Cordon.MaxLength',
  maxItems: 'Cordon.MaxItems',
  webUrl: 'Cordon.WebUrl',
  stub: 'Cordon.Stub',
}

interface Names {
  /** Every declared type by its qualified name. */
  readonly declared: ReadonlyMap<string, XmlElement>
  readonly aliases: ReadonlyMap<string, string>
  readonly terms: ReadonlyMap<string, Term>
}

interface Scope extends Names {
  readonly namespace: string
  /** Most characters of a string that names no limit of its own. */
  readonly maxLength: number | null
}

/**
 * Reads the contract out of its XML, strictly: an unknown element, attribute, term or type name is an error, so that nothing in the
 * document is silently without effect.
 * @throws CsdlError with line and element
 */
export function readCsdl(root: XmlElement): Csdl {
  expectElement(root, 'edmx:Edmx', ['Version', 'xmlns:edmx'])
  const services = readChildren(root, ['edmx:Reference', 'edmx:DataServices'])
  const schemas = services.flatMap((service) => (service.name === 'edmx:DataServices' ? service.children : []))
  const names = collectNames(schemas)
  const types: CsdlType[] = []
  const enums: CsdlEnum[] = []
  const actions: CsdlAction[] = []
  for (const schema of schemas) {
    const maxLength = readAnnotations(schema, names.terms).get('Cordon.MaxLength')
    const scope = {
      ...names,
      namespace: need(schema, 'Namespace'),
      maxLength: typeof maxLength === 'number' ? maxLength : null,
    }
    for (const child of readChildren(schema, schemaElements)) {
      if (child.name === 'EntityType' || child.name === 'ComplexType') types.push(readType(child, scope))
      else if (child.name === 'EnumType') enums.push(readEnum(child, scope))
      else if (child.name === 'Action') actions.push(readAction(child, scope))
    }
  }
  return { types, enums, actions }
}

function collectNames(schemas: readonly XmlElement[]): Names {
  const declared = new Map<string, XmlElement>()
  const aliases = new Map<string, string>()
  const terms = new Map<string, Term>()
  const localNames = new Set<string>()
  for (const schema of schemas) {
    expectElement(schema, 'Schema', ['Namespace', 'Alias', 'xmlns'])
    const namespace = need(schema, 'Namespace')
    const alias = schema.attributes.get('Alias')
    if (alias !== undefined) aliases.set(alias, namespace)
    for (const child of schema.children) {
      if (child.name === 'Term') terms.set(`${namespace}.${need(child, 'Name')}`, readTerm(child))
      if (kindsByElement[child.name] === undefined) continue
      const name = need(child, 'Name')
      if (localNames.has(name)) throw new CsdlError(child, 'declared twice')
      localNames.add(name)
      declared.set(`${namespace}.${name}`, child)
    }
  }
  return { declared, aliases, terms }
}

function resolve(element: XmlElement, text: string, scope: Names): string {
  const dot = text.lastIndexOf('.')
  const namespace = scope.aliases.get(text.slice(0, dot)) ?? text.slice(0, dot)
  const qualified = `${namespace}${text.slice(dot)}`
  if (!primitives.has(qualified) && !scope.declared.has(qualified)) throw new CsdlError(element, `unknown type ${text}`)
  return qualified
}

function localName(qualified: string): string {
  return qualified.slice(qualified.lastIndexOf('.') + 1)
}

function readTypeReference(element: XmlElement, scope: Names): { qualified: string; collection: boolean } {
  const text = need(element, 'Type')
  const inner = /^Collection\((.+)\)$/.exec(text)?.[1]
  return { qualified: resolve(element, inner ?? text, scope), collection: inner !== undefined }
}

function readProperty(element: XmlElement, scope: Scope): CsdlProperty {
  expectElement(element, element.name, ['Name', 'Type', 'Nullable', 'ContainsTarget'])
  readChildren(element, [])
  const { qualified, collection } = readTypeReference(element, scope)
  const declaration = scope.declared.get(qualified)
  const kind = declaration === undefined ? 'primitive' : (kindsByElement[declaration.name] ?? 'primitive')
  if ((kind === 'entity') !== (element.name === 'NavigationProperty')) {
    throw new CsdlError(element, 'a navigation property leads to an entity, another never does')
  }
  const facts = readFacts(element, readAnnotations(element, scope.terms), declaration)
  const limit = qualified === 'Edm.String' && scope.maxLength !== null ? { maxLength: scope.maxLength } : {}
  return {
    name: need(element, 'Name'),
    kind: kind === 'entity' ? 'navigation' : kind,
    type: declaration === undefined ? qualified : localName(qualified),
    collection,
    nullable: readFlag(element, 'Nullable', true),
    facts: { ...limit, ...facts },
  }
}

function readFacts(element: XmlElement, annotations: Annotations, declaration: XmlElement | undefined): Facts {
  const facts: Record<string, string | number | boolean> = {}
  for (const [fact, term] of Object.entries(propertyTerms)) {
    const value = annotations.get(term)
    if (value !== undefined) facts[fact] = fact === 'default' ? readDefault(element, String(value), declaration) : value
  }
  return facts
}

function readDefault(
  element: XmlElement,
  text: string,
  declaration: XmlElement | undefined,
): string | number | boolean {
  if (declaration?.children.some((member) => member.attributes.get('Name') === text)) return text
  const type = need(element, 'Type')
  if (type === 'Edm.Boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'Edm.Int32' && /^-?\d{1,9}$/.test(text)) return Number(text)
  throw new CsdlError(element, `${text} is no value of ${type}`)
}

function readType(element: XmlElement, scope: Scope): CsdlType {
  expectElement(element, element.name, ['Name', 'BaseType', 'Abstract', 'OpenType'])
  const base = element.attributes.get('BaseType')
  const annotations = readAnnotations(element, scope.terms)
  const ignored = annotations.get('Cordon.IgnoredInPatch')
  const properties = readChildren(element, ['Key', 'Property', 'NavigationProperty'])
    .filter((child) => child.name !== 'Key')
    .map((child) => readProperty(child, scope))
  if (new Set(properties.map((property) => property.name)).size < properties.length) {
    throw new CsdlError(element, 'a property is declared twice')
  }
  return {
    name: need(element, 'Name'),
    qualifiedName: `${scope.namespace}.${need(element, 'Name')}`,
    kind: element.name === 'EntityType' ? 'entity' : 'complex',
    base: base === undefined ? null : localName(resolve(element, base, scope)),
    abstract: readFlag(element, 'Abstract', false),
    open: readFlag(element, 'OpenType', false),
    betaOnly: annotations.has('Cordon.BetaOnly'),
    ignoredInPatch: typeof ignored === 'string' ? [ignored] : [],
    properties,
  }
}

function readEnum(element: XmlElement, scope: Scope): CsdlEnum {
  expectElement(element, 'EnumType', ['Name', 'UnderlyingType', 'IsFlags'])
  readAnnotations(element, scope.terms)
  const members = readChildren(element, ['Member']).map((member) => {
    expectElement(member, 'Member', ['Name', 'Value'])
    const alias = readAnnotations(member, scope.terms).get('Cordon.Alias')
    return {
      name: need(member, 'Name'),
      value: readInteger(member, 'Value'),
      aliases: typeof alias === 'string' ? [alias] : [],
    }
  })
  const names = members.flatMap((member) => [member.name, ...member.aliases].map((name) => name.toLowerCase()))
  if (new Set(names).size < names.length) throw new CsdlError(element, 'a name stands twice, case aside')
  const values = members.map((member) => member.value)
  if (new Set(values).size < values.length) throw new CsdlError(element, 'a value stands twice')
  return {
    name: need(element, 'Name'),
    qualifiedName: `${scope.namespace}.${need(element, 'Name')}`,
    underlyingType: element.attributes.get('UnderlyingType') ?? 'Edm.Int32',
    isFlags: readFlag(element, 'IsFlags', false),
    members,
  }
}

function readAction(element: XmlElement, scope: Scope): CsdlAction {
  expectElement(element, 'Action', ['Name', 'IsBound'])
  if (!readFlag(element, 'IsBound', false)) throw new CsdlError(element, 'only bound actions are known')
  const children = readChildren(element, ['Parameter', 'ReturnType'])
  const [binding, ...parameters] = children.filter((child) => child.name === 'Parameter')
  if (binding === undefined || need(binding, 'Name') !== 'bindingParameter') {
    throw new CsdlError(element, 'the first parameter is bindingParameter')
  }
  const boundTo = readTypeReference(binding, scope)
  const returnType = children.find((child) => child.name === 'ReturnType')
  return {
    name: need(element, 'Name'),
    qualifiedName: `${scope.namespace}.${need(element, 'Name')}`,
    boundTo: localName(boundTo.qualified),
    boundToCollection: boundTo.collection,
    betaOnly: readAnnotations(element, scope.terms).has('Cordon.BetaOnly'),
    parameters: parameters.map((parameter) => readParameter(parameter, scope)),
    returns: returnType === undefined ? null : localName(readTypeReference(returnType, scope).qualified),
  }
}

function readParameter(element: XmlElement, scope: Scope): CsdlProperty {
  const parameter = readProperty(element, scope)
  if (readAnnotations(element, scope.terms).has(`${coreVocabulary}OptionalParameter`)) return parameter
  return { ...parameter, facts: { requiredOnCreate: true, ...parameter.facts } }
}
