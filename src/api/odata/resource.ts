import { type EdmProperty, findProperty, propertiesOf } from '../../model/edm.ts'
import { edm, type TypeName } from '../../model/generated.ts'
import type { ValueType } from '../../model/query.ts'

export type ApiVersion = 'v1.0' | 'beta'

/** What one collection answers to: its type and the limits and extra names of its queries. */
export interface ResourceDescription {
  readonly entityType: TypeName
  readonly version: ApiVersion
  readonly defaultTop: number
  readonly maxTop: number
  /** What becomes of a `$top` above `maxTop`: 400, or `maxTop`. */
  readonly overTop: 'refuse' | 'clamp'
  /** Documented names that are no properties, with the path each stands for; for $filter and $orderby. */
  readonly aliases: Readonly<Record<string, string>>
  /** Properties that are made for the answer (links carry the caller's origin) and cannot be filtered or sorted by. */
  readonly computed: readonly string[]
  /** Paths of more than one segment that $filter and $orderby know. */
  readonly paths: readonly string[]
  /** Enum literals that are no members and match every row, by property; lower case. */
  readonly wildcards: Readonly<Record<string, string>>
  /** Navigation properties that $expand knows. */
  readonly expandable: Readonly<Record<string, ExpandableDescription>>
}

export interface ExpandableDescription {
  readonly resource: ResourceDescription
  /** A collection takes $filter, $orderby, $top, $skip and $count besides $select. */
  readonly many: boolean
}

/** A declared property and how it is reached from the resource. */
export interface ResolvedProperty {
  readonly path: string
  readonly property: EdmProperty
}

/** The first name on a path that does not exist. */
export interface MissingProperty {
  readonly missing: string
  readonly qualifiedType: string
}

/** A property of a type, own or inherited; undefined when this version has none of that name. */
export function findVisible(type: TypeName, name: string, version: ApiVersion): EdmProperty | undefined {
  const property = findProperty(type, name)
  return property?.betaOnly && version === 'v1.0' ? undefined : property
}

/** Walks a path of declared properties from `type` through complex and navigation properties. */
export function resolvePath(type: TypeName, path: string, version: ApiVersion): ResolvedProperty | MissingProperty {
  let from = type
  let found: EdmProperty | undefined
  for (const name of path.split('/')) {
    if (found !== undefined) {
      if (found.kind === 'primitive' || found.kind === 'enum') return { missing: name, qualifiedType: found.type }
      from = found.type
    }
    found = findVisible(from, name, version)
    if (found === undefined) return { missing: name, qualifiedType: edm[from].qualifiedName }
  }
  return found === undefined ? { missing: path, qualifiedType: edm[type].qualifiedName } : { path, property: found }
}

/** The kind of value of a scalar property; null for collections, complex values and navigations. */
export function valueTypeOf(property: EdmProperty): ValueType | null {
  if (property.collection) return null
  if (property.kind === 'enum') return 'enum'
  if (property.kind !== 'primitive') return null
  switch (property.type) {
    case 'Edm.Boolean':
      return 'bool'
    case 'Edm.DateTimeOffset':
      return 'datetime'
    case 'Edm.Int32':
    case 'Edm.Int64':
    case 'Edm.Double':
      return 'int'
    default:
      return 'text'
  }
}

/**
 * The collections any, all and `$count` may look into: lists of strings, and comments.
 * @source design contract 3.2
 */
export function isQueryableList(property: EdmProperty): boolean {
  if (!property.collection) return false
  return property.kind === 'primitive' ? property.type === 'Edm.String' : property.type === 'alertComment'
}

/** Whether this is what an incident's alerts hang on: any and all may look at their source. */
export function isAlertsOfIncident(property: EdmProperty): boolean {
  return property.kind === 'navigation' && property.collection && property.type === 'alert'
}

function isLookedInto(property: EdmProperty): boolean {
  return isQueryableList(property) || isAlertsOfIncident(property) || property.type === 'alertEvidence'
}

/**
 * Every name a bound filter or order on `resource` can hold: its scalar properties, its extra paths, its queryable lists, `alerts` and `evidence`.
 * The store's FilterMap of the resource must have exactly these keys.
 */
export function listFilterable(resource: ResourceDescription): string[] {
  const own = propertiesOf(resource.entityType).filter((p) => !p.betaOnly || resource.version === 'beta')
  const stored = own.filter((p) => !resource.computed.includes(p.name))
  const names = stored.filter((p) => valueTypeOf(p) !== null || isLookedInto(p))
  return [...names.map((p) => p.name), ...resource.paths].sort()
}
