import type { Clock } from '../io/clock.ts'
import type { TokenKey } from '../io/secrets.ts'
import { CordonError } from '../model/errors.ts'
import { isRoleName, type Permission, type RoleName, rolePermissions } from '../model/permissions.ts'
import { readApplication, readSession } from '../store/access.ts'
import type { Store } from '../store/db.ts'
import { findIdentity } from '../store/sign-in.ts'
import type { Caller } from './authorize.ts'
import type { FailureGuard } from './limits/failures.ts'
import { readOutsideToken } from './outside/bearer.ts'
import type { OutsideIssuers } from './outside/issuers.ts'
import { type BadToken, type TokenClaims, verifyToken } from './verify-token.ts'

/** What of a request says who sends it. */
export interface RequestFacts {
  readonly method: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** `https://host:port` the request came to, one of this server's own. */
  readonly origin: string
  readonly remoteAddress: string
  readonly requestId: string
  readonly clientRequestId: string
}

/** What authentication needs of the rest. */
export interface AuthenticateDeps {
  readonly store: Pick<Store, 'read'>
  readonly clock: Clock
  readonly tokenKeys: readonly TokenKey[]
  /** Origins of this server as `https://host:port`; asked on every new token, so they may be known only after listening. */
  readonly origins: () => readonly string[]
  readonly failures: FailureGuard
  /** Issuers whose tokens are taken beside our own. */
  readonly outside: OutsideIssuers
}

/** An application or person behind one or more tokens, as the store last knew it. */
interface Principal {
  /** Null once it is revoked, disabled, signed out or absent. */
  state: { readonly name: string; readonly role: RoleName; readonly permissions: ReadonlySet<Permission> } | null
  checkedAtMs: number
  checking: Promise<void> | null
}

/** A token whose signature and claims held, and whom it names. */
interface KnownToken {
  readonly claims: TokenClaims
  readonly principal: Principal
  /** What the token grants and the role still carries; computed for {@link KnownToken.role}. */
  permissions: ReadonlySet<Permission>
  role: RoleName | null
}

/** A revoked application, a disabled person or an ended session is refused at most this much later. */
const recheckMs = 1_000
/** Verified tokens and principals kept; the oldest is forgotten first and then simply verified again. */
const maxKnown = 10_000

/**
 * Makes the function that names the caller of a request by its `Authorization` header: `Bearer <token>` in any case, or the bare token.
 * Cookies and the query string are never looked at. A token is verified once and then recognised by its text; whom it names is read from
 * the store again at most once a second.
 * @returns a function that throws CordonError InvalidAuthenticationToken (401 with the challenge of RFC 6750), or TooManyRequests once an
 * address has failed too often; a good token passes even then, so that a hostile neighbour locks nobody out
 * @source design contract 1.5, 2.4, 14.2; RFC 8725
 */
export function createAuthenticator(deps: AuthenticateDeps): (request: RequestFacts) => Promise<Caller> {
  const tokens = new Map<string, KnownToken>()
  const principals = new Map<string, Principal>()

  return async (request) => {
    const header = request.headers.authorization
    const nowMs = deps.clock.nowMs()
    // Keyed by the whole header, so that the common case costs one look-up.
    let known = typeof header === 'string' ? tokens.get(header) : undefined
    if (known === undefined) {
      const token = readToken(header)
      const verified = typeof token === 'string' ? await verifyAnyToken(deps, nowMs, token) : token
      if ('refusal' in verified) throw await refuse(deps, request, verified.refusal)
      known = { claims: verified, principal: principalOf(principals, verified), permissions: new Set(), role: null }
      if (typeof header === 'string') remember(tokens, header, known)
    }
    if (nowMs >= known.claims.endsAtMs) {
      if (typeof header === 'string') tokens.delete(header)
      throw await refuse(deps, request, 'Lifetime validation failed, the token is expired.', known.claims)
    }
    if (nowMs - known.principal.checkedAtMs >= recheckMs || nowMs < known.principal.checkedAtMs) {
      await recheck(deps, known, nowMs)
    }
    const { state } = known.principal
    if (state === null) throw await refuse(deps, request, endedReason(known.claims), known.claims)
    return toCaller(request, known, state)
  }
}

/** Our own tokens need nobody else; only what is none of ours may be an issuer's. */
async function verifyAnyToken(deps: AuthenticateDeps, nowMs: number, token: string): Promise<TokenClaims | BadToken> {
  const own = await verifyToken({ ...deps, nowMs }, token)
  if (!('refusal' in own)) return own
  return (await readOutsideToken(deps, token)) ?? own
}

function toCaller(request: RequestFacts, known: KnownToken, state: NonNullable<Principal['state']>): Caller {
  const { claims } = known
  if (known.role !== state.role) {
    // A role that lost a permission counts at once; one that gained some counts from the next token on.
    known.permissions = new Set([...claims.granted].filter((permission) => state.permissions.has(permission)))
    known.role = state.role
  }
  return {
    tenantId: claims.tenantId,
    id: claims.id,
    kind: claims.kind,
    name: state.name,
    requestId: request.requestId,
    clientRequestId: request.clientRequestId,
    permissions: known.permissions,
    ...(claims.signedInAtMs === null ? {} : { signedInAtMs: claims.signedInAtMs }),
  }
}

function readToken(header: string | string[] | undefined): string | BadToken {
  if (Array.isArray(header)) return { refusal: 'The Authorization header may be sent once only.' }
  const text = (header ?? '').trim()
  if (text === '' || /^bearer$/i.test(text)) return { refusal: 'Access token is empty.' }
  const withScheme = /^bearer[ \t]+(\S+)$/i.exec(text)?.[1]
  if (withScheme !== undefined) return withScheme
  // Some clients send the token alone.
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return text
  return { refusal: 'The Authorization header holds no bearer token.' }
}

function principalOf(principals: Map<string, Principal>, claims: TokenClaims): Principal {
  const { sessionHash, outside } = claims
  const key = [claims.tenantId, claims.id, sessionHash, outside?.issuer.id, outside?.subject].join(' ')
  const found = principals.get(key)
  if (found !== undefined) return found
  const principal: Principal = { state: null, checkedAtMs: Number.NEGATIVE_INFINITY, checking: null }
  remember(principals, key, principal)
  return principal
}

/** Requests that arrive together share one read. */
async function recheck(deps: AuthenticateDeps, known: KnownToken, nowMs: number): Promise<void> {
  const { principal, claims } = known
  principal.checking ??= readState(deps, claims)
    .then((state) => {
      principal.state = state
      // The time before the read began: a revocation after it may not have been seen.
      principal.checkedAtMs = nowMs
    })
    .finally(() => {
      principal.checking = null
    })
  await principal.checking
}

async function readState(deps: AuthenticateDeps, claims: TokenClaims): Promise<Principal['state']> {
  const { tenantId, id, sessionHash, outside } = claims
  if (outside !== null) return readOutsideState(deps, claims, outside)
  if (sessionHash !== null) {
    const open = await readSession(deps.store.read, sessionHash, deps.clock.now())
    if (open === undefined || open.user.id !== id || open.user.tenant_id !== tenantId) return null
    return toState(open.user.name, open.user.role)
  }
  const row = await readApplication(deps.store.read, tenantId, id)
  if (row === undefined || row.revoked_at !== null) return null
  return toState(`API-App:${row.name}`, row.role)
}

/** The issuer as it is set up now: one that was removed or turned elsewhere vouches for nobody. */
async function readOutsideState(
  deps: AuthenticateDeps,
  { id }: TokenClaims,
  { issuer, subject }: NonNullable<TokenClaims['outside']>,
): Promise<Principal['state']> {
  const isThere = (await deps.outside.list(issuer.tenantId)).some(
    (one) => one.id === issuer.id && one.address === issuer.address,
  )
  const known = isThere ? await findIdentity(deps.store.read, issuer, subject) : undefined
  if (known === undefined || known.user.id !== id || known.user.disabled_at !== null) return null
  return toState(known.user.name, known.user.role)
}

function toState(name: string, role: string): Principal['state'] {
  return isRoleName(role) ? { name, role, permissions: new Set(rolePermissions[role]) } : null
}

function endedReason(claims: TokenClaims): string {
  if (claims.kind === 'application') return 'The application of this token is unknown or revoked.'
  return claims.outside === null ? 'The session of this token has ended.' : 'The person of this token is disabled.'
}

async function refuse(
  deps: AuthenticateDeps,
  request: RequestFacts,
  reason: string,
  claims?: TokenClaims,
): Promise<CordonError> {
  const waitSeconds = await deps.failures.note({
    address: request.remoteAddress,
    action: 'authenticate',
    code: 'InvalidAuthenticationToken',
    reason,
    requestId: request.requestId,
    clientRequestId: request.clientRequestId,
    ...(claims === undefined ? {} : { tenantId: claims.tenantId, claimedId: claims.id }),
  })
  if (waitSeconds !== null) {
    return new CordonError('TooManyRequests', 'Too many failed authentications from this address.', {
      retryAfterSeconds: waitSeconds,
    })
  }
  return new CordonError('InvalidAuthenticationToken', reason, {
    challenge: bearerChallenge(request.origin, claims?.tenantId),
  })
}

/**
 * `WWW-Authenticate` of a refused bearer token. It never holds `claims`, which would make Graph SDKs ask for another token at once.
 * @source design contract 2.4
 */
export function bearerChallenge(origin: string, tenantId: string | undefined): string {
  return `Bearer realm="", authorization_uri="${origin}/${tenantId ?? 'common'}/oauth2/v2.0/authorize"`
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= maxKnown) {
    const oldest = map.keys().next().value
    if (oldest !== undefined) map.delete(oldest)
  }
  map.set(key, value)
}
