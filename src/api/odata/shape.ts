import type { ApiVersion } from './resource.ts'

/** The part of a query that decides what an entity shows. */
export interface EntityShape {
  readonly select: readonly string[] | null
  readonly expand: readonly { readonly name: string; readonly select: readonly string[] | null }[]
}

/** A JSON object as it goes on the wire. */
export type JsonObject = { readonly [name: string]: unknown }

/** What `@odata.context` describes. */
export interface ContextTarget {
  /** `https://host[:port]`, without a slash at its end. */
  readonly origin: string
  readonly version: ApiVersion
  /** `security/incidents`, `security/incidents('29')/alerts`. */
  readonly path: string
  /** One entity of `path` instead of a list of them. */
  readonly entity: boolean
}

/**
 * `@odata.context`, with the properties a query selected and expanded: `.../$metadata#security/incidents(id,status,alerts())/$entity`.
 * @source design contract 17
 */
export function buildContext(target: ContextTarget, shape: EntityShape): string {
  const { origin, version, path, entity } = target
  const expanded = shape.expand.map(({ name, select }) => `${name}(${(select ?? []).join(',')})`)
  const parts = [...(shape.select ?? []).filter((name) => shape.expand.every((e) => e.name !== name)), ...expanded]
  const list = parts.length === 0 ? '' : `(${parts.join(',')})`
  return `${origin}/${version}/$metadata#${path}${list}${entity ? '/$entity' : ''}`
}

/**
 * Leaves of a whole entity what the query asked for: selected and expanded properties with their annotations, and always the id and the entity's own
 * annotations. Expanded entities are cut by their own `$select`. The entity itself is not changed; without `$select` anywhere it is returned as it is.
 */
export function projectEntity(entity: JsonObject, shape: EntityShape): JsonObject {
  const { select, expand } = shape
  if (select === null && expand.every((item) => item.select === null)) return entity
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(entity)) {
    if (!isShown(name, shape)) continue
    const nested = expand.find((item) => item.name === name)
    result[name] = nested === undefined ? value : projectExpanded(value, nested.select)
  }
  return result
}

function isShown(name: string, shape: EntityShape): boolean {
  if (shape.select === null) return true
  const at = name.indexOf('@')
  if (at === 0) return true
  const property = at < 0 ? name : name.slice(0, at)
  return property === 'id' || shape.select.includes(property) || shape.expand.some((item) => item.name === property)
}

function projectExpanded(value: unknown, select: readonly string[] | null): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => projectExpanded(item, select))
  return isObject(value) ? projectEntity(value, { select, expand: [] }) : value
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null
}
