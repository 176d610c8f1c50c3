import { CordonError } from '../model/errors.ts'

/** Ids and time that every error body carries. */
export interface ErrorContext {
  readonly requestId: string
  readonly clientRequestId: string
  /** 7-digit instant. */
  readonly now: string
}

/** A rendered refusal. */
export interface RenderedError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The only place where an error becomes HTTP: Graph's error body, on Graph routes and on Cordon's own alike.
 * @source design contract 14.1: camelCase innerError, date without zone and fraction, both ids always there
 */
export function renderError(error: CordonError, context: ErrorContext): RenderedError {
  const { target, details, retryAfterSeconds, allow, challenge } = error.extras
  const specific = innerCode(error)
  const headers: Record<string, string> = {}
  if (error.status === 429 || error.status === 503) headers['Retry-After'] = String(Math.ceil(retryAfterSeconds ?? 5))
  if (allow) headers.Allow = allow.join(', ')
  if (challenge) headers['WWW-Authenticate'] = challenge
  const body = {
    error: {
      code: error.code,
      message: error.message,
      ...(target === undefined ? {} : { target }),
      ...(details === undefined ? {} : { details: details.map((detail) => ({ code: error.code, ...detail })) }),
      innerError: {
        ...(specific === null ? {} : { code: specific }),
        date: context.now.slice(0, 19),
        'request-id': context.requestId,
        'client-request-id': context.clientRequestId,
      },
    },
  }
  return { status: error.status, headers, body: JSON.stringify(body) }
}

function innerCode(error: CordonError): string | null {
  if (error.kind === 'PreconditionFailed') return 'resourceModified'
  return error.kind === error.code || error.kind === 'MethodNotAllowed' ? null : error.kind
}

/**
 * Turns anything thrown into a {@link CordonError}. What is not ours is a 500 without details; the cause goes to the log only.
 */
export function toCordonError(cause: unknown): CordonError {
  if (cause instanceof CordonError) return cause
  return new CordonError(
    'InternalServerError',
    'Something went wrong on our side. The request-id finds it in the log.',
    {
      cause,
    },
  )
}
