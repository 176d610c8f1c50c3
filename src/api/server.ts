import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify'
import type { Caller } from '../access/authorize.ts'
import type { Ids } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { decodeBody, readBody } from './body.ts'
import { corsHeaders, preflightHeaders } from './graph/cors.ts'
import { canonicalUrl } from './path.ts'
import type { Call, Route } from './route.ts'
import {
  allowedMethods,
  idHeaders,
  methodNotAllowed,
  missingSegment,
  type Rendered,
  type RunDeps,
  renderFailure,
  runRoute,
} from './run-route.ts'
import { answerBadUrl, answerBrokenRequest, readClientRequestId } from './unparsed.ts'

/** What the HTTP edge needs of the rest. */
export interface ServerDeps extends RunDeps {
  readonly ids: Ids
  /** Names a bearer credential; throws InvalidAuthenticationToken. */
  readonly authenticate: (call: Call) => Promise<Caller>
  /** Names the person behind the portal's session cookie; checks the CSRF token on everything but GET. */
  readonly authenticateSession: (call: Call) => Promise<Caller>
  /** True for `host:port` values that name this server; everything else in Host is refused. */
  readonly isOwnHost: (host: string) => boolean
  readonly tls: { readonly cert: string; readonly key: string } | null
  /** Origins whose pages may call the Graph routes; none by default. */
  readonly corsOrigins: ReadonlySet<string>
}

const routedMethods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'TRACE']

/**
 * Builds the HTTP server: one place for ids, host check, limits, authentication, body reading and error bodies, in front of every route.
 * @returns a Fastify instance that is not listening yet
 */
export function createHttpServer(deps: ServerDeps, routes: readonly Route[]): FastifyInstance {
  const limits = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    // Node looks for connections past these limits only so often, by itself every 30 s.
    connectionsCheckingInterval: 2_000,
  }
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
        answerBadUrl(deps, request, response as ServerResponse),
    },
    clientErrorHandler: (cause: Error, socket: Duplex): void => answerBrokenRequest(deps, cause, socket),
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
  }
  const app: FastifyInstance = deps.tls
    ? (Fastify({ ...common, https: { ...deps.tls, ...limits } }) as unknown as FastifyInstance)
    : Fastify({ ...common, http: limits })
  // Node's own answer to an unknown expectation has no body; ours is given in checkFraming.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  const { corsOrigins } = deps
  if (corsOrigins.size > 0) {
    app.addHook('onRequest', async (request, reply) => {
      const headers = corsHeaders(corsOrigins, request.originalUrl, request.headers)
      for (const [name, value] of Object.entries(headers)) reply.raw.setHeader(name, value)
    })
  }
  app.removeAllContentTypeParsers()
  // Bodies are read by the route's own rule, after the caller is known.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  app.setNotFoundHandler((request, reply) => answerError(deps, request, reply, explainMissing(request)))
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
  const allow = allowedMethods(group)
  for (const route of group) {
    const methods: HTTPMethods[] = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]
    app.route({ method: methods, url: path, handler: (request, reply) => serve(deps, route, request, reply) })
  }
  app.route({
    method: 'OPTIONS',
    url: path,
    handler: (request, reply) => {
      const call = openCall(deps, request)
      const cors = preflightHeaders(deps.corsOrigins, request.originalUrl, request.headers, allow)
      return send(request, reply, { status: 204, headers: { ...idHeaders(call), ...cors, Allow: allow.join(', ') } })
    },
  })
  const others = routedMethods.filter((method) => !allow.includes(method))
  if (others.length === 0) return
  app.route({
    method: others,
    url: path,
    handler: (request, reply) => answerError(deps, request, reply, methodNotAllowed(allow)),
  })
}

async function serve(
  deps: ServerDeps,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const call = openCall(deps, request)
  const { raw, headers } = request
  const rendered = await runRoute(deps, route, call, {
    check: () => checkFraming(deps, request),
    identify: () => identify(deps, route, call),
    readBody: async (maxBytes) =>
      decodeBody(route.body, await readBody(raw, headers, maxBytes), headers['content-type']),
  })
  return send(request, reply, rendered)
}

async function identify(deps: ServerDeps, route: Route, call: Call): Promise<Caller | null> {
  switch (route.access.kind) {
    case 'public':
    case 'self':
      return null
    case 'session':
      return deps.authenticateSession(call)
    case 'permissions':
      return deps.authenticate(call)
  }
}

function openCall(deps: ServerDeps, request: FastifyRequest): Call {
  const url = request.originalUrl
  const cut = url.indexOf('?')
  const requestId = deps.ids.guid()
  const sentId = readClientRequestId(request.headers)
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
    clientRequestId: sentId ?? requestId,
    hasClientRequestId: sentId !== null,
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
}

/** Up to this length a text is written together with the headers, in one go; longer ones are quicker as bytes. */
const shortText = 4_096

/**
 * Writes an answer that has all its headers. Not through Fastify's reply: its hooks and serialisers have nothing left to do here and
 * would cost a short answer a fifth of its time.
 */
function send(request: FastifyRequest, reply: FastifyReply, rendered: Rendered): FastifyReply {
  const { status, headers, body } = rendered
  const { raw } = reply.hijack()
  // What is left of a body that was refused unread would be taken for the next request.
  if (status >= 400 && !request.raw.complete) raw.setHeader('Connection', 'close')
  if (body === undefined) {
    raw.writeHead(status, status === 204 ? headers : { ...headers, 'Content-Length': 0 })
    raw.end()
    return reply
  }
  const content = typeof body === 'string' && body.length > shortText ? Buffer.from(body) : body
  raw.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(content) })
  raw.end(content)
  return reply
}

function answerError(deps: ServerDeps, request: FastifyRequest, reply: FastifyReply, cause: unknown): FastifyReply {
  return send(request, reply, renderFailure(deps, openCall(deps, request), cause))
}

function explainMissing(request: FastifyRequest): CordonError {
  if (!routedMethods.includes(request.method) && request.method !== 'OPTIONS') {
    return new CordonError('NotImplemented', `The HTTP method ${request.method} is not implemented.`)
  }
  return missingSegment(request.originalUrl.split('?', 1)[0] ?? '')
}
