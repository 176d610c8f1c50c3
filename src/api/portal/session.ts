import { type IssueDeps, issueToken } from '../../access/issue.ts'
import { listPlaces, openVisit } from '../../access/members/visit.ts'
import { readOwnSession, requireSession, signOut } from '../../access/sessions.ts'
import type { AccessDeps } from '../../access/tenants.ts'
import type { Answer, OpenHandler } from '../route.ts'
import { portalHeaders } from './html.ts'

/** What the portal's session routes need of the rest. */
export interface SessionDeps extends AccessDeps, IssueDeps {}

/**
 * Who is signed in, for the page's header, with the tenants they may work in and the CSRF token that its writes carry. 200 also when nobody
 * is.
 */
export function readSessionState(deps: AccessDeps): OpenHandler {
  return async (call) => {
    const session = await readOwnSession(deps, call)
    if (session === undefined) return answerPrivate({ signedIn: false })
    const places = await listPlaces(deps, session)
    const shown = places.map(({ tenant: { id, name, code, mark }, user }) => ({ id, name, code, mark, user }))
    const home = shown.find(({ id }) => id === session.tenantId)
    return answerPrivate({
      signedIn: true,
      user: session.user,
      tenant: { id: session.tenantId, name: home?.name ?? '' },
      tenants: shown,
      csrfToken: session.csrfToken,
    })
  }
}

/**
 * Draws a ten-minute bearer token from the session, for the Graph routes, where cookies are no credential. The page keeps it in memory
 * only. `?tenant=` names another tenant than the person's own: the token is for that one alone, with the role they have there.
 */
export function drawToken(deps: SessionDeps): OpenHandler {
  return async (call) => {
    const session = await requireSession(deps, call)
    const wanted = new URLSearchParams(call.rawQuery).get('tenant')?.toLowerCase() ?? session.tenantId
    const { tenantId, user, hash } =
      wanted === session.tenantId ? session : await openVisit(deps, call, session, wanted)
    // In another tenant too it is the sign-in at home that counts.
    const signedInAtSeconds = Math.floor(Date.parse(session.startedAt) / 1_000)
    const subject = { kind: 'user', tenantId, ...user, sessionHash: hash, signedInAtSeconds } as const
    const issued = await issueToken(deps, call.origin, subject)
    return answerPrivate({
      token_type: 'Bearer',
      expires_in: issued.expiresInSeconds,
      access_token: issued.token,
    })
  }
}

/** Ends the session and, within a second, the tokens drawn from it. */
export function endSession(deps: AccessDeps): OpenHandler {
  return async (call) => {
    const session = await requireSession(deps, call)
    const cookie = await signOut(deps, call, session)
    return { status: 204, headers: { 'Set-Cookie': cookie, 'Cache-Control': 'no-store' } }
  }
}

/** JSON for the page that asked and nobody else; no cache may keep it. */
export function answerPrivate(body: object, status = 200): Answer {
  return {
    status,
    contentType: 'application/json; charset=utf-8',
    headers: { ...portalHeaders, 'Cache-Control': 'no-store' },
    body: JSON.stringify(body),
  }
}
