import type { Clock } from '../io/clock.ts'
import { SealError, type Sealer } from '../io/sealing.ts'
import { type AddressedSecret, listKeysInUse, listSecretsUnderOtherKeys, replaceSealed } from '../store/connectors.ts'
import type { Store } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'

/** What a rotation did. */
export interface Rotation {
  readonly keyId: string
  readonly rewrapped: number
  /** Secrets that no key opens: they were changed in the database, or their key is gone. They have to be set anew. */
  readonly unreadable: readonly { readonly connectorId: string; readonly name: string }[]
  /** Old keys that no secret needs and no server can still be sealing with. */
  readonly removedKeys: readonly string[]
}

/** What a rotation needs. */
export interface RotateDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
  readonly clock: Clock
  readonly sealer: Sealer
}

const pageSize = 100
/** A seal that was begun under the old key has long been written, or given up, after this. */
const graceSeconds = 3_600

/**
 * Takes a new sealing key into use and wraps every secret's key with it, while servers go on sealing and opening. The old key stays until
 * the next rotation at least an hour later finds that nothing needs it.
 */
export async function rotateSealingKeys(deps: RotateDeps, actor: Actor): Promise<Rotation> {
  const { store, clock, sealer } = deps
  const removedKeys = await removeOldKeys(deps)
  const keyId = await sealer.addKey()
  let rewrapped = 0
  // Until a whole pass finds nothing to do: secrets may be set under the old key while the first one runs.
  for (let pass = await rewrapAll(deps, keyId); ; pass = await rewrapAll(deps, keyId)) {
    rewrapped += pass.rewrapped
    if (pass.rewrapped > 0) continue
    const { unreadable } = pass
    const details = { rewrapped, unreadable, removedKeys }
    const audit = { action: 'rotateSealingKeys', objectType: 'sealingKey', objectId: keyId, details } as const
    const change = { at: clock.now(), actor, audit: { ...audit, decision: 'allowed' } } as const
    await store.transaction((tx) => recordChange(tx, change))
    return { keyId, rewrapped, unreadable, removedKeys }
  }
}

async function rewrapAll(
  { store, sealer }: RotateDeps,
  keyId: string,
): Promise<Pick<Rotation, 'rewrapped' | 'unreadable'>> {
  const unreadable: { connectorId: string; name: string }[] = []
  let rewrapped = 0
  let last: AddressedSecret | null = null
  for (;;) {
    const secrets: AddressedSecret[] = await listSecretsUnderOtherKeys(store.read, keyId, last, pageSize)
    for (const { address, ...secret } of secrets) {
      const { tenant_id: tenantId, connector_id: connectorId, name } = secret
      try {
        const sealed = await sealer.rewrap({ tenantId, connectorId, name, address }, secret.sealed)
        if (sealed !== null && (await store.transaction((tx) => replaceSealed(tx, secret, sealed)))) rewrapped += 1
      } catch (cause) {
        if (!(cause instanceof SealError)) throw cause
        unreadable.push({ connectorId, name })
      }
    }
    last = secrets.at(-1) ?? null
    if (last === null) return { rewrapped, unreadable }
  }
}

async function removeOldKeys({ store, clock, sealer }: RotateDeps): Promise<string[]> {
  const keys = await sealer.listKeys()
  const newest = keys.at(-1)
  if (newest === undefined || Date.parse(newest.createdAt) > clock.nowMs() - graceSeconds * 1_000) return []
  const inUse = new Set(await listKeysInUse(store.read))
  const old = keys.filter(({ id }) => id !== newest.id && !inUse.has(id)).map(({ id }) => id)
  for (const id of old) await sealer.removeKey(id)
  return old
}
