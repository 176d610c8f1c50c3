import createRouter from 'find-my-way'
import { CordonError } from '../model/errors.ts'
import type { Method, Route } from './route.ts'

/** Collections whose members may be addressed as `name('key')`. */
const keyed = new Set(['incidents', 'alerts_v2', 'incidenttasks', 'alerts', 'subscriptions'])

/** Bound actions and functions by their lower-case short name; clients also send them behind their namespace. */
const operations = new Set(['executeresponseaction', 'mergeincidents', 'movealerts', 'runhuntingquery', 'delta'])

const namespace = 'microsoft.graph.security.'
const nowhere = '/no-such-operation'

/**
 * Brings the path part of a request target into the one form the route table knows: `incidents('29')` becomes `incidents/29`, a
 * namespace-qualified action its short name, `%24count` `$count`. The query is left as it is. Ids keep their spelling. A qualified name
 * that is no known action leads to a path that no route matches, so that it is never taken for an id.
 * @source design contract 1.3
 */
export function canonicalUrl(url: string): string {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  if (!path.includes('(') && !path.includes('%') && !path.includes('microsoft.graph') && !/MICROSOFT/i.test(path))
    return url
  const segments: string[] = []
  for (const written of path.split('/')) {
    const segment = canonicalSegment(written)
    if (segment === null) return nowhere
    segments.push(segment)
  }
  return query < 0 ? segments.join('/') : segments.join('/') + url.slice(query)
}

function canonicalSegment(segment: string): string | null {
  const dollar = segment.replace(/^%24/i, '$')
  // Clients may escape the parentheses of a key or call; in the URL conventions that makes no difference.
  const lower = dollar.toLowerCase().replaceAll('%28', '(').replaceAll('%29', ')')
  if (lower.startsWith(namespace)) {
    const short = lower.slice(namespace.length).replace(/\(\)$/, '')
    return operations.has(short) ? short : null
  }
  const open = lower.indexOf('(')
  if (open < 0) return dollar
  if (lower === 'delta()') return 'delta'
  const name = lower.slice(0, open)
  const key = readKey(dollar.slice(open))
  return keyed.has(name) && key !== null ? `${name}/${key}` : dollar
}

/** The key between `('` and `')`; quotes may be percent-encoded, and a doubled quote stands for one. */
function readKey(text: string): string | null {
  const plain = text.replaceAll(/%27/gi, "'").replaceAll(/%28/g, '(').replaceAll(/%29/g, ')')
  if (!plain.startsWith("('") || !plain.endsWith("')") || plain.length < 5) return null
  const key = plain.slice(2, -2)
  if (key.replaceAll("''", '').includes("'")) return null
  return key.replaceAll("''", '%27')
}

/** The routes at the path a request names, by method, and what its parameters are. */
export interface RouteMatch {
  readonly routes: ReadonlyMap<Method, Route>
  readonly params: Readonly<Record<string, string>>
}

/**
 * Finds the routes at a canonical path, without its query; null where nothing stands.
 * @throws CordonError BadRequest for a path that cannot be decoded
 */
export type RouteLookup = (path: string) => RouteMatch | null

/** A parameter may be this long. */
const maxParamLength = 2048

/**
 * Makes the look-up of routes by path: literal segments in any case before parameters, parameters percent-decoded once, no empty segments.
 * Which methods stand at a path is part of what is found, so that a refusal can name them.
 */
export function createRouteLookup(routes: readonly Route[]): RouteLookup {
  const router = createRouter({ caseSensitive: false, maxParamLength, onBadUrl: ignore })
  const groups = new Map<string, Map<Method, Route>>()
  for (const route of routes) {
    const group = groups.get(route.path)
    if (group) group.set(route.method, route)
    else groups.set(route.path, new Map([[route.method, route]]))
  }
  for (const [path, group] of groups) router.on('GET', path, ignore, group)
  return (path) => {
    const found = router.find('GET', path)
    if (found === null) return null
    const stored: ReadonlyMap<Method, Route> | null = found.store
    // What the router finds for a path it cannot decode belongs to no route.
    if (stored === null) throw new CordonError('BadRequest', 'The path holds a broken percent escape or is not UTF-8.')
    const params = found.params as Readonly<Record<string, string>>
    for (const name in params) if (params[name] === '') return null
    return { routes: stored, params }
  }
}

/** The router calls nothing here: it is only asked. */
function ignore(): void {}
