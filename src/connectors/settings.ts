import type { Clock, Ids } from '../io/clock.ts'
import { SealError, type Sealer, type Secret, type SecretPlace } from '../io/sealing.ts'
import { CordonError } from '../model/errors.ts'
import {
  type AddressedSecret,
  deleteConnectorRow,
  deleteSecrets,
  insertConnector,
  listKeysInUse,
  listConnectors as listRows,
  listSecrets,
  listSecretsUnderOtherKeys,
  readConnector,
  readConnectorForUpdate,
  replaceSealed,
  updateConnectorRow,
  writeSecrets,
} from '../store/connectors.ts'
import { type Db, isDuplicateKey, type Store, type Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { ConnectorRow, ConnectorSecretRow } from '../store/schema-connectors.ts'

// Settings and secrets of connectors that need some. Nothing of Cordon's own does yet: the agent connector is always there and is set up on
// the hosts. The first connector that does brings its kind, and the routes and commands with it.

/** What a kind of connector needs to be set up. */
export interface ConnectorKind {
  readonly name: string
  /** Secrets it takes, e.g. `bindPassword`. */
  readonly secretNames: readonly string[]
  /**
   * Reads settings from outside.
   * @returns what is stored, and where the secrets go: scheme, host and port
   * @throws CordonError BadRequest naming the setting
   */
  readSettings(settings: unknown): { readonly settings: object; readonly address: string }
}

/** What changing settings needs. */
export interface SettingsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly sealer: Sealer
}

/** A connector as people see it. Of a secret they see that it is set, and since when. */
export interface ConfiguredConnector {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly settings: unknown
  readonly secrets: Readonly<Record<string, { readonly setAt: string }>>
  readonly createdAt: string
  readonly updatedAt: string
}

/** What somebody sets. Secrets that are not named stay as they are. */
export interface ConnectorInput {
  readonly name: string
  readonly settings: unknown
  readonly secrets: Readonly<Record<string, string>>
}

/**
 * Sets a connector up.
 * @throws CordonError BadRequest for a setting or a secret the kind does not take; Conflict when the name is taken
 */
export async function addConnector(
  deps: SettingsDeps,
  actor: Actor,
  kind: ConnectorKind,
  input: ConnectorInput,
): Promise<ConfiguredConnector> {
  const { settings, address } = kind.readSettings(input.settings)
  const now = deps.clock.now()
  const row: ConnectorRow = {
    tenant_id: actor.tenantId,
    id: deps.ids.guid(),
    kind: kind.name,
    name: input.name,
    settings: JSON.stringify(settings),
    address,
    version: 1,
    created_at: now,
    updated_at: now,
  }
  const secrets = await sealAll(deps, kind, row, input.secrets)
  await writeNamed(deps, async (tx) => {
    await insertConnector(tx, row)
    await writeSecrets(tx, secrets)
    await recordChange(tx, { at: now, actor, audit: entryOf('createConnector', null, row, { set: namesOf(secrets) }) })
  })
  return show(row, secrets)
}

/**
 * Changes a connector. When its address changes, every secret that is not given anew is cleared: whoever may change settings must not be
 * able to have a secret, which he cannot read, sent to a host of his own.
 * @throws CordonError NotFound, BadRequest, Conflict
 */
export async function changeConnector(
  deps: SettingsDeps,
  actor: Actor,
  kind: ConnectorKind,
  id: string,
  input: ConnectorInput,
): Promise<ConfiguredConnector> {
  const { settings, address } = kind.readSettings(input.settings)
  const now = deps.clock.now()
  const place = { tenant_id: actor.tenantId, id, address }
  // Sealed for the address that is set, so that what a change in between does to it cannot matter.
  const secrets = await sealAll(deps, kind, place, input.secrets)
  return writeNamed(deps, async (tx) => {
    const before = await readConnectorForUpdate(tx, actor.tenantId, id)
    if (before === null || before.kind !== kind.name) throw notFound()
    const row: ConnectorRow = {
      ...before,
      name: input.name,
      settings: JSON.stringify(settings),
      address,
      version: before.version + 1,
      updated_at: now,
    }
    const cleared = before.address === address ? [] : await deleteSecrets(tx, actor.tenantId, id)
    await updateConnectorRow(tx, row)
    await writeSecrets(tx, secrets)
    const names = { set: namesOf(secrets), cleared: cleared.filter((name) => !namesOf(secrets).includes(name)) }
    await recordChange(tx, { at: now, actor, audit: entryOf('updateConnector', before, row, names) })
    return show(row, await listSecrets(tx, actor.tenantId, id))
  })
}

/** Removes a connector with its secrets. @throws CordonError NotFound */
export async function removeConnector(deps: SettingsDeps, actor: Actor, id: string): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const before = await readConnectorForUpdate(tx, actor.tenantId, id)
    if (before === null) throw notFound()
    const cleared = await deleteConnectorRow(tx, actor.tenantId, id)
    const audit = entryOf('deleteConnector', before, null, { cleared })
    await recordChange(tx, { at: deps.clock.now(), actor, audit })
  })
}

/** A tenant's connectors as people see them, by name. */
export async function listConnectors(db: Db, tenantId: string): Promise<ConfiguredConnector[]> {
  const rows = await listRows(db, tenantId)
  return Promise.all(rows.map(async (row) => show(row, await listSecrets(db, tenantId, row.id))))
}

/**
 * What the connector itself works with: its settings and its secrets, opened.
 * @throws CordonError NotFound; SealError when a secret does not belong to this connector and address
 */
export async function openConnector(
  deps: Pick<SettingsDeps, 'sealer'> & { readonly store: Pick<Store, 'read'> },
  tenantId: string,
  id: string,
): Promise<{ readonly settings: unknown; readonly secrets: Readonly<Record<string, Secret>> }> {
  const row = await readConnector(deps.store.read, tenantId, id)
  if (row === null) throw notFound()
  const sealed = await listSecrets(deps.store.read, tenantId, id)
  const opened = sealed.map(async ({ name, sealed: text }) => {
    return [name, await deps.sealer.open(placeOf(row, name), text)] as const
  })
  return { settings: JSON.parse(row.settings), secrets: Object.fromEntries(await Promise.all(opened)) }
}

/** What a rotation did. */
export interface Rotation {
  readonly keyId: string
  readonly rewrapped: number
  /** Secrets that no key opens: they were changed in the database, or their key is gone. They have to be set anew. */
  readonly unreadable: readonly { readonly connectorId: string; readonly name: string }[]
  /** Old keys that no secret needs and no server can still be sealing with. */
  readonly removedKeys: readonly string[]
}

type RotateDeps = Pick<SettingsDeps, 'store' | 'clock' | 'sealer'>

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

async function sealAll(
  deps: SettingsDeps,
  kind: ConnectorKind,
  row: Pick<ConnectorRow, 'tenant_id' | 'id' | 'address'>,
  secrets: Readonly<Record<string, string>>,
): Promise<ConnectorSecretRow[]> {
  const rows: ConnectorSecretRow[] = []
  for (const [name, value] of Object.entries(secrets)) {
    if (!kind.secretNames.includes(name)) {
      throw new CordonError('BadRequest', `A ${kind.name} connector takes no secret '${name.slice(0, 40)}'.`)
    }
    const { text, keyId } = await deps.sealer.seal(placeOf(row, name), value)
    const set_at = deps.clock.now()
    rows.push({ tenant_id: row.tenant_id, connector_id: row.id, name, key_id: keyId, sealed: text, set_at })
  }
  return rows
}

function placeOf(row: Pick<ConnectorRow, 'tenant_id' | 'id' | 'address'>, name: string): SecretPlace {
  return { tenantId: row.tenant_id, connectorId: row.id, name, address: row.address }
}

async function writeNamed<T>(deps: SettingsDeps, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await deps.store.transaction(work)
  } catch (cause) {
    if (isDuplicateKey(cause)) throw new CordonError('Conflict', 'Another connector has that name.', { cause })
    throw cause
  }
}

function entryOf(
  action: string,
  before: ConnectorRow | null,
  after: ConnectorRow | null,
  details: Readonly<Record<string, unknown>>,
): Parameters<typeof recordChange>[1]['audit'] {
  const row = after ?? before
  return {
    action,
    objectType: 'connector',
    objectId: row?.id ?? '',
    decision: 'allowed',
    ...(before === null ? {} : { before: before.settings }),
    ...(after === null ? {} : { after: after.settings }),
    details: { kind: row?.kind, name: row?.name, address: row?.address, ...details },
  }
}

function show(row: ConnectorRow, secrets: readonly ConnectorSecretRow[]): ConfiguredConnector {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    settings: JSON.parse(row.settings),
    secrets: Object.fromEntries(secrets.map(({ name, set_at }) => [name, { setAt: set_at }])),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function namesOf(secrets: readonly ConnectorSecretRow[]): string[] {
  return secrets.map(({ name }) => name).sort()
}

function notFound(): CordonError {
  return new CordonError('NotFound', 'There is no such connector.')
}
