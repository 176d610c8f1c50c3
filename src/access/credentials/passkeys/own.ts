import { CordonError } from '../../../model/errors.ts'
import type { Tx } from '../../../store/db.ts'
import {
  deletePasskeys,
  listIdentitiesOf,
  listPasskeys,
  readUserForUpdate,
  renamePasskeyRow,
} from '../../../store/passkeys.ts'
import { type Actor, recordChange } from '../../../store/record.ts'
import type { UserRow } from '../../../store/schema.ts'
import type { PasskeyRow } from '../../../store/schema-sign-in.ts'
import { deleteSessionsOf, readPassword } from '../../../store/sign-in.ts'
import { requireName } from '../../names.ts'
import type { OutsideIssuer, OutsideIssuers } from '../../outside/issuers.ts'
import type { Session } from '../../sessions.ts'
import type { AccessDeps } from '../../tenants.ts'

/** What looking after one's own passkeys needs. */
export interface OwnPasskeyDeps extends AccessDeps {
  readonly outside: OutsideIssuers
}

/** Whoever changes what lets them in must have signed in so lately. */
const freshMinutes = 10

/**
 * A browser left open for a while is not worth an account.
 * @throws CordonError StaleSignIn
 */
export function requireFreshSession(deps: Pick<AccessDeps, 'clock'>, { startedAt }: Pick<Session, 'startedAt'>): void {
  if (deps.clock.nowMs() - Date.parse(startedAt) <= freshMinutes * 60_000) return
  throw new CordonError(
    'StaleSignIn',
    `This needs a sign-in of the last ${freshMinutes} min. Sign in again, then repeat it.`,
  )
}

/** A passkey as its person and admins see it. */
export interface ShownPasskey {
  readonly id: string
  readonly name: string
  /** The host it is bound to. */
  readonly host: string
  readonly createdDateTime: string
  /** Null while it was never used. */
  readonly lastUsedDateTime: string | null
  /** False for one that may live on several devices. */
  readonly isDeviceBound: boolean
  readonly isBackedUp: boolean
  /** How browsers reach it: `internal`, `hybrid`, `usb` and the like. */
  readonly transports: readonly string[]
}

/** What of a row is to be seen. */
export function showPasskey(row: PasskeyRow): ShownPasskey {
  return {
    id: row.id,
    name: row.name,
    host: row.rp_id,
    createdDateTime: row.created_at,
    lastUsedDateTime: row.last_used_at,
    isDeviceBound: row.multi_device === 0,
    isBackedUp: row.backed_up === 1,
    transports: JSON.parse(row.transports),
  }
}

/** The outside issuer that a person signs in with; null for an account of this server's own. */
export async function findOwnIssuer(
  deps: OwnPasskeyDeps,
  tenantId: string,
  userId: string,
): Promise<OutsideIssuer | null> {
  const [identities, issuers] = await Promise.all([
    listIdentitiesOf(deps.store.read, tenantId, userId),
    deps.outside.list(tenantId),
  ])
  const isKnownAt = ({ id, address }: OutsideIssuer): boolean =>
    identities.some((one) => one.connector_id === id && one.issuer === address)
  return issuers.find(isKnownAt) ?? null
}

/** @throws CordonError Conflict saying where the person's passkeys are instead */
export async function requireOwnAccount(deps: OwnPasskeyDeps, tenantId: string, userId: string): Promise<void> {
  const issuer = await findOwnIssuer(deps, tenantId, userId)
  if (issuer === null) return
  const where = `${issuer.name}, ${issuer.address}`
  throw new CordonError('Conflict', `You sign in with ${where}: passkeys are made and removed there.`)
}

/** Gives a passkey of the actor's own another name. @throws CordonError BadRequest for a bad name; NotFound */
export async function renamePasskey(
  deps: AccessDeps,
  actor: Actor,
  input: { readonly id: string; readonly name: string },
): Promise<PasskeyRow> {
  const name = requireName(input.name)
  return deps.store.transaction(async (tx) => {
    const row = await renamePasskeyRow(tx, ownerOf(actor), input.id, name)
    if (row === undefined) throw unknownPasskey()
    const audit = { action: 'renamePasskey', objectType: 'user', objectId: actor.id, decision: 'allowed' } as const
    const details = { passkeyId: row.id, name }
    await recordChange(tx, { at: deps.clock.now(), actor, audit: { ...audit, details } })
    return row
  })
}

/**
 * Removes a passkey of the actor's own and ends their other sessions, which whoever has the lost device may be in.
 * @param keptSession stored hash of the one that goes on
 * @throws CordonError NotFound; Conflict when it is the only way they can sign in
 */
export async function removeOwnPasskey(
  deps: OwnPasskeyDeps,
  actor: Actor,
  input: { readonly id: string; readonly keptSession: string },
): Promise<void> {
  const issuer = await findOwnIssuer(deps, actor.tenantId, actor.id)
  await deps.store.transaction(async (tx) => {
    await readUserForUpdate(tx, actor.tenantId, actor.id)
    const passkeys = await listPasskeys(tx, actor.tenantId, actor.id)
    const gone = passkeys.filter(({ id }) => id === input.id)
    if (gone.length === 0) throw unknownPasskey()
    const hasOther = passkeys.length > 1 || issuer !== null
    if (!hasOther && (await readPassword(tx, actor.tenantId, actor.id)) === undefined) {
      throw new CordonError(
        'Conflict',
        'This is the only way you can sign in. Set a password or add another passkey first.',
      )
    }
    await removeRows(tx, deps, actor, { owner: ownerOf(actor), gone, keptSession: input.keptSession })
  })
}

/**
 * Removes passkeys of a person of the actor's tenant, the last one too, and ends their sessions: for who lost the device.
 * @param id of one; null: every one
 * @returns those that are gone
 * @throws CordonError NotFound when the person has no such one
 */
export async function removePasskeysOf(
  deps: AccessDeps,
  actor: Actor,
  input: { readonly userId: string; readonly id: string | null },
): Promise<PasskeyRow[]> {
  return deps.store.transaction(async (tx) => {
    await readUserForUpdate(tx, actor.tenantId, input.userId)
    const passkeys = await listPasskeys(tx, actor.tenantId, input.userId)
    const gone = passkeys.filter(({ id }) => input.id === null || id === input.id)
    if (gone.length === 0) throw unknownPasskey()
    const owner = { tenant_id: actor.tenantId, id: input.userId }
    await removeRows(tx, deps, actor, { owner, gone, keptSession: null })
    return gone
  })
}

async function removeRows(
  tx: Tx,
  deps: Pick<AccessDeps, 'clock'>,
  actor: Actor,
  input: {
    readonly owner: Pick<UserRow, 'tenant_id' | 'id'>
    readonly gone: readonly PasskeyRow[]
    readonly keptSession: string | null
  },
): Promise<void> {
  const { owner, gone, keptSession } = input
  await deletePasskeys(
    tx,
    owner,
    gone.map(({ id }) => id),
  )
  await deleteSessionsOf(tx, owner, keptSession)
  for (const { id, name } of gone) {
    const audit = { action: 'removePasskey', objectType: 'user', objectId: owner.id, decision: 'allowed' } as const
    await recordChange(tx, { at: deps.clock.now(), actor, audit: { ...audit, details: { passkeyId: id, name } } })
  }
}

function ownerOf({ tenantId, id }: Actor): Pick<UserRow, 'tenant_id' | 'id'> {
  return { tenant_id: tenantId, id }
}

function unknownPasskey(): CordonError {
  return new CordonError('NotFound', 'There is no such passkey.')
}
