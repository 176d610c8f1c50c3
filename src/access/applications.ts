import { CordonError } from '../model/errors.ts'
import type { RoleName } from '../model/permissions.ts'
import { insertApplication, readApplication, revokeApplicationRow } from '../store/access.ts'
import type { Db } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { insertRedirectUris, listRedirectUris } from '../store/sign-in.ts'
import { isGuid, requireName, requireRole } from './names.ts'
import { hashSecret, makeSecret, matchesHash } from './secret-text.ts'
import type { AccessDeps } from './tenants.ts'

/** A new application's credentials. The secret exists here and nowhere else: only its hash is stored. */
export interface NewApplication {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
}

/** What an application is to be. */
export interface ApplicationInput {
  readonly name: string
  readonly role: string
  /** Where it may have people sent back to after they signed in here; none without. */
  readonly redirectUris?: readonly string[] | undefined
}

/** An application that proved its secret. */
export interface Application {
  readonly tenantId: string
  readonly id: string
  readonly name: string
  readonly role: RoleName
}

/**
 * Makes an application of the actor's tenant.
 * @throws CordonError BadRequest for a bad name, role or redirect URI
 */
export async function createApplication(
  deps: AccessDeps,
  actor: Actor,
  input: ApplicationInput,
): Promise<NewApplication> {
  const clientSecret = makeSecret()
  return { ...(await addApplication(deps, actor, input, hashSecret(clientSecret))), clientSecret }
}

/**
 * Makes an application that runs where no secret can be kept, in a browser or on a desktop. It acts for people who sign in, and never for
 * itself.
 * @throws CordonError BadRequest as {@link createApplication}, and without a redirect URI
 */
export async function createPublicApplication(
  deps: AccessDeps,
  actor: Actor,
  input: ApplicationInput,
): Promise<{ readonly tenantId: string; readonly clientId: string }> {
  if ((input.redirectUris ?? []).length > 0) return addApplication(deps, actor, input, noSecret)
  throw new CordonError('BadRequest', 'A public application needs an address people are sent back to.', {
    target: 'redirectUri',
  })
}

async function addApplication(
  deps: AccessDeps,
  actor: Actor,
  input: ApplicationInput,
  secretHash: string,
): Promise<{ tenantId: string; clientId: string }> {
  const at = deps.clock.now()
  const redirectUris = [...new Set(input.redirectUris ?? [])].map(requireRedirectUri)
  const row = {
    tenant_id: actor.tenantId,
    id: deps.ids.guid(),
    name: requireName(input.name),
    secret_hash: secretHash,
    role: requireRole(input.role),
    created_at: at,
    revoked_at: null,
  }
  const details = { name: row.name, role: row.role, ...(redirectUris.length === 0 ? {} : { redirectUris }) }
  await deps.store.transaction(async (tx) => {
    await insertApplication(tx, row)
    await insertRedirectUris(tx, row, redirectUris)
    await recordChange(tx, {
      at,
      actor,
      audit: { action: 'createApplication', objectType: 'application', objectId: row.id, decision: 'allowed', details },
    })
  })
  return { tenantId: row.tenant_id, clientId: row.id }
}

/**
 * Revokes an application of the actor's tenant: it gets no more tokens, and those it has are refused within a second.
 * @throws CordonError NotFound when the tenant has no such application; revoking it twice is nothing
 */
export async function revokeApplication(deps: AccessDeps, actor: Actor, clientId: string): Promise<void> {
  const id = clientId.toLowerCase()
  const at = deps.clock.now()
  await deps.store.transaction(async (tx) => {
    const row = await readApplication(tx, actor.tenantId, id)
    if (row === undefined) throw new CordonError('NotFound', 'There is no such application in this tenant.')
    if (!(await revokeApplicationRow(tx, actor.tenantId, id, at))) return
    await recordChange(tx, {
      at,
      actor,
      audit: { action: 'revokeApplication', objectType: 'application', objectId: id, decision: 'allowed' },
    })
  })
}

/** Stored of an application without a secret; no secret has it for its hash. */
const noSecret = ''

/** Hosts of the person's own machine. @source RFC 8252, 7.3 */
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

function requireRedirectUri(uri: string): string {
  const url = uri.length <= 500 ? URL.parse(uri) : null
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.has(url.hostname))
  const isPlain = url?.username === '' && url.password === '' && url.hash === '' && !uri.includes('#')
  if (isSafe && isPlain && /^[\x21-\x7e]+$/.test(uri)) return uri
  throw new CordonError('BadRequest', `A redirect URI is https, or http on the own machine; '${uri}' is neither.`, {
    target: 'redirectUri',
  })
}

/** An application that has people sign in here. */
export interface SignInApplication extends Application {
  readonly redirectUris: readonly string[]
  readonly isPublic: boolean
}

/** An application with the addresses it may have people sent back to; undefined when absent, of another tenant or revoked. */
export async function findSignInApplication(
  db: Db,
  tenantId: string,
  clientId: string,
): Promise<SignInApplication | undefined> {
  const row = isGuid(clientId) ? await readApplication(db, tenantId, clientId.toLowerCase()) : undefined
  if (row === undefined || row.revoked_at !== null) return undefined
  const redirectUris = await listRedirectUris(db, tenantId, row.id)
  const { id, name } = row
  return { tenantId, id, name, role: requireRole(row.role), redirectUris, isPublic: row.secret_hash === noSecret }
}

/**
 * Checks a client secret.
 * @returns the application; `unknown` for one that is absent, of another tenant or revoked; `wrong secret`
 */
export async function proveApplication(
  db: Db,
  tenantId: string,
  clientId: string,
  clientSecret: string,
): Promise<Application | 'unknown' | 'wrong secret'> {
  const row = isGuid(clientId) ? await readApplication(db, tenantId, clientId.toLowerCase()) : undefined
  if (row === undefined || row.revoked_at !== null) return 'unknown'
  if (!matchesHash(clientSecret, row.secret_hash)) return 'wrong secret'
  return { tenantId: row.tenant_id, id: row.id, name: row.name, role: requireRole(row.role) }
}
