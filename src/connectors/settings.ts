import type { Clock, Ids } from '../io/clock.ts'
import type { Sealer, Secret, SecretPlace } from '../io/sealing.ts'
import { CordonError } from '../model/errors.ts'
import {
  deleteConnectorRow,
  deleteSecrets,
  insertConnector,
  listConnectors as listRows,
  listSecrets,
  readConnectorForUpdate,
  readConnector as readRow,
  updateConnectorRow,
  writeSecrets,
} from '../store/connectors.ts'
import { type Db, isDuplicateKey, type Store, type Tx } from '../store/db.ts'
import { type Actor, recordChange } from '../store/record.ts'
import type { ConnectorRow, ConnectorSecretRow } from '../store/schema-connectors.ts'
import type { ConfiguredConnector, ConnectorKind } from './connector.ts'

/** What changing settings needs. */
export interface SettingsDeps {
  readonly store: Pick<Store, 'read' | 'transaction'>
  readonly clock: Clock
  readonly ids: Ids
  readonly sealer: Sealer
}

/** What somebody sets. Secrets that are not named stay as they are. */
export interface ConnectorInput {
  readonly name: string
  readonly settings: unknown
  readonly secrets: Readonly<Record<string, string>>
}

/** What is to stand in the place of a connector. */
export interface ConnectorChange extends ConnectorInput {
  readonly id: string
  /** Versions it may replace; null: any. */
  readonly accepted: readonly number[] | null
}

/** The kind of that name. @throws CordonError BadRequest naming the kinds there are */
export function findKind(kinds: readonly ConnectorKind[], name: string): ConnectorKind {
  const kind = kinds.find((candidate) => candidate.name === name)
  if (kind !== undefined) return kind
  const known = kinds.map((candidate) => candidate.name).join(', ')
  throw new CordonError('BadRequest', `kind must be one of: ${known}.`, { target: 'kind' })
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
 * @throws CordonError NotFound, BadRequest, Conflict, PreconditionFailed
 */
export async function changeConnector(
  deps: SettingsDeps,
  actor: Actor,
  kind: ConnectorKind,
  { id, accepted, ...input }: ConnectorChange,
): Promise<ConfiguredConnector> {
  const { settings, address } = kind.readSettings(input.settings)
  const now = deps.clock.now()
  const place = { tenant_id: actor.tenantId, id, address }
  // Sealed for the address that is set, so that what a change in between does to it cannot matter.
  const secrets = await sealAll(deps, kind, place, input.secrets)
  return writeNamed(deps, async (tx) => {
    const before = await readConnectorForUpdate(tx, actor.tenantId, id)
    if (before === null || before.kind !== kind.name) throw notFound()
    requireVersion(before, accepted)
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

/** Removes a connector with its secrets. @throws CordonError NotFound, PreconditionFailed */
export async function removeConnector(
  deps: Pick<SettingsDeps, 'store' | 'clock'>,
  actor: Actor,
  { id, accepted }: Pick<ConnectorChange, 'id' | 'accepted'>,
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const before = await readConnectorForUpdate(tx, actor.tenantId, id)
    if (before === null) throw notFound()
    requireVersion(before, accepted)
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

/** One connector as people see it. @throws CordonError NotFound */
export async function readConnector(db: Db, tenantId: string, id: string): Promise<ConfiguredConnector> {
  const row = await readRow(db, tenantId, id)
  if (row === null) throw notFound()
  return show(row, await listSecrets(db, tenantId, id))
}

/**
 * The secrets of a connector, opened for the address that stands beside them in `connector`: when it was turned to another host meanwhile
 * they do not open.
 * @throws SealError when a secret does not belong to this connector and address
 */
export async function openSecrets(
  deps: Pick<SettingsDeps, 'sealer'> & { readonly store: Pick<Store, 'read'> },
  connector: Pick<ConfiguredConnector, 'tenantId' | 'id' | 'address'>,
): Promise<Readonly<Record<string, Secret>>> {
  const { tenantId, id, address } = connector
  const sealed = await listSecrets(deps.store.read, tenantId, id)
  const opened = sealed.map(async ({ name, sealed: text }) => {
    return [name, await deps.sealer.open(placeOf({ tenant_id: tenantId, id, address }, name), text)] as const
  })
  return Object.fromEntries(await Promise.all(opened))
}

/** Records that somebody tried a connector, and what came of it. */
export async function recordConnectorTest(
  deps: Pick<SettingsDeps, 'store' | 'clock'>,
  actor: Actor,
  { id, kind, name, address }: ConfiguredConnector,
  failed: string | null,
): Promise<void> {
  const details = { kind, name, address, failed }
  const audit = {
    action: 'testConnector',
    objectType: 'connector',
    objectId: id,
    decision: 'allowed',
    details,
  } as const
  await deps.store.transaction((tx) => recordChange(tx, { at: deps.clock.now(), actor, audit }))
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
      // What stands there is not repeated: it may be a secret in the wrong place.
      const known = kind.secretNames.join(', ')
      throw new CordonError('BadRequest', `A connector of kind ${kind.name} takes these secrets only: ${known}.`, {
        target: 'secrets',
      })
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
    tenantId: row.tenant_id,
    id: row.id,
    kind: row.kind,
    name: row.name,
    settings: JSON.parse(row.settings),
    address: row.address,
    secrets: Object.fromEntries(secrets.map(({ name, set_at }) => [name, { setAt: set_at }])),
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function namesOf(secrets: readonly ConnectorSecretRow[]): string[] {
  return secrets.map(({ name }) => name).sort()
}

function requireVersion({ version }: ConnectorRow, accepted: readonly number[] | null): void {
  if (accepted === null || accepted.includes(version)) return
  throw new CordonError(
    'PreconditionFailed',
    'The connector was changed since it was read; its ETag is another one now.',
  )
}

function notFound(): CordonError {
  return new CordonError('NotFound', 'There is no such connector.')
}
