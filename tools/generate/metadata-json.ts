import { CsdlError, need } from './csdl-element.ts'
import type { ApiVersion } from './metadata.ts'
import { keepPublic } from './metadata.ts'
import type { XmlElement } from './xml.ts'

type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json }
type Members = Record<string, Json>

/**
 * The public $metadata of one version as CSDL JSON: what {@link keepPublic} leaves, member by member.
 * @throws CsdlError for an element or annotation that has no counterpart here, so that nothing is silently left out
 * @source OData CSDL JSON Representation 4.01. Absent `$Type` is Edm.String, absent `$Nullable` is false
 */
export function writeMetadataJson(root: XmlElement, version: ApiVersion): string {
  const document: Members = { $Version: root.attributes.get('Version') ?? '4.0' }
  const references: Members = {}
  for (const child of keepPublic(root, version).children) {
    if (child.name === 'edmx:Reference') {
      references[need(child, 'Uri')] = {
        $Include: child.children.map((include) => ({ $Namespace: need(include, 'Namespace') })),
      }
      continue
    }
    for (const schema of child.children) {
      document[need(schema, 'Namespace')] = readSchema(schema, document)
    }
  }
  return JSON.stringify({ $Version: document.$Version, $Reference: references, ...document })
}

function readSchema(schema: XmlElement, document: Members): Members {
  const members: Members = {}
  const alias = schema.attributes.get('Alias')
  if (alias !== undefined) members.$Alias = alias
  for (const child of schema.children) {
    const name = need(child, 'Name')
    if (child.name === 'EntityContainer') document.$EntityContainer = `${need(schema, 'Namespace')}.${name}`
    members[name] = child.name === 'Action' ? [readElement(child)] : readElement(child)
  }
  return members
}

function readElement(element: XmlElement): Members {
  switch (element.name) {
    case 'EntityType':
    case 'ComplexType':
      return readType(element)
    case 'EnumType':
      return readEnum(element)
    case 'Action':
      return readAction(element)
    case 'EntityContainer':
      return {
        $Kind: 'EntityContainer',
        ...membersOf(element, (child) => (child.name === 'Singleton' ? { $Type: need(child, 'Type') } : null)),
      }
    default:
      throw new CsdlError(element, 'has no form in CSDL JSON')
  }
}

function readType(element: XmlElement): Members {
  const { attributes } = element
  const key = element.children.find((child) => child.name === 'Key')
  return {
    $Kind: element.name,
    ...(attributes.has('BaseType') ? { $BaseType: need(element, 'BaseType') } : {}),
    ...(attributes.get('Abstract') === 'true' ? { $Abstract: true } : {}),
    ...(attributes.get('OpenType') === 'true' ? { $OpenType: true } : {}),
    ...(key === undefined ? {} : { $Key: key.children.map((reference) => need(reference, 'Name')) }),
    ...membersOf(element, (child) => {
      if (child.name === 'Key') return null
      const kind: Members = child.name === 'NavigationProperty' ? { $Kind: child.name } : {}
      const contains: Members = child.attributes.get('ContainsTarget') === 'true' ? { $ContainsTarget: true } : {}
      return { ...kind, ...readTyped(child), ...contains, ...readAnnotations(child) }
    }),
    ...readAnnotations(element),
  }
}

function readEnum(element: XmlElement): Members {
  const underlying = element.attributes.get('UnderlyingType')
  const values: Members = {}
  for (const member of element.children) {
    if (member.name === 'Member') values[need(member, 'Name')] = Number(need(member, 'Value'))
  }
  return {
    $Kind: 'EnumType',
    ...(underlying === undefined ? {} : { $UnderlyingType: underlying }),
    ...(element.attributes.get('IsFlags') === 'true' ? { $IsFlags: true } : {}),
    ...values,
    ...readAnnotations(element),
  }
}

function readAction(element: XmlElement): Members {
  const parameters = element.children.filter((child) => child.name === 'Parameter')
  const returned = element.children.find((child) => child.name === 'ReturnType')
  return {
    $Kind: 'Action',
    ...(element.attributes.get('IsBound') === 'true' ? { $IsBound: true } : {}),
    $Parameter: parameters.map((child) => ({
      $Name: need(child, 'Name'),
      ...readTyped(child),
      ...readAnnotations(child),
    })),
    ...(returned === undefined ? {} : { $ReturnType: readTyped(returned) }),
    ...readAnnotations(element),
  }
}

/** Type and nullability. A collection of XML says nothing about its items without `Nullable`; ours hold no null. */
function readTyped(element: XmlElement): Members {
  const text = need(element, 'Type')
  const item = /^Collection\((.+)\)$/.exec(text)?.[1]
  const type = item ?? text
  const nullable = item === undefined && element.attributes.get('Nullable') !== 'false'
  return {
    ...(item === undefined ? {} : { $Collection: true }),
    ...(type === 'Edm.String' ? {} : { $Type: type }),
    ...(nullable ? { $Nullable: true } : {}),
  }
}

function membersOf(element: XmlElement, read: (child: XmlElement) => Members | null): Members {
  const members: Members = {}
  for (const child of element.children) {
    const value = child.name === 'Annotation' ? null : read(child)
    if (value !== null) members[need(child, 'Name')] = value
  }
  return members
}

/** Terms whose value is a record with nothing in it unless it is written out. */
const emptyRecords: ReadonlySet<string> = new Set(['Org.OData.Core.V1.OptionalParameter'])

function readAnnotations(element: XmlElement): Members {
  const members: Members = {}
  for (const child of element.children) {
    if (child.name !== 'Annotation') continue
    const term = need(child, 'Term')
    members[`@${term}`] = emptyRecords.has(term) && child.children.length === 0 ? {} : readValue(child)
  }
  return members
}

function readValue(element: XmlElement): Json {
  const { attributes, children } = element
  // A member stands by its name alone: the term says of which enum.
  const member = attributes.get('EnumMember')?.split('/').at(-1)
  const text = attributes.get('String') ?? member ?? attributes.get('Date')
  if (text !== undefined) return text
  const [only] = children
  if (only === undefined) return true
  if (only.name === 'Collection') return only.children.map(readRecord)
  return readRecord(only)
}

function readRecord(element: XmlElement): Json {
  if (element.name !== 'Record') throw new CsdlError(element, 'has no form in CSDL JSON')
  return Object.fromEntries(element.children.map((child) => [need(child, 'Property'), readValue(child)]))
}
