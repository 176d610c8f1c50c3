import { Readable } from 'node:stream'
import type { Caller } from '../../src/access/authorize.ts'
import { decodeBody, readBody } from '../../src/api/body.ts'
import { canonicalUrl, createRouteLookup, type RouteLookup } from '../../src/api/path.ts'
import { type Call, isRoutedMethod, type Route } from '../../src/api/route.ts'
import { type RunDeps, runRoute } from '../../src/api/run-route.ts'
import { readClientRequestId } from '../../src/api/unparsed.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import type { RunningServer } from '../../src/main.ts'
import { CordonError } from '../../src/model/errors.ts'
import { permissions } from '../../src/model/permissions.ts'
import type { FuzzInput } from './input.ts'
import type { FuzzAnswer } from './judge.ts'

/** Sends inputs through everything behind the HTTP edge: route, permissions, body, parser, binder, SQL, answer. */
export interface InProcess {
  /** null where no operation stands at the input's path. */
  run(input: FuzzInput): Promise<FuzzAnswer | null>
}

/** Makes the target: the operations of a running server, asked by a caller who may do everything. */
export function openInProcess(server: RunningServer, tenantId: string, callerId: string): InProcess {
  const log = createLog('fatal')
  const edge: RunDeps = {
    log,
    clock: systemClock,
    admit: () => undefined,
    // Thousands of refusals would be thousands of flushes to disk; those of the server process are written.
    recordRefusal: async () => undefined,
  }
  const find = createRouteLookup(server.routes)
  return {
    run: async (input) => {
      const [path, query] = splitTarget(canonicalUrl(input.target))
      const found = findRoute(find, input.method === 'HEAD' ? 'GET' : input.method, path)
      if (found === null) return null
      const { route } = found
      const call = openCall(input, query, found.params, server.url)
      const caller: Caller = {
        tenantId,
        id: callerId,
        kind: 'application',
        name: 'fuzz',
        requestId: call.requestId,
        clientRequestId: call.clientRequestId,
        permissions: new Set(permissions),
      }
      const rendered = await runRoute(edge, route, call, {
        check: () => undefined,
        identify: async () => (route.access.kind === 'permissions' ? caller : null),
        readBody: (maxBytes) => readInputBody(input, call, route, maxBytes),
      })
      const headers = Object.fromEntries(
        Object.entries(rendered.headers).map(([name, value]) => [name.toLowerCase(), value]),
      )
      // Node leaves the body of an answer to HEAD away.
      return {
        status: rendered.status,
        headers,
        text: input.method === 'HEAD' ? '' : (rendered.body?.toString() ?? ''),
      }
    },
  }
}

async function readInputBody(input: FuzzInput, call: Call, route: Route, maxBytes: number): Promise<unknown> {
  const bytes = Buffer.from(input.body ?? '', 'latin1')
  const read = await readBody(Readable.from([bytes]), call.headers, maxBytes)
  return decodeBody(route.body, read, headerOf(call, 'content-type'))
}

function headerOf(call: Call, name: string): string | undefined {
  const value = call.headers[name]
  return typeof value === 'string' ? value : undefined
}

function openCall(input: FuzzInput, rawQuery: string, params: Call['params'], origin: string): Call {
  const headers: Record<string, string> = { host: new URL(origin).host }
  for (const [name, value] of input.headers) {
    const lower = name.toLowerCase()
    headers[lower] = headers[lower] === undefined ? value.trim() : `${headers[lower]}, ${value.trim()}`
  }
  const sentId = readClientRequestId(headers)
  const requestId = randomIds.guid()
  return {
    method: input.method,
    path: splitTarget(input.target)[0],
    rawQuery,
    params,
    headers,
    body: undefined,
    origin,
    remoteAddress: '127.0.0.1',
    requestId,
    clientRequestId: sentId ?? requestId,
    hasClientRequestId: sentId !== null,
    onClose: () => () => undefined,
  }
}

function splitTarget(target: string): [path: string, query: string] {
  const cut = target.indexOf('?')
  return cut < 0 ? [target, ''] : [target.slice(0, cut), target.slice(cut + 1)]
}

/** null also for what the edge answers itself: a path that cannot be decoded, a method that does not stand there. */
function findRoute(
  find: RouteLookup,
  method: string,
  path: string,
): { readonly route: Route; readonly params: Call['params'] } | null {
  try {
    const match = find(path)
    const route = match !== null && isRoutedMethod(method) ? match.routes.get(method) : undefined
    return match === null || route === undefined ? null : { route, params: match.params }
  } catch (cause) {
    if (cause instanceof CordonError) return null
    throw cause
  }
}
