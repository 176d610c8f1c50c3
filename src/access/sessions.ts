import { createHmac } from 'node:crypto'
import { instantOf } from '../io/clock.ts'
import { CordonError } from '../model/errors.ts'
import { isRoleName, type RoleName, rolePermissions } from '../model/permissions.ts'
import { deleteSession, insertSession, peekSignInLink, readSession, useSignInLink } from '../store/access.ts'
import type { Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { UserRow } from '../store/schema.ts'
import type { RequestFacts } from './authenticate.ts'
import type { Caller } from './authorize.ts'
import { hashSecret, makeSecret, matchesHash } from './secret-text.ts'
import type { AccessDeps } from './tenants.ts'

/** A signed-in person's session, found by the cookie of a request. */
export interface Session {
  readonly tenantId: string
  readonly user: { readonly id: string; readonly name: string; readonly role: RoleName }
  /** Stored hash of the session's secret; tokens drawn from the session carry it. */
  readonly hash: string
  /** Must come back in `X-CSRF-Token` on everything but GET. */
  readonly csrfToken: string
  /** When the person signed in; 7-digit instant. */
  readonly startedAt: string
}

const sessionLifeSeconds = 12 * 3_600
const secretForm = /^[A-Za-z0-9_-]{43}$/

/** True for text that has the form of a sign-in link's token; anything else is not worth a look into the store. */
function isLinkToken(text: string): boolean {
  return secretForm.test(text)
}

/** The person a link is for, without using it up; undefined when it is used, ended or unknown. */
export async function readLinkOwner(deps: AccessDeps, token: string): Promise<UserRow | undefined> {
  if (!isLinkToken(token)) return undefined
  return peekSignInLink(deps.store.read, hashSecret(token), deps.clock.now())
}

/** How somebody proved who they are; stands in the audit log. */
export type Proof =
  | { readonly by: 'link' | 'password' }
  | { readonly by: 'passkey'; readonly passkeyId: string }
  | { readonly by: 'issuer'; readonly connectorId: string; readonly issuer: string }

/**
 * Uses a sign-in link up and opens a session of 12 hours.
 * @param also what is done with it in the same transaction
 * @returns the value of `Set-Cookie`, and who it is; undefined when the link is used, ended or unknown
 */
export async function signIn(
  deps: AccessDeps,
  request: RequestFacts,
  token: string,
  also: (tx: Tx) => Promise<void> = async () => {},
): Promise<SignedIn | undefined> {
  if (!isLinkToken(token)) return undefined
  return openSession(deps, request, { by: 'link' }, async (tx, at) => {
    const user = await useSignInLink(tx, hashSecret(token), at)
    if (user !== undefined) await also(tx)
    return user
  })
}

/** Somebody who has just signed in. */
export interface SignedIn {
  /** Value of `Set-Cookie`. */
  readonly cookie: string
  readonly user: UserRow
  /** Stored hash of the new session. */
  readonly sessionHash: string
}

/**
 * Opens a session of 12 hours for the person that `find` gives, in the transaction that finds them.
 * @returns undefined when it gives nobody
 */
export async function openSession(
  deps: AccessDeps,
  request: RequestFacts,
  proof: Proof,
  find: (tx: Tx, at: string) => Promise<UserRow | undefined>,
): Promise<SignedIn | undefined> {
  const secret = makeSecret()
  const sessionHash = hashSecret(secret)
  const at = deps.clock.now()
  const expiresAt = instantOf(deps.clock.nowMs() + sessionLifeSeconds * 1_000)
  const user = await deps.store.transaction(async (tx) => {
    const found = await find(tx, at)
    if (found === undefined || found.disabled_at !== null) return undefined
    await insertSession(tx, {
      tenant_id: found.tenant_id,
      token_hash: sessionHash,
      user_id: found.id,
      csrf_hash: hashSecret(csrfTokenOf(secret)),
      created_at: at,
      expires_at: expiresAt,
      parent_hash: null,
    })
    const audit = { action: 'signIn', objectType: 'user', objectId: found.id, decision: 'allowed' } as const
    const actor = personActor(request, found.tenant_id, found.id, found.name)
    await recordChange(tx, { at, actor, audit: { ...audit, details: { ...proof } } })
    return found
  })
  return user && { user, sessionHash, cookie: cookieOf(request.origin, secret, sessionLifeSeconds) }
}

/** Ends the session: its cookie and every token drawn from it. @returns the `Set-Cookie` value that removes the cookie */
export async function signOut(deps: AccessDeps, request: RequestFacts, session: Session): Promise<string> {
  const { tenantId, user } = session
  await deps.store.transaction(async (tx) => {
    await deleteSession(tx, session.hash)
    const audit = { action: 'signOut', objectType: 'user', objectId: user.id, decision: 'allowed' } as const
    const at = deps.clock.now()
    await recordChange(tx, { at, actor: personActor(request, tenantId, user.id, user.name), audit })
  })
  return cookieOf(request.origin, '', 0)
}

/**
 * The session of the request's cookie. Looks at the cookie only: on anything but GET use {@link requireSession}.
 * @returns undefined when there is none
 */
export async function readOwnSession(deps: AccessDeps, request: RequestFacts): Promise<Session | undefined> {
  const secret = readSecret(request)
  if (secret === undefined) return undefined
  const hash = hashSecret(secret)
  const open = await readSession(deps.store.read, hash, deps.clock.now())
  if (open === undefined || !isRoleName(open.user.role)) return undefined
  const { id, name, role, tenant_id: tenantId } = open.user
  return {
    tenantId,
    user: { id, name, role },
    hash,
    csrfToken: csrfTokenOf(secret),
    startedAt: open.session.created_at,
  }
}

/**
 * The session of the request, proof against other sites: everything but GET and HEAD must come from our own page (Sec-Fetch-Site or
 * Origin) and carry the session's CSRF token.
 * @throws CordonError InvalidAuthenticationToken without a session, Forbidden for a request another site may have caused
 */
export async function requireSession(deps: AccessDeps, request: RequestFacts): Promise<Session> {
  const session = await readOwnSession(deps, request)
  if (session === undefined) throw new CordonError('InvalidAuthenticationToken', 'There is no session; sign in first.')
  if (request.method === 'GET' || request.method === 'HEAD') return session
  const sent = request.headers['x-csrf-token']
  const isSame = typeof sent === 'string' && matchesHash(sent, hashSecret(session.csrfToken))
  if (!isSame || !isFromOwnPage(request)) {
    throw new CordonError('Forbidden', 'The request does not come from a page of this portal.')
  }
  return session
}

/** The person behind the session as a caller, for routes that take the portal's cookie. Throws as {@link requireSession} does. */
export async function authenticateSession(deps: AccessDeps, request: RequestFacts): Promise<Caller> {
  const { tenantId, user } = await requireSession(deps, request)
  return {
    ...personActor(request, tenantId, user.id, user.name),
    permissions: new Set(rolePermissions[user.role]),
  }
}

/**
 * True when the browser says that a page of this origin made the request. A request without both headers is not from a browser that
 * carries cookies across sites, but nothing of ours sends one either.
 * @source Fetch metadata (W3C): Sec-Fetch-Site is set by the browser and out of reach of scripts
 */
export function isFromOwnPage(request: RequestFacts): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  return request.headers.origin === request.origin
}

function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('cordon csrf').digest('base64url')
}

function personActor(request: RequestFacts, tenantId: string, id: string, name: string): Actor {
  const { requestId, clientRequestId } = request
  return { tenantId, id, kind: 'user', name, requestId, clientRequestId }
}

/** The prefix binds the cookie to this host, to TLS and to the whole site; browsers refuse it over plain http. */
function nameOf(cookie: CookieName, origin: string): string {
  return origin.startsWith('https:') ? `__Host-${cookie}` : cookie
}

/** Cookies this server sets. */
export type CookieName = 'session' | 'sign-in'

/** `Set-Cookie` for a cookie no script reads. @param value base64url and `.` only */
export function makeCookie(cookie: CookieName, origin: string, value: string, maxAgeSeconds: number): string {
  const secure = origin.startsWith('https:') ? ' Secure;' : ''
  return `${nameOf(cookie, origin)}=${value}; Path=/; Max-Age=${maxAgeSeconds};${secure} HttpOnly; SameSite=Lax`
}

function cookieOf(origin: string, value: string, maxAgeSeconds: number): string {
  return makeCookie('session', origin, value, maxAgeSeconds)
}

function readSecret(request: RequestFacts): string | undefined {
  const secret = readCookie(request, 'session')
  return secret !== undefined && secretForm.test(secret) ? secret : undefined
}

/** The value of a cookie of ours; undefined when it is absent, or there are two. */
export function readCookie(request: RequestFacts, cookie: CookieName): string | undefined {
  const header = request.headers.cookie
  if (typeof header !== 'string') return undefined
  const prefix = `${nameOf(cookie, request.origin)}=`
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix))
  const [value] = values
  // Two cookies of the name: somebody planted one, and there is no telling which.
  if (value === undefined || values.length > 1) return undefined
  return value.slice(prefix.length)
}
