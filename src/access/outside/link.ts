import { CordonError } from '../../model/errors.ts'
import { listConnectors } from '../../store/connectors.ts'
import { isDuplicateKey } from '../../store/db.ts'
import { type Actor, recordChange } from '../../store/record.ts'
import { insertIdentity } from '../../store/sign-in.ts'
import { requireAtHome } from '../members/members.ts'
import type { AccessDeps } from '../tenants.ts'

/** Who somebody is at an issuer. */
export interface IdentityInput {
  readonly userId: string
  /** Id or name of the connector. */
  readonly issuer: string
  /** `sub` there; without it, whoever first comes with the address. */
  readonly subject?: string | undefined
  /** The address that the issuer has verified. */
  readonly email?: string | undefined
}

/**
 * Says who a person of the actor's tenant is at an outside issuer.
 * @throws CordonError BadRequest for no such issuer, or without subject and address; Conflict when either is known there already,
 * or the person is from another tenant
 */
export async function linkIdentity(deps: AccessDeps, actor: Actor, input: IdentityInput): Promise<void> {
  const { userId, issuer, subject = null } = input
  const email = input.email?.trim().toLowerCase() ?? null
  if ((subject === null) === (email === null) || subject === '' || email === '') {
    throw new CordonError('BadRequest', 'Say either the subject or the address of the person.', { target: 'subject' })
  }
  const connectors = await listConnectors(deps.store.read, actor.tenantId)
  const found = connectors.find(({ id, name, kind }) => kind === 'oidc' && (id === issuer || name === issuer))
  if (found === undefined) {
    throw new CordonError('BadRequest', 'There is no such issuer; see: cordon connector list', { target: 'issuer' })
  }
  const at = deps.clock.now()
  const row = { tenant_id: actor.tenantId, connector_id: found.id, issuer: found.address, user_id: userId }
  try {
    await deps.store.transaction(async (tx) => {
      await requireAtHome(tx, userId)
      await insertIdentity(tx, { ...row, subject, email, from_groups: 0 })
      const audit = { action: 'linkIdentity', objectType: 'user', objectId: userId, decision: 'allowed' } as const
      await recordChange(tx, { at, actor, audit: { ...audit, details: { issuer: found.name, subject, email } } })
    })
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    throw new CordonError('Conflict', 'The person or the subject is linked there already.', { cause })
  }
}
