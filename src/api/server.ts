import { createReadStream } from 'node:fs'
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Caller } from '../access/authorize.ts'
import type { Ids } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { decodeBody, readBody } from './body.ts'
import { corsHeaders, preflightHeaders } from './graph/cors.ts'
import type { Metrics } from './monitoring/figures.ts'
import { canonicalUrl, createRouteLookup, type RouteLookup } from './path.ts'
import { type AnswerPieces, type Call, isRoutedMethod, type Route, shortText } from './route.ts'
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
import { answerBrokenRequest, readClientRequestId } from './unparsed.ts'

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
  /** Told of every answer. */
  readonly countRequest: Metrics['countRequest']
}

const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  // Node looks for connections past these limits only so often, by itself every 30 s.
  connectionsCheckingInterval: 2_000,
  // Node would answer by itself, and without a body.
  requireHostHeader: false,
}

/**
 * Builds the HTTP server: one place for ids, host check, limits, authentication, body reading and error bodies, in front of every route.
 * @returns a server that is not listening yet
 */
export function createHttpServer(deps: ServerDeps, routes: readonly Route[]): Server {
  const server: Server = deps.tls ? createTlsServer({ ...deps.tls, ...limits }) : createPlainServer(limits)
  const edge = { ...deps, server, lookup: createRouteLookup(routes) }
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => void answer(edge, request, response)
  server.on('request', onRequest)
  // Node's own answer to an unknown expectation has no body; ours is given in checkFraming.
  server.on('checkExpectation', onRequest)
  server.on('clientError', (cause, socket) => answerBrokenRequest(deps, cause, socket))
  return server
}

interface Edge extends ServerDeps {
  readonly server: Server
  readonly lookup: RouteLookup
}

/** Answers one request; never throws. */
async function answer(edge: Edge, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAtMs = performance.now()
  const call = openCall(edge, request)
  const seen: Seen = { route: 'none' }
  try {
    send(edge, request, response, await answerCall(edge, request, response, call, seen))
  } catch (cause) {
    if (response.headersSent) {
      edge.log.error({ err: cause, requestId: call.requestId, path: call.path }, 'an answer broke off')
      response.destroy()
    } else {
      send(edge, request, response, renderFailure(edge, call, cause))
    }
  }
  const { statusCode: status } = response
  const seconds = (performance.now() - startedAtMs) / 1000
  edge.countRequest({ method: isRoutedMethod(call.method) ? call.method : 'other', ...seen, status, seconds })
}

/** What was found out about a request on the way to its answer. */
interface Seen {
  /** The path of its route; `none` while there is none. */
  route: string
}

function answerCall(
  edge: Edge,
  request: IncomingMessage,
  response: ServerResponse,
  opened: Call,
  seen: Seen,
): Rendered | Promise<Rendered> {
  const { method, path } = opened
  if (edge.corsOrigins.size > 0) {
    const headers = corsHeaders(edge.corsOrigins, path, request.headers)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  }
  if (!isRoutedMethod(method) && !bareMethods.has(method)) {
    throw new CordonError('NotImplemented', `The HTTP method ${method} is not implemented.`)
  }
  const match = edge.lookup(canonicalUrl(path))
  if (match === null) throw missingSegment(path)
  const call = { ...opened, params: match.params }
  const wanted = method === 'HEAD' ? 'GET' : method
  const route = isRoutedMethod(wanted) ? match.routes.get(wanted) : undefined
  if (route !== undefined) {
    seen.route = route.path
    return answerRoute(edge, route, request, call)
  }
  const allow = allowedMethods([...match.routes.values()])
  if (method !== 'OPTIONS') throw methodNotAllowed(allow)
  const cors = preflightHeaders(edge.corsOrigins, path, request.headers, allow)
  return { status: 204, headers: { ...idHeaders(call), ...cors, Allow: allow.join(', ') } }
}

/** Methods no operation names that are understood all the same. */
const bareMethods: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS', 'TRACE'])

function answerRoute(edge: Edge, route: Route, request: IncomingMessage, call: Call): Promise<Rendered> {
  const { headers } = request
  return runRoute(edge, route, call, {
    check: () => checkFraming(edge, request),
    identify: () => identify(edge, route, call),
    readBody: async (maxBytes) =>
      decodeBody(route.body, await readBody(request, headers, maxBytes), headers['content-type']),
  })
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

function openCall(deps: ServerDeps, request: IncomingMessage): Call {
  const url = request.url ?? '/'
  const cut = url.indexOf('?')
  const requestId = deps.ids.guid()
  const sentId = readClientRequestId(request.headers)
  const { socket } = request
  return {
    method: request.method ?? 'GET',
    path: cut < 0 ? url : url.slice(0, cut),
    rawQuery: cut < 0 ? '' : url.slice(cut + 1),
    params: {},
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
function checkFraming(deps: ServerDeps, request: IncomingMessage): void {
  const { rawHeaders, headers, url } = request
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

/** Sends a file as it is read. One that breaks off ends the connection, so that nobody takes the half for the whole. */
function sendFile(edge: Edge, response: ServerResponse, path: string): void {
  const content = createReadStream(path)
  content.on('error', (cause) => {
    edge.log.error({ err: cause }, 'a file could not be sent to its end')
    response.destroy()
  })
  response.on('close', () => content.destroy())
  content.pipe(response)
}

/** Sends pieces as they are made, no faster than the client takes them. What fails on the way ends the connection, as with a file. */
async function sendPieces(
  edge: Edge,
  request: IncomingMessage,
  response: ServerResponse,
  { text, trailers }: AnswerPieces,
): Promise<void> {
  response.flushHeaders()
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  try {
    await pipeline(Readable.from(text), response, { end: false })
    response.addTrailers(trailers())
    response.end()
  } catch (cause) {
    if (!response.destroyed) edge.log.error({ err: cause }, 'an answer could not be written to its end')
    response.destroy()
  }
}

/** Writes an answer that has all its headers. */
function send(edge: Edge, request: IncomingMessage, response: ServerResponse, rendered: Rendered): void {
  const { status, headers, body, stream, file, pieces } = rendered
  // What is left of a body that was refused unread would be taken for the next request; and a server that stops takes no next one.
  if ((status >= 400 && !request.complete) || !edge.server.listening) response.setHeader('Connection', 'close')
  if (stream !== undefined) {
    response.writeHead(status, headers)
    sendOn(request, response, stream)
    return
  }
  if (file !== undefined) {
    response.writeHead(status, { ...headers, 'Content-Length': file.size })
    sendFile(edge, response, file.path)
    return
  }
  if (pieces !== undefined) {
    // Only a body in chunks has trailers: the answers to HEAD and to HTTP/1.0 have none to announce.
    const hasTrailers = request.method !== 'HEAD' && request.httpVersion !== '1.0'
    response.writeHead(status, hasTrailers ? { ...headers, Trailer: pieces.trailerNames.join(', ') } : headers)
    void sendPieces(edge, request, response, pieces)
    return
  }
  if (body === undefined) {
    response.writeHead(status, status === 204 ? headers : { ...headers, 'Content-Length': 0 })
    response.end()
    return
  }
  const content = typeof body === 'string' && body.length > shortText ? Buffer.from(body) : body
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(content) })
  response.end(content)
}

/** Hands the rest of an answer to whoever writes it as it comes, until one side ends it. */
function sendOn(request: IncomingMessage, response: ServerResponse, stream: NonNullable<Rendered['stream']>): void {
  response.flushHeaders()
  const stop = stream({
    write: (text) => {
      if (!response.writableEnded) response.write(text)
    },
    waitingBytes: () => response.writableLength,
    end: () => response.end(),
  })
  if (response.destroyed || request.method === 'HEAD') {
    stop()
    response.end()
  } else response.once('close', stop)
}
