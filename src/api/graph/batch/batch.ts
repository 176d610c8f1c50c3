import type { Caller } from '../../../access/authorize.ts'
import type { Ids } from '../../../io/clock.ts'
import { CordonError } from '../../../model/errors.ts'
import { permissions } from '../../../model/permissions.ts'
import { decodeBody } from '../../body.ts'
import type { ApiVersion } from '../../odata/resource.ts'
import { createRouteLookup, type RouteLookup, type RouteMatch } from '../../path.ts'
import { type AuthorizedCall, type Call, permitted, type Route } from '../../route.ts'
import {
  allowedMethods,
  methodNotAllowed,
  missingSegment,
  type Rendered,
  type RunDeps,
  renderFailure,
  runRoute,
} from '../../run-route.ts'
import { readClientRequestId } from '../../unparsed.ts'
import { type ItemRequest, readItemRequest } from './item.ts'
import { type BatchItem, readBatch } from './read.ts'

/** What a batch needs beside the routes its items run through. */
export interface BatchDeps extends RunDeps {
  readonly ids: Ids
}

const maxBodyBytes = 4 * 1024 * 1024

/** Items under way at once: one batch must not take every connection of the store. */
const maxAtOnce = 4

/**
 * `POST /{version}/$batch`: up to 20 requests in one. Each item runs through the route it would reach on its own, as the caller of the
 * batch, and has its own ids, authorization, limits, refusal audit and error.
 * @param routes every other operation; only those below the two Graph roots can be named
 * @source OData JSON format 4.01, section 19; design contract 18
 */
export function batchRoutes(deps: BatchDeps, routes: readonly Route[]): Route[] {
  const lookup = createRouteLookup(routes.filter((route) => /^\/(v1\.0|beta)(\/|$)/.test(route.path)))
  return (['v1.0', 'beta'] as const).map((version) => ({
    // Whoever may do anything at all may ask; each item then asks for its own permission.
    ...permitted('POST', `/${version}/$batch`, permissions, 'json', async (call) => {
      const items = readBatch(call.body)
      const answers = await runInOrder(deps, lookup, version, call, items)
      return { status: 200, body: `{"responses":[${answers.join(',')}]}` }
    }),
    maxBodyBytes,
  }))
}

/** @returns the answers as JSON texts, in the order of `items` */
async function runInOrder(
  deps: BatchDeps,
  lookup: RouteLookup,
  version: ApiVersion,
  call: AuthorizedCall,
  items: readonly BatchItem[],
): Promise<string[]> {
  const outcomes = new Map<BatchItem, Promise<Rendered>>()
  const admit = createGate(maxAtOnce)
  for (const item of items) {
    const before = item.dependsOn.map((other) => outcomes.get(other))
    const run = async (): Promise<Rendered> => {
      const earlier = await Promise.all(before)
      const isBlocked = earlier.some((outcome) => (outcome?.status ?? 500) >= 400)
      return admit(() => runItem(deps, lookup, version, call, item, isBlocked))
    }
    outcomes.set(item, run())
  }
  return Promise.all([...outcomes].map(async ([item, outcome]) => writeResponse(item.id, await outcome)))
}

/** Lets `limit` pieces of work run at once; the others wait their turn. */
function createGate(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

async function runItem(
  deps: BatchDeps,
  lookup: RouteLookup,
  version: ApiVersion,
  outer: AuthorizedCall,
  item: BatchItem,
  isBlocked: boolean,
): Promise<Rendered> {
  let call = openItemCall(deps, outer, null)
  try {
    if (isBlocked) throw new CordonError('FailedDependency', 'A request this one depends on failed.')
    const request = readItemRequest(item, version)
    call = openItemCall(deps, outer, request)
    const match = findRoute(lookup, request)
    const route = match.routes.get(request.method)
    if (route === undefined) throw methodNotAllowed(allowedMethods([...match.routes.values()]))
    call = { ...call, params: match.params }
    return await runRoute(deps, route, call, {
      check: () => undefined,
      identify: async () => (route.access.kind === 'permissions' ? actAs(outer.caller, call) : null),
      readBody: async (maxBytes) => decodeItemBody(route, request, maxBytes),
    })
  } catch (cause) {
    return renderFailure(deps, call, cause)
  }
}

function findRoute(lookup: RouteLookup, request: ItemRequest): RouteMatch {
  const match = lookup(request.canonicalPath)
  if (match === null) throw missingSegment(request.path)
  return match
}

/** The item's own call: the batch's connection, the item's ids. */
function openItemCall(deps: BatchDeps, outer: AuthorizedCall, request: ItemRequest | null): Call {
  const sentId = request === null ? null : readClientRequestId(request.headers)
  const { caller: _caller, ...connection } = outer
  return {
    ...connection,
    method: request?.method ?? outer.method,
    path: request?.path ?? outer.path,
    rawQuery: request?.rawQuery ?? '',
    params: {},
    headers: request?.headers ?? {},
    body: undefined,
    requestId: deps.ids.guid(),
    // The batch's own id still ties an item to it, but is no idempotency key: it would be the same for all of them.
    clientRequestId: sentId ?? outer.clientRequestId,
    hasClientRequestId: sentId !== null,
  }
}

function actAs(caller: Caller, call: Call): Caller {
  return { ...caller, requestId: call.requestId, clientRequestId: call.clientRequestId }
}

function decodeItemBody(route: Route, request: ItemRequest, maxBytes: number): unknown {
  const bytes = request.body ?? Buffer.alloc(0)
  if (bytes.length > maxBytes) {
    throw new CordonError('RequestEntityTooLarge', `The body may hold at most ${maxBytes} bytes.`)
  }
  return decodeBody(route.body, bytes, request.headers['content-type'])
}

function writeResponse(id: string, rendered: Rendered): string {
  const { status, headers, body } = rendered
  const head = JSON.stringify({ id, status, headers: { 'Cache-Control': 'no-cache', ...headers } }).slice(0, -1)
  return body === undefined ? `${head}}` : `${head},"body":${writeBody(body, headers['Content-Type'] ?? '')}}`
}

/** JSON stands there as it is, other text as a string, anything else in base64. @source OData JSON format 4.01, 19.5 */
function writeBody(body: string | Buffer, contentType: string): string {
  if (/^application\/json(;|$)/.test(contentType)) return body.toString()
  return JSON.stringify(contentType.startsWith('text/') ? body.toString() : Buffer.from(body).toString('base64'))
}
