import { findSignInApplication, type SignInApplication } from '../../access/applications.ts'
import { type CodeRequest, makeCode } from '../../access/codes.ts'
import { issuerOf } from '../../access/issue.ts'
import { readOwnSession } from '../../access/sessions.ts'
import type { Tenant } from '../../access/tenants.ts'
import { answerPage, escapeHtml } from '../portal/html.ts'
import type { Answer, Call, OpenHandler } from '../route.ts'
import { findTenant, type SignInDeps } from './token.ts'

/**
 * The authorization endpoint: authorization code with PKCE. The application was registered by an admin together with its addresses, so nobody
 * is asked for consent; who is not signed in is sent to the sign-in page and comes back. A fault of the application is told to it at its
 * address, once that is known to be its own; before, only to the person.
 * @source RFC 6749 4.1, RFC 7636, RFC 9207, RFC 9700 2.1; OpenID Connect Core 3.1.2
 */
export function authorize(deps: SignInDeps): OpenHandler {
  return async (call) => {
    const tenant = await findTenant(deps, call)
    if ('error' in tenant) return answerFault(tenant.description)
    const query = new URLSearchParams(call.rawQuery)
    if (hasRepeated(query)) return answerFault('The request names a parameter twice.')
    const application = await findSignInApplication(deps.store.read, tenant.id, query.get('client_id') ?? '')
    const redirectUri = query.get('redirect_uri') ?? ''
    if (application === undefined) return answerFault('The application is unknown here. It may be revoked.')
    if (!application.redirectUris.includes(redirectUri)) {
      return answerFault(`The address people are to be sent back to is not one of ${application.name}.`)
    }
    const state = query.get('state')
    const send = (answer: Readonly<Record<string, string>>): Answer =>
      sendBack(redirectUri, { ...answer, ...(state === null ? {} : { state }), iss: issuerOf(call.origin, tenant.id) })
    const request = readRequest(query, redirectUri)
    if ('error' in request) return send({ error: request.error, error_description: request.description })
    return letPass(deps, call, { tenant, application, request, query, send })
  }
}

interface Asked {
  readonly tenant: Tenant
  readonly application: SignInApplication
  readonly request: CodeRequest
  readonly query: URLSearchParams
  readonly send: (answer: Readonly<Record<string, string>>) => Answer
}

async function letPass(deps: SignInDeps, call: Call, asked: Asked): Promise<Answer> {
  const { tenant, application, request, query, send } = asked
  const session = await readOwnSession(deps, call)
  const prompt = query.get('prompt') ?? ''
  const isHere = session !== undefined && session.tenantId === tenant.id
  if (prompt === 'none' && !isHere) {
    return send({ error: 'login_required', error_description: 'Nobody is signed in in this browser.' })
  }
  if (!isHere || prompt === 'login') return sendToLogin(call, tenant, query)
  const { requestId, clientRequestId } = call
  const { id, name } = session.user
  const actor = { tenantId: tenant.id, id, kind: 'user', name, requestId, clientRequestId } as const
  return send({ code: await makeCode(deps, actor, session, application, request) })
}

/** The person comes back to this very request, without the wish to sign in anew: it has been granted then. */
function sendToLogin(call: Call, tenant: Tenant, query: URLSearchParams): Answer {
  const rest = new URLSearchParams(query)
  if (rest.get('prompt') === 'login') rest.delete('prompt')
  const next = `/${tenant.id}/oauth2/v2.0/authorize?${rest}`
  const headers = { Location: `${call.origin}/login?next=${encodeURIComponent(next)}`, 'Cache-Control': 'no-store' }
  return { status: 303, headers }
}

interface RequestFault {
  readonly error: 'unsupported_response_type' | 'invalid_request' | 'invalid_scope' | 'request_not_supported'
  readonly description: string
}

const maxLength = 2_000

function readRequest(query: URLSearchParams, redirectUri: string): CodeRequest | RequestFault {
  const invalid = (description: string): RequestFault => ({ error: 'invalid_request', description })
  if (query.has('request') || query.has('request_uri')) {
    return { error: 'request_not_supported', description: 'Parameters are taken from the query only.' }
  }
  if (query.get('response_type') !== 'code') {
    return { error: 'unsupported_response_type', description: 'response_type must be code.' }
  }
  if ((query.get('response_mode') ?? 'query') !== 'query') return invalid('response_mode must be query.')
  const scope = query.get('scope') ?? ''
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope) || scope.length > maxLength) {
    return { error: 'invalid_scope', description: 'scope must name at least one scope.' }
  }
  const challenge = query.get('code_challenge') ?? ''
  if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) {
    return invalid('code_challenge with code_challenge_method S256 is required.')
  }
  const prompt = query.get('prompt') ?? ''
  if (!['', 'none', 'login', 'select_account', 'consent'].includes(prompt)) return invalid('prompt is none or login.')
  const nonce = query.get('nonce')
  if ((query.get('state') ?? '').length > maxLength || (nonce ?? '').length > maxLength) {
    return invalid(`state and nonce have at most ${maxLength} characters.`)
  }
  return { redirectUri, challenge, nonce, scope }
}

function hasRepeated(query: URLSearchParams): boolean {
  const names = [...query.keys()]
  return new Set(names).size < names.length
}

/** The address may have a query of its own, which stays. */
function sendBack(redirectUri: string, answer: Readonly<Record<string, string>>): Answer {
  const url = `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${new URLSearchParams(answer)}`
  return { status: 303, headers: { Location: url, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' } }
}

function answerFault(text: string): Answer {
  return answerPage(400, 'This sign-in cannot go on', `<p>${escapeHtml(text)}</p>`)
}
