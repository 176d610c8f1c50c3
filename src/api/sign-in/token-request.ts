import { isGuid } from '../../access/names.ts'
import type { Call } from '../route.ts'

/** What a token request asks, after leniently reading its form. Absent and empty are the same. */
export interface TokenRequest {
  readonly grantType: string | undefined
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly scope: string | undefined
  readonly code: string | undefined
  readonly redirectUri: string | undefined
  readonly codeVerifier: string | undefined
  /** The client's own id of this request, when it sent a GUID; else ours. */
  readonly correlationId: string
}

/**
 * Reads a token request. The client's id and secret stand in the form or in HTTP Basic (Go sends that first); fields nobody knows are
 * ignored, as are the values of `scope` and `resource`.
 * @source design contract 2.2
 */
export function readTokenRequest(call: Call): TokenRequest {
  const form = call.body instanceof URLSearchParams ? call.body : new URLSearchParams()
  const basic = readBasic(call.headers.authorization)
  const field = (name: string): string | undefined => form.get(name) || undefined
  return {
    grantType: field('grant_type'),
    clientId: field('client_id') ?? basic?.id,
    clientSecret: field('client_secret') ?? basic?.secret,
    scope: field('scope'),
    code: field('code'),
    redirectUri: field('redirect_uri'),
    codeVerifier: field('code_verifier'),
    correlationId: readCorrelationId(call),
  }
}

/** MSAL for Node sends its id in the query, others as a header. */
export function readCorrelationId(call: Call): string {
  const sent = new URLSearchParams(call.rawQuery).get('client-request-id')
  return sent !== null && isGuid(sent) ? sent.toLowerCase() : call.clientRequestId
}

function readBasic(header: string | string[] | undefined): { id: string; secret: string } | undefined {
  const encoded = typeof header === 'string' ? /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header.trim())?.[1] : undefined
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const id = decode(text.slice(0, colon))
  const secret = decode(text.slice(colon + 1))
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** RFC 6749 2.3.1: both parts are form-encoded before they are joined. Clients that skip this send only characters it leaves alone. */
function decode(text: string): string | undefined {
  return new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') || undefined
}
