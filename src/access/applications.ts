import { CordonError } from '../model/errors.ts'
import type { RoleName } from '../model/permissions.ts'
import { insertApplication, readApplication, revokeApplicationRow } from '../store/access.ts'
import type { Db } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import { isGuid, requireName, requireRole } from './names.ts'
import { hashSecret, makeSecret, matchesHash } from './secret-text.ts'
import type { AccessDeps } from './tenants.ts'

/** A new application's credentials. The secret exists here and nowhere else: only its hash is stored. */
export interface NewApplication {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
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
 * @throws CordonError BadRequest for a bad name or role
 */
export async function createApplication(
  deps: AccessDeps,
  actor: Actor,
  input: { readonly name: string; readonly role: string },
): Promise<NewApplication> {
  const at = deps.clock.now()
  const clientSecret = makeSecret()
  const row = {
    tenant_id: actor.tenantId,
    id: deps.ids.guid(),
    name: requireName(input.name),
    secret_hash: hashSecret(clientSecret),
    role: requireRole(input.role),
    created_at: at,
    revoked_at: null,
  }
  await deps.store.transaction(async (tx) => {
    await insertApplication(tx, row)
    await recordChange(tx, {
      at,
      actor,
      audit: {
        action: 'createApplication',
        objectType: 'application',
        objectId: row.id,
        decision: 'allowed',
        details: { name: row.name, role: row.role },
      },
    })
  })
  return { tenantId: row.tenant_id, clientId: row.id, clientSecret }
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
