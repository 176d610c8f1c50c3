import { type Caller, requirePermission } from '../access/authorize.ts'
import type { Clock } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import { CordonError } from '../model/errors.ts'
import { renderError, toCordonError } from './errors.ts'
import type { Answer, AnswerFile, AnswerPieces, AuthorizedCall, Call, Route, StreamSink } from './route.ts'

/** What running an operation needs of the rest, however the request came. */
export interface RunDeps {
  readonly log: Logger
  readonly clock: Clock
  /** Lets the caller's request in; throws TooManyRequests. */
  readonly admit: (caller: Caller) => void
  /** Leaves a trace of a refused mutation; never throws. */
  readonly recordRefusal: (call: Call, caller: Caller, route: Route, error: CordonError) => Promise<void>
}

/** How one request brings its parts: a request on a connection, or an item of a `$batch`. */
export interface RequestParts {
  /** Refuses what is wrong with the request whatever the operation; throws. */
  readonly check: () => void
  /** Names the caller of a route that asks for one. */
  readonly identify: () => Promise<Caller | null>
  /** Reads and decodes the body; asked only after the caller was let in, and only when the route takes one. */
  readonly readBody: (maxBytes: number) => Promise<unknown>
}

/** An answer ready to be sent: every header it has, with its ids and content type. */
export interface Rendered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** As in {@link Answer}. */
  readonly stream?: (sink: StreamSink) => () => void
  readonly file?: AnswerFile
  readonly pieces?: AnswerPieces
}

const graphContentType =
  'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8'
const defaultMaxBodyBytes = 1024 * 1024

/**
 * Runs a route for one request from its checks to its answer; what fails becomes a rendered error. Single requests and the items of a
 * `$batch` both come through here, so that no rule holds for one of them only.
 */
export async function runRoute(deps: RunDeps, route: Route, opened: Call, parts: RequestParts): Promise<Rendered> {
  let call = opened
  let caller: Caller | null = null
  try {
    parts.check()
    checkParams(call)
    checkAccept(route, call.headers.accept)
    caller = await parts.identify()
    // A batch counts by its items.
    if (caller && !route.path.endsWith('/$batch')) deps.admit(caller)
    if (caller && route.access.kind === 'permissions') requirePermission(caller, route.access.anyOf)
    if (route.body !== 'none') {
      call = { ...call, body: await parts.readBody(route.maxBodyBytes ?? defaultMaxBodyBytes) }
    }
    return renderAnswer(call, await route.handle(withCaller(call, caller)))
  } catch (cause) {
    const error = toCordonError(cause)
    if (caller && route.method !== 'GET' && error.status < 500 && error.status !== 429) {
      await deps.recordRefusal(call, caller, route, error)
    }
    return renderFailure(deps, call, error)
  }
}

/** The handler's own type says whether it looks at `caller`; open routes never do. */
function withCaller(call: Call, caller: Caller | null): AuthorizedCall {
  return { ...call, caller } as AuthorizedCall
}

/** NUL is never part of a name or id, and PostgreSQL takes no text that holds it. */
function checkParams(call: Call): void {
  if (Object.values(call.params).some((value) => value.includes('\0'))) {
    throw new CordonError('BadRequest', 'The path holds a NUL character.')
  }
}

/** Operations behind a token answer JSON, and a bare number to `$count`; the public ones are documents, asked for in many ways. */
function checkAccept(route: Route, header: string | readonly string[] | undefined): void {
  const accept = typeof header === 'string' ? header : (header ?? []).join(',')
  if (accept === '*/*' || accept === 'application/json') return
  if (route.access.kind !== 'permissions' || accept.trim() === '') return
  const types = new Set(['*/*', 'application/*', 'application/json'])
  if (route.path.endsWith('/package')) types.add('application/zip').add('application/octet-stream')
  if (route.path.endsWith('/export')) types.add('text/csv').add('application/x-ndjson')
  if (route.path.endsWith('/$count')) types.add('text/*').add('text/plain')
  if (route.path === '/api/v1/events') types.add('text/event-stream')
  const isAccepted = accept
    .toLowerCase()
    .split(',')
    .some((range) => types.has(range.split(';', 1)[0]?.trim() ?? '') && !/;\s*q=0(\.0*)?\s*(;|$)/.test(range))
  if (!isAccepted) throw new CordonError('NotAcceptable', 'Answers are application/json; ask for that or for */*.')
}

/** The headers that name a request. */
export function idHeaders(call: Pick<Call, 'requestId' | 'clientRequestId'>): Record<string, string> {
  return { 'request-id': call.requestId, 'client-request-id': call.clientRequestId }
}

function renderAnswer(call: Call, answer: Answer): Rendered {
  const headers = { ...idHeaders(call), 'OData-Version': '4.0', ...answer.headers }
  if (answer.stream !== undefined) {
    const type = { 'Content-Type': answer.contentType ?? 'text/plain' }
    return { status: answer.status, headers: { ...headers, ...type }, stream: answer.stream }
  }
  const type = { 'Content-Type': answer.contentType ?? graphContentType }
  if (answer.file !== undefined) return { status: answer.status, headers: { ...headers, ...type }, file: answer.file }
  if (answer.pieces !== undefined) {
    return { status: answer.status, headers: { ...headers, ...type }, pieces: answer.pieces }
  }
  if (answer.body === undefined) return { status: answer.status, headers }
  return { status: answer.status, headers: { ...headers, ...type }, body: answer.body }
}

/** The answer to a request that failed, before or in its operation. What is our own fault goes to the log. */
export function renderFailure(deps: Pick<RunDeps, 'log' | 'clock'>, call: Call, cause: unknown): Rendered {
  const error = toCordonError(cause)
  if (error.status >= 500) {
    deps.log.error({ err: error.extras.cause ?? error, requestId: call.requestId, path: call.path }, 'request failed')
  }
  const { status, headers, body } = renderError(error, { ...call, now: deps.clock.now() })
  return { status, headers: { ...idHeaders(call), ...headers, 'Content-Type': 'application/json' }, body }
}

/** What `Allow` names for the routes of one path. */
export function allowedMethods(group: readonly Route[]): string[] {
  const methods = group.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
  return [...methods, 'OPTIONS']
}

/** The refusal of a method on a path that has others. */
export function methodNotAllowed(allow: readonly string[]): CordonError {
  return new CordonError('MethodNotAllowed', 'Specified HTTP method is not allowed for the request target.', { allow })
}

/** The refusal of a path nothing stands at. */
export function missingSegment(path: string): CordonError {
  const last = path.split('/').filter(Boolean).at(-1) ?? ''
  return new CordonError('ResourceNotFound', `Resource not found for the segment '${last.slice(0, 100)}'.`)
}
