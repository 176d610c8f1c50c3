import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify'
import { type Caller, requirePermission } from '../access/authorize.ts'
import type { Clock, Ids } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import { CordonError } from '../model/errors.ts'
import { decodeBody, readBody } from './body.ts'
import { renderError, toCordonError } from './errors.ts'
import { canonicalUrl } from './path.ts'
import type { Answer, AuthorizedCall, Call, Route } from './route.ts'

/** What the HTTP edge needs of the rest. */
export interface ServerDeps {
  readonly log: Logger
  readonly clock: Clock
  readonly ids: Ids
  /** Names a bearer credential; throws InvalidAuthenticationToken. */
  readonly authenticate: (call: Call) => Promise<Caller>
  /** Names the person behind the portal's session cookie; checks the CSRF token on everything but GET. */
  readonly authenticateSession: (call: Call) => Promise<Caller>
  /** Leaves a trace of a refused mutation; never throws. */
  readonly recordRefusal: (call: Call, caller: Caller, route: Route, error: CordonError) => Promise<void>
  /** True for `host:port` values that name this server; everything else in Host is refused. */
  readonly isOwnHost: (host: string) => boolean
  readonly tls: { readonly cert: string; readonly key: string } | null
}

const graphContentType =
  'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8'
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const defaultMaxBodyBytes = 1024 * 1024
const routedMethods: readonly HTTPMethods[] = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']

/**
 * Builds the HTTP server: one place for ids, host check, limits, authentication, body reading and error bodies, in front of every route.
 * @returns a Fastify instance that is not listening yet
 */
export function createHttpServer(deps: ServerDeps, routes: readonly Route[]): FastifyInstance {
  const limits = { maxHeaderSize: 16 * 1024, headersTimeout: 15_000, requestTimeout: 30_000 }
  const common = {
    rewriteUrl: (request: { url?: string | undefined }): string => canonicalUrl(request.url ?? '/'),
    exposeHeadRoutes: false,
    keepAliveTimeout: 72_000,
    requestTimeout: 30_000,
    bodyLimit: 64 * 1024 * 1024,
    routerOptions: {
      caseSensitive: false,
      maxParamLength: 2048,
      onBadUrl: (_path: string, request: IncomingMessage, response: unknown): void =>
        answerBadUrl(deps, request, response as FastifyReply['raw']),
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
  }
  const app: FastifyInstance = deps.tls
    ? (Fastify({ ...common, https: { ...deps.tls, ...limits } }) as unknown as FastifyInstance)
    : Fastify({ ...common, http: limits })
  app.removeAllContentTypeParsers()
  // Bodies are read by the route's own rule, after the caller is known.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  app.setNotFoundHandler((request, reply) => answerError(deps, request, reply, missingSegment(request)))
  app.setErrorHandler((error, request, reply) => answerError(deps, request, reply, error))
  for (const [path, group] of groupByPath(routes)) registerPath(app, deps, path, group)
  return app
}

function groupByPath(routes: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>()
  for (const route of routes) {
    const group = groups.get(route.path)
    if (group) group.push(route)
    else groups.set(route.path, [route])
  }
  return groups
}

function registerPath(app: FastifyInstance, deps: ServerDeps, path: string, group: readonly Route[]): void {
  const allow = group.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
  allow.push('OPTIONS')
  for (const route of group) {
    const methods: HTTPMethods[] = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]
    app.route({ method: methods, url: path, handler: (request, reply) => serve(deps, route, request, reply) })
  }
  app.route({
    method: 'OPTIONS',
    url: path,
    handler: (request, reply) => {
      const call = openCall(deps, request)
      return reply
        .headers({ ...idHeaders(call), Allow: allow.join(', ') })
        .code(204)
        .send()
    },
  })
  const others = routedMethods.filter((method) => !allow.includes(method))
  if (others.length === 0) return
  app.route({
    method: others,
    url: path,
    handler: (request, reply) =>
      answerError(
        deps,
        request,
        reply,
        new CordonError('MethodNotAllowed', 'Specified HTTP method is not allowed for the request target.', { allow }),
      ),
  })
}

async function serve(
  deps: ServerDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  let call = openCall(deps, request)
  let caller: Caller | null = null
  try {
    checkFraming(deps, request)
    caller = await authorize(deps, route, call)
    if (route.body !== 'none') {
      const bytes = await readBody(request.raw, request.headers, route.maxBodyBytes ?? defaultMaxBodyBytes)
      call = { ...call, body: decodeBody(route.body, bytes, request.headers['content-type']) }
    }
    const answer = await route.handle(withCaller(call, caller))
    return sendAnswer(reply, call, answer)
  } catch (cause) {
    const error = toCordonError(cause)
    if (caller && route.method !== 'GET' && error.status < 500 && error.status !== 429) {
      await deps.recordRefusal(call, caller, route, error)
    }
    return answerError(deps, request, reply, error, call)
  }
}

async function authorize(deps: ServerDeps, route: Route, call: Call): Promise<Caller | null> {
  switch (route.access.kind) {
    case 'public':
    case 'self':
      return null
    case 'session':
      return deps.authenticateSession(call)
    case 'permissions': {
      const caller = await deps.authenticate(call)
      requirePermission(caller, route.access.anyOf)
      return caller
    }
  }
}

/** The handler's own type says whether it looks at `caller`; open routes never do. */
function withCaller(call: Call, caller: Caller | null): AuthorizedCall {
  return { ...call, caller } as AuthorizedCall
}

function openCall(deps: ServerDeps, request: FastifyRequest): Call {
  const url = request.originalUrl
  const cut = url.indexOf('?')
  const requestId = deps.ids.guid()
  const sent = request.headers['client-request-id']
  const hasClientRequestId = typeof sent === 'string' && guid.test(sent)
  const { socket } = request.raw
  return {
    method: request.method,
    path: cut < 0 ? url : url.slice(0, cut),
    rawQuery: cut < 0 ? '' : url.slice(cut + 1),
    params: request.params as Readonly<Record<string, string>>,
    headers: request.headers,
    body: undefined,
    origin: `${deps.tls ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}`,
    remoteAddress: socket.remoteAddress ?? '',
    requestId,
    clientRequestId: hasClientRequestId ? sent.toLowerCase() : requestId,
    hasClientRequestId,
    onClose: (listener) => {
      socket.once('close', listener)
      return () => socket.off('close', listener)
    },
  }
}

/** Node's parser lets a second Host and a foreign absolute-form target through; both could make us build links for another host. */
function checkFraming(deps: ServerDeps, request: FastifyRequest): void {
  const { rawHeaders, headers, url } = request.raw
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase()
    const bit = name === 'host' ? 1 : name === 'authorization' ? 2 : name === 'content-type' ? 4 : 0
    if (bit & seen) throw new CordonError('BadRequest', `The header '${name}' may be sent once only.`)
    seen |= bit
  }
  if (!url?.startsWith('/')) throw new CordonError('BadRequest', 'The request target must be a path.')
  if (!deps.isOwnHost(headers.host ?? '')) {
    throw new CordonError('BadRequest', 'The Host header names no host this server is configured for.')
  }
  const expect = headers.expect
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new CordonError('ExpectationFailed', 'Only Expect: 100-continue is understood.')
  }
  if (!acceptsJson(headers.accept)) {
    throw new CordonError('NotAcceptable', 'Answers are application/json; ask for that or for */*.')
  }
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return true
  return accept
    .toLowerCase()
    .split(',')
    .some((range) => {
      const type = range.split(';', 1)[0]?.trim() ?? ''
      return type === '*/*' || type.startsWith('application/') || type.startsWith('text/') || type.startsWith('image/')
    })
}

function idHeaders(call: { requestId: string; clientRequestId: string }): Record<string, string> {
  return { 'request-id': call.requestId, 'client-request-id': call.clientRequestId }
}

function sendAnswer(reply: FastifyReply, call: Call, answer: Answer): FastifyReply {
  reply.code(answer.status).headers({ ...idHeaders(call), 'OData-Version': '4.0', ...answer.headers })
  if (answer.body === undefined) return reply.send()
  // One fast encoding into bytes; a string would be measured for Content-Length and encoded again by the socket.
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  return reply.header('Content-Type', answer.contentType ?? graphContentType).send(bytes)
}

function answerError(
  deps: ServerDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  cause: unknown,
  known?: Call,
): FastifyReply {
  const call = known ?? openCall(deps, request)
  const error = toCordonError(cause)
  if (error.status >= 500) {
    deps.log.error({ err: error.extras.cause ?? error, requestId: call.requestId, path: call.path }, 'request failed')
  }
  const rendered = renderError(error, { ...call, now: deps.clock.now() })
  // What is left of a body that was refused unread would be taken for the next request.
  if (!request.raw.complete) reply.header('Connection', 'close')
  return reply
    .code(rendered.status)
    .headers({ ...idHeaders(call), ...rendered.headers })
    .header('Content-Type', 'application/json')
    .send(rendered.body)
}

function answerBadUrl(deps: ServerDeps, request: IncomingMessage, response: FastifyReply['raw']): void {
  const requestId = deps.ids.guid()
  const error = new CordonError('BadRequest', 'The path holds a broken percent escape.')
  const rendered = renderError(error, { requestId, clientRequestId: requestId, now: deps.clock.now() })
  request.resume()
  response.writeHead(400, {
    ...idHeaders({ requestId, clientRequestId: requestId }),
    'Content-Type': 'application/json',
  })
  response.end(rendered.body)
}

function missingSegment(request: FastifyRequest): CordonError {
  const path = request.originalUrl.split('?', 1)[0] ?? ''
  const last = path.split('/').filter(Boolean).at(-1) ?? ''
  return new CordonError('ResourceNotFound', `Resource not found for the segment '${last.slice(0, 100)}'.`)
}
