import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock, Ids } from '../io/clock.ts'
import { CordonError, type ErrorName } from '../model/errors.ts'
import { type RenderedError, renderError } from './errors.ts'

/** What answering needs where no route was reached. */
export interface UnparsedDeps {
  readonly clock: Clock
  readonly ids: Ids
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The client's own client-request-id in lower case; null when it sent none that is a GUID. */
export function readClientRequestId(headers: IncomingMessage['headers']): string | null {
  const sent = headers['client-request-id']
  return typeof sent === 'string' && guid.test(sent) ? sent.toLowerCase() : null
}

/** Why Node gave a connection up before there was a request, as rows of our error table. */
const connectionErrors: Readonly<Record<string, [ErrorName, string]>> = {
  HPE_HEADER_OVERFLOW: ['RequestHeaderFieldsTooLarge', 'The URL or the headers are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['RequestTimeout', 'The request did not arrive in time.'],
}

/** Answers bytes that are no HTTP request, and closes the connection. */
export function answerBrokenRequest(deps: UnparsedDeps, cause: Error & { code?: string }, socket: Duplex): void {
  if (cause.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [name, message] = connectionErrors[cause.code ?? ''] ?? ['BadRequest', 'The request is not valid HTTP.']
  const { status, headers, body } = render(deps, new CordonError(name, message, { cause }), null)
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' })
  const head = lines.map(([header, value]) => `${header}: ${value}\r\n`).join('')
  // A client that goes on sending would never see the answer behind a reset.
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`)
}

function render(deps: UnparsedDeps, error: CordonError, sentId: string | null): RenderedError {
  const requestId = deps.ids.guid()
  const clientRequestId = sentId ?? requestId
  const rendered = renderError(error, { requestId, clientRequestId, now: deps.clock.now() })
  const ids = { 'request-id': requestId, 'client-request-id': clientRequestId }
  const date = new Date(deps.clock.nowMs()).toUTCString()
  return { ...rendered, headers: { Date: date, ...ids, ...rendered.headers, 'Content-Type': 'application/json' } }
}
