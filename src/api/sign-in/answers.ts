import type { Answer, Call } from '../route.ts'

/** A refusal of the sign-in endpoints: Microsoft's code, so that clients and people who search for it find the same meaning. */
export interface SignInError {
  readonly status: 400 | 401 | 429
  readonly error:
    | 'invalid_client'
    | 'unauthorized_client'
    | 'invalid_request'
    | 'unsupported_grant_type'
    | 'invalid_grant'
    | 'temporarily_unavailable'
  /** Number behind `AADSTS`. */
  readonly code: number
  readonly description: string
  readonly retryAfterSeconds?: number
}

/** The refusals of the sign-in endpoints, one function each. @source design contract 2.3; codes: Microsoft's AADSTS reference */
export const signInErrors = {
  wrongSecret: (clientId: string): SignInError => ({
    status: 401,
    error: 'invalid_client',
    code: 7000215,
    description: `Invalid client secret provided for application '${clientId}'. Send the secret's value, not its id.`,
  }),
  unknownApplication: (clientId: string, tenant: string): SignInError => ({
    status: 400,
    error: 'unauthorized_client',
    code: 700016,
    description: `Application with identifier '${clientId}' was not found in the directory '${tenant}'. It may be revoked.`,
  }),
  unknownTenant: (tenant: string): SignInError => ({
    status: 400,
    error: 'invalid_request',
    code: 90002,
    description: `Tenant '${tenant}' not found. Check the tenant id, and that it is this server you mean.`,
  }),
  malformedTenant: (): SignInError => ({
    status: 400,
    error: 'invalid_request',
    code: 900023,
    description: 'The specified tenant identifier is neither a valid GUID nor a valid domain name.',
  }),
  unsupportedGrant: (): SignInError => ({
    status: 400,
    error: 'unsupported_grant_type',
    code: 70003,
    description: 'This server does not offer the requested grant type; use client_credentials or authorization_code.',
  }),
  invalidCode: (): SignInError => ({
    status: 400,
    error: 'invalid_grant',
    code: 70008,
    description:
      'The authorization code is unknown, used or over, was made for another application or address, or the code_verifier is not the one of its challenge.',
  }),
  unauthorizedGrant: (): SignInError => ({
    status: 400,
    error: 'unauthorized_client',
    code: 700016,
    description: 'This application acts for people who sign in, and never for itself.',
  }),
  missingField: (field: string): SignInError => ({
    status: 400,
    error: 'invalid_request',
    code: 900144,
    description: `The request body must contain the following parameter: '${field}'.`,
  }),
  tooManyFailures: (retryAfterSeconds: number): SignInError => ({
    status: 429,
    error: 'temporarily_unavailable',
    code: 50196,
    description: 'Too many failed sign-ins from this address.',
    retryAfterSeconds,
  }),
} as const

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const
const json = 'application/json; charset=utf-8'

/** An answer of the token endpoint that no cache may keep. */
export function answerToken(body: Readonly<Record<string, unknown>>): Answer {
  return { status: 200, contentType: json, headers: noStore, body: JSON.stringify(body) }
}

/** A public document that may be kept for five minutes. */
export function answerDocument(body: Readonly<Record<string, unknown>>): Answer {
  return {
    status: 200,
    contentType: json,
    headers: { 'Cache-Control': 'public, max-age=300' },
    body: JSON.stringify(body),
  }
}

/**
 * Writes a refusal in the form of Entra's token endpoint; MSAL prints every part of it.
 * @param now 7-digit instant
 * @param correlationId what the client sent, else the request's own id
 */
export function answerSignInError(call: Call, now: string, correlationId: string, refusal: SignInError): Answer {
  const timestamp = `${now.slice(0, 10)} ${now.slice(11, 19)}Z`
  const body = {
    error: refusal.error,
    error_description: `AADSTS${refusal.code}: ${refusal.description} Trace ID: ${call.requestId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.code],
    timestamp,
    trace_id: call.requestId,
    correlation_id: correlationId,
    error_uri: `${call.origin}/error?code=${refusal.code}`,
  }
  const headers: Record<string, string> = { ...noStore }
  if (refusal.retryAfterSeconds !== undefined) headers['Retry-After'] = String(refusal.retryAfterSeconds)
  // RFC 6749 5.2: a client that tried HTTP Basic is told that Basic is what failed.
  if (refusal.status === 401 && /^basic /i.test(String(call.headers.authorization ?? ''))) {
    headers['WWW-Authenticate'] = 'Basic realm="cordon"'
  }
  return { status: refusal.status, contentType: json, headers, body: JSON.stringify(body) }
}
