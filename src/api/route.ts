import type { Caller } from '../access/authorize.ts'
import type { Permission } from '../model/permissions.ts'

/** Methods Cordon routes; everything else on a known path is 405. */
export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

const methods: ReadonlySet<string> = new Set<Method>(['GET', 'POST', 'PATCH', 'PUT', 'DELETE'])

/** Up to this length the text of an answer is written together with its headers, in one go; longer ones are quicker as bytes. */
export const shortText = 4_096

/** True for the methods operations have. */
export function isRoutedMethod(method: string): method is Method {
  return methods.has(method)
}

/**
 * Who may call an operation. `permissions`: a bearer token that holds at least one of them (the first is the least privilege named in the
 * refusal). `session`: the portal's cookie, with the CSRF token on everything but GET. `self`: the operation checks its own credential
 * (sign-in, agents). `public`: nobody is asked.
 */
export type Access =
  | { readonly kind: 'permissions'; readonly anyOf: readonly Permission[] }
  | { readonly kind: 'session' }
  | { readonly kind: 'self' }
  | { readonly kind: 'public' }

/** How a request body reaches the handler. */
export type BodyKind =
  /** No body is looked at. */
  | 'none'
  /** Strict JSON (RFC 8259, no duplicate keys), required; `call.body` is the value. */
  | 'json'
  /** JSON that may be absent: an empty body is `undefined`. */
  | 'optional-json'
  /** `application/x-www-form-urlencoded`; `call.body` is a `URLSearchParams`. */
  | 'form'
  /** The bytes as sent, after inflation; `call.body` is a `Buffer`. */
  | 'bytes'

/** One request on its way through an operation. */
export interface Call {
  readonly method: string
  /** The path as sent, without the query. */
  readonly path: string
  /** Text after `?`, undecoded; empty when there is none. */
  readonly rawQuery: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
  /** `https://host:port` the request came to, one of the configured origins. */
  readonly origin: string
  readonly remoteAddress: string
  readonly requestId: string
  readonly clientRequestId: string
  /** True when the client itself sent a GUID as client-request-id: only then it acts as an idempotency key. */
  readonly hasClientRequestId: boolean
  /** Calls `listener` once when the client's connection closes; returns the function that takes the listener back. */
  readonly onClose: (listener: () => void) => () => void
}

/** A call whose caller is known. */
export interface AuthorizedCall extends Call {
  readonly caller: Caller
}

/** Where an answer that goes on is written to. */
export interface StreamSink {
  write(text: string): void
  /** Written and not yet taken by the client. */
  waitingBytes(): number
  end(): void
}

/** A file that is an answer's body. */
export interface AnswerFile {
  readonly path: string
  /** Bytes; sent as Content-Length. */
  readonly size: number
}

/** A body that is written as it is made. */
export interface AnswerPieces {
  /** Each piece is asked for when the client has taken those before. */
  readonly text: AsyncIterable<string>
  /** The names of what stands behind the last piece. */
  readonly trailerNames: readonly string[]
  /** What stands there, by those names. Lost on a client that cannot take it (HTTP/1.0). */
  readonly trailers: () => Readonly<Record<string, string>>
}

/** What an operation answers. `body` is JSON text (or bytes) ready to send; absent means no body. */
export interface Answer {
  readonly status: number
  readonly body?: string | Buffer
  /** Sent instead of a body, from the disk as it is read. */
  readonly file?: AnswerFile
  /** Sent instead of a body. */
  readonly pieces?: AnswerPieces
  /** Defaults to Graph's JSON content type when there is a body. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An answer that goes on until either side ends it, in place of a body. Gives back what is to be done when it is over. */
  readonly stream?: (sink: StreamSink) => () => void
}

/** An operation for callers that the server has already authorized. */
export type AuthorizedHandler = (call: AuthorizedCall) => Promise<Answer>

/** An operation that nobody or itself authorizes. */
export type OpenHandler = (call: Call) => Promise<Answer>

/** One line of the route table. */
export interface Route {
  readonly method: Method
  /** Lower-case literal segments, `:name` parameters. */
  readonly path: string
  readonly access: Access
  readonly body: BodyKind
  /** Largest body in bytes, also after inflation; default 1 MiB. */
  readonly maxBodyBytes?: number
  readonly handle: (call: AuthorizedCall) => Promise<Answer>
}

/** A route for callers with one of `anyOf`. */
export function permitted(
  method: Method,
  path: string,
  anyOf: readonly Permission[],
  body: BodyKind,
  handle: AuthorizedHandler,
): Route {
  return { method, path, access: { kind: 'permissions', anyOf }, body, handle }
}

/** A route that is public or checks its own credential. */
export function open(
  method: Method,
  path: string,
  kind: 'public' | 'self',
  body: BodyKind,
  handle: OpenHandler,
  maxBodyBytes?: number,
): Route {
  return { method, path, access: { kind }, body, handle, ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }) }
}
