import type { Method, Route } from '../../route.ts'

/** The routes at the path a request names, by method, and what its parameters are. */
export interface RouteMatch {
  readonly routes: ReadonlyMap<Method, Route>
  readonly params: Readonly<Record<string, string>>
}

interface Node {
  readonly literal: Map<string, Node>
  parameter: { readonly node: Node } | null
  /** Parameter names from the root on; routes may call the same place differently. */
  names: readonly string[]
  readonly routes: Map<Method, Route>
}

/** A parameter may be this long, as on the connection's own router. */
const maxParamLength = 2048

/**
 * Makes the look-up of routes for requests that reach us inside another one. Like the HTTP router: literal segments in any case before
 * parameters, parameters percent-decoded once, no empty segments.
 * @returns a function of a canonical path (see path.ts) without its query; null where nothing stands. It throws URIError for a parameter
 * with a broken percent escape
 */
export function createRouteLookup(routes: readonly Route[]): (path: string) => RouteMatch | null {
  const root = makeNode()
  for (const route of routes) {
    let node = root
    const names: string[] = []
    for (const segment of segmentsOf(route.path)) {
      if (segment.startsWith(':')) names.push(segment.slice(1))
      node = child(node, segment)
    }
    node.names = names
    node.routes.set(route.method, route)
  }
  return (path) => {
    const found = walk(root, segmentsOf(path), 0, [])
    if (found === null) return null
    const values = found.values.map((value) => decodeURIComponent(value))
    const params = Object.fromEntries(found.node.names.map((name, at) => [name, values[at] ?? '']))
    return { routes: found.node.routes, params }
  }
}

function makeNode(): Node {
  return { literal: new Map(), parameter: null, names: [], routes: new Map() }
}

function child(node: Node, segment: string): Node {
  if (segment.startsWith(':')) {
    node.parameter ??= { node: makeNode() }
    return node.parameter.node
  }
  const key = segment.toLowerCase()
  const known = node.literal.get(key)
  if (known !== undefined) return known
  const made = makeNode()
  node.literal.set(key, made)
  return made
}

function segmentsOf(path: string): string[] {
  return path.split('/').slice(1)
}

interface Found {
  readonly node: Node
  readonly values: readonly string[]
}

function walk(node: Node, segments: readonly string[], at: number, values: readonly string[]): Found | null {
  const segment = segments[at]
  if (segment === undefined) return node.routes.size > 0 ? { node, values } : null
  const literal = node.literal.get(segment.toLowerCase())
  const found = literal === undefined ? null : walk(literal, segments, at + 1, values)
  if (found !== null || node.parameter === null || segment === '' || segment.length > maxParamLength) return found
  return walk(node.parameter.node, segments, at + 1, [...values, segment])
}
