import { createHmac } from 'node:crypto'
import { insertUser } from '../../store/access.ts'
import { isDuplicateKey, type Tx } from '../../store/db.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import type { UserRow } from '../../store/schema.ts'
import { claimIdentity, findIdentity, insertIdentity, updateUserRole } from '../../store/sign-in.ts'
import type { RequestFacts } from '../authenticate.ts'
import { makeSecret } from '../secret-text.ts'
import { makeCookie, openSession, readCookie, type SignedIn } from '../sessions.ts'
import type { AccessDeps } from '../tenants.ts'
import type { OutsideIdentity, OutsideIssuer, OutsideIssuers, OutsideProblem, OutsideSecrets } from './issuers.ts'

/** What signing in with an outside issuer needs. */
export interface OutsideDeps extends AccessDeps {
  readonly outside: OutsideIssuers
}

/** How long a person may take at the issuer. */
const attemptSeconds = 600

/** The browser's way to an issuer. */
export interface Departure {
  /** At the issuer. */
  readonly location: string
  /** `Set-Cookie`: the one thing by which this server knows its own attempt again. */
  readonly cookie: string
}

/**
 * Sends a browser to an issuer. State, nonce and verifier are derived from one secret that only the browser keeps, so that an answer is good
 * in that browser, for that issuer and for ten minutes, and nothing is stored for somebody who never comes back.
 * @param next where the person wanted to go; kept in the cookie and checked again when it is used
 */
export async function beginOutside(
  deps: OutsideDeps,
  request: RequestFacts,
  issuer: OutsideIssuer,
  next: string,
): Promise<Departure | OutsideProblem> {
  const secret = makeSecret()
  const endsAt = Math.floor(deps.clock.nowMs() / 1_000) + attemptSeconds
  const location = await deps.outside.begin(issuer, derive(request, issuer, secret, endsAt))
  if (typeof location !== 'string') return location
  const value = [secret, endsAt, Buffer.from(next).toString('base64url')].join('.')
  return { location, cookie: makeCookie('sign-in', request.origin, value, attemptSeconds) }
}

/** Somebody who came back from an issuer and was let in. */
export interface Arrival extends SignedIn {
  /** Where they wanted to go, as it was given to {@link beginOutside}. */
  readonly next: string
}

/**
 * Lets a person in who comes back from an issuer. They are found by subject; by verified address, when somebody has prepared that; else their
 * groups make them, when a group is set up. Nobody becomes an admin that way.
 * @param query of the answer, undecoded
 */
export async function finishOutside(
  deps: OutsideDeps,
  request: RequestFacts,
  issuer: OutsideIssuer,
  query: string,
): Promise<Arrival | OutsideProblem> {
  const [secret = '', end = '', next = ''] = readCookie(request, 'sign-in')?.split('.') ?? []
  const endsAt = Number(end)
  if (!/^[\w-]{43}$/.test(secret) || !Number.isInteger(endsAt) || endsAt * 1_000 <= deps.clock.nowMs()) {
    return { problem: 'NoAttempt', detail: 'This browser began no sign-in, or more than ten minutes ago.' }
  }
  const identity = await deps.outside.finish(issuer, { ...derive(request, issuer, secret, endsAt), query })
  if ('problem' in identity) return identity
  const admitted = await admit(deps, request, issuer, identity)
  return 'problem' in admitted ? admitted : { ...admitted, next: Buffer.from(next, 'base64url').toString('utf8') }
}

/** `Set-Cookie` that forgets the attempt. */
export function forgetAttempt(request: RequestFacts): string {
  return makeCookie('sign-in', request.origin, '', 0)
}

/** Where an issuer sends browsers back to: an address of its own for each, so that no answer of one can pass for another's. */
export function callbackOf(origin: string, issuer: Pick<OutsideIssuer, 'tenantId' | 'id'>): string {
  return `${origin}/auth/issuers/${issuer.tenantId}/${issuer.id}/callback`
}

function derive(request: RequestFacts, issuer: OutsideIssuer, secret: string, endsAt: number): OutsideSecrets {
  const of = (use: string): string =>
    createHmac('sha256', secret).update(`${use} ${issuer.tenantId} ${issuer.id} ${endsAt}`).digest('base64url')
  const redirectUri = callbackOf(request.origin, issuer)
  return { redirectUri, state: of('state'), nonce: of('nonce'), verifier: of('verifier') }
}

/** An attempt that lost a race for the same new person finds them the second time. */
async function admit(
  deps: OutsideDeps,
  request: RequestFacts,
  issuer: OutsideIssuer,
  identity: OutsideIdentity,
): Promise<SignedIn | OutsideProblem> {
  const proof = { by: 'issuer', connectorId: issuer.id, issuer: issuer.name } as const
  const enter = () =>
    openSession(deps, request, proof, (tx, at) => findOrMake(tx, deps, { request, issuer, identity, at }))
  try {
    return (await enter()) ?? stranger
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    return (await enter()) ?? stranger
  }
}

const stranger: OutsideProblem = {
  problem: 'UnknownPerson',
  detail: 'The issuer knows you, but nobody here has let you in. Ask an admin.',
}

interface Knock {
  readonly request: RequestFacts
  readonly issuer: OutsideIssuer
  readonly identity: OutsideIdentity
  readonly at: string
}

async function findOrMake(tx: Tx, deps: OutsideDeps, knock: Knock): Promise<UserRow | undefined> {
  const { issuer, identity } = knock
  const known = await findIdentity(tx, issuer, identity.subject)
  if (known !== undefined) {
    return known.identity.from_groups === 1 ? followGroups(tx, knock, known.user) : known.user
  }
  const prepared =
    identity.email === null ? undefined : await claimIdentity(tx, issuer, identity.email, identity.subject)
  return prepared ?? makePerson(tx, deps, knock)
}

/** Whoever came by their groups goes by them: another group, another role; none, no way in. */
async function followGroups(tx: Tx, knock: Knock, user: UserRow): Promise<UserRow | undefined> {
  const { role } = knock.identity
  if (role === null || user.disabled_at !== null) return undefined
  if (role === user.role) return user
  await updateUserRole(tx, user.tenant_id, user.id, role)
  const audit = { action: 'changeRole', objectType: 'user', objectId: user.id, decision: 'allowed' } as const
  const details = { before: user.role, after: role }
  await recordChange(tx, { at: knock.at, actor: actorOf(knock), audit: { ...audit, details } })
  return { ...user, role }
}

async function makePerson(tx: Tx, deps: OutsideDeps, knock: Knock): Promise<UserRow | undefined> {
  const { issuer, identity, at } = knock
  if (identity.role === null) return undefined
  const row: UserRow = {
    tenant_id: issuer.tenantId,
    id: deps.ids.guid(),
    name: cleanName(identity.name ?? identity.email ?? identity.subject),
    role: identity.role,
    created_at: at,
    disabled_at: null,
  }
  await insertUser(tx, row)
  await insertIdentity(tx, {
    tenant_id: issuer.tenantId,
    connector_id: issuer.id,
    issuer: issuer.address,
    user_id: row.id,
    subject: identity.subject,
    email: identity.email,
    from_groups: 1,
  })
  const audit = { action: 'createUser', objectType: 'user', objectId: row.id, decision: 'allowed' } as const
  const details = { name: row.name, role: row.role, issuer: issuer.name, subject: identity.subject }
  await recordChange(tx, { at, actor: actorOf(knock), audit: { ...audit, details } })
  return row
}

function actorOf({ request, issuer }: Knock): Actor {
  const { requestId, clientRequestId } = request
  return { tenantId: issuer.tenantId, id: issuer.id, kind: 'system', name: issuer.name, requestId, clientRequestId }
}

/** A name as {@link ../names.ts} takes it, of whatever the issuer says. */
function cleanName(name: string): string {
  const clean = name
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 120)
    .trim()
    .toWellFormed()
  return clean === '' ? 'somebody' : clean
}
