import type { Db, Tx } from './db.ts'
import { holdRows } from './db.ts'
import type { ConnectorJournalRow, ConnectorRow, ConnectorSecretRow } from './schema-connectors.ts'

/** @throws a duplicate-key error of the database when the tenant has one of that name */
export async function insertConnector(tx: Tx, row: ConnectorRow): Promise<void> {
  await tx.insertInto('connectors').values(row).execute()
}

/** A tenant's connectors, by name. */
export function listConnectors(db: Db, tenantId: string): Promise<ConnectorRow[]> {
  return db.selectFrom('connectors').selectAll().where('tenant_id', '=', tenantId).orderBy('name').execute()
}

/** Connectors of one kind and address, of all tenants. */
export function listConnectorsAt(db: Db, kind: string, address: string): Promise<ConnectorRow[]> {
  return db
    .selectFrom('connectors')
    .selectAll()
    .where('kind', '=', kind)
    .where('address', '=', address)
    .orderBy('tenant_id')
    .orderBy('id')
    .execute()
}

/** One connector; unknown to the tenant and absent are the same. */
export async function readConnector(db: Db, tenantId: string, id: string): Promise<ConnectorRow | null> {
  const query = db.selectFrom('connectors').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return (await query.executeTakeFirst()) ?? null
}

/** As {@link readConnector}, and nobody else changes it until the transaction ends. */
export async function readConnectorForUpdate(tx: Tx, tenantId: string, id: string): Promise<ConnectorRow | null> {
  const query = tx.selectFrom('connectors').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id)
  return (await holdRows(tx, query).executeTakeFirst()) ?? null
}

/** Writes everything but the connector's kind and creation. */
export async function updateConnectorRow(tx: Tx, row: ConnectorRow): Promise<void> {
  const { name, settings, address, version, updated_at } = row
  await tx
    .updateTable('connectors')
    .set({ name, settings, address, version, updated_at })
    .where('tenant_id', '=', row.tenant_id)
    .where('id', '=', row.id)
    .execute()
}

/** Removes a connector with its secrets. @returns their names */
export async function deleteConnectorRow(tx: Tx, tenantId: string, id: string): Promise<string[]> {
  const names = await deleteSecrets(tx, tenantId, id)
  await tx.deleteFrom('connectors').where('tenant_id', '=', tenantId).where('id', '=', id).execute()
  return names
}

/** The sealed secrets of a connector, by name. */
export function listSecrets(db: Db, tenantId: string, connectorId: string): Promise<ConnectorSecretRow[]> {
  return db
    .selectFrom('connector_secrets')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('connector_id', '=', connectorId)
    .orderBy('name')
    .execute()
}

/** Writes secrets, in place of those of the same names. */
export async function writeSecrets(tx: Tx, rows: readonly ConnectorSecretRow[]): Promise<void> {
  for (const row of rows) {
    const { key_id, sealed, set_at } = row
    await tx
      .insertInto('connector_secrets')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['tenant_id', 'connector_id', 'name']).doUpdateSet({ key_id, sealed, set_at }),
      )
      .execute()
  }
}

/** Removes every secret of a connector. @returns their names */
export async function deleteSecrets(tx: Tx, tenantId: string, connectorId: string): Promise<string[]> {
  const rows = await tx
    .deleteFrom('connector_secrets')
    .where('tenant_id', '=', tenantId)
    .where('connector_id', '=', connectorId)
    .returning('name')
    .execute()
  return rows.map((row) => row.name).sort()
}

/** A sealed secret with the address it is sealed for. */
export interface AddressedSecret extends ConnectorSecretRow {
  readonly address: string
}

/**
 * Up to `limit` secrets of all tenants that need another key than this one, in a fixed order.
 * @param after the last one of the page before; null for the first page
 */
export function listSecretsUnderOtherKeys(
  db: Db,
  keyId: string,
  after: AddressedSecret | null,
  limit: number,
): Promise<AddressedSecret[]> {
  const query = db
    .selectFrom('connector_secrets as secret')
    .innerJoin('connectors as connector', (join) =>
      join.onRef('connector.tenant_id', '=', 'secret.tenant_id').onRef('connector.id', '=', 'secret.connector_id'),
    )
    .selectAll('secret')
    .select('connector.address')
    .where('secret.key_id', '<>', keyId)
    .orderBy('secret.tenant_id')
    .orderBy('secret.connector_id')
    .orderBy('secret.name')
    .limit(limit)
  if (after === null) return query.execute()
  const { tenant_id, connector_id, name } = after
  return query
    .where((eb) =>
      eb(
        eb.refTuple('secret.tenant_id', 'secret.connector_id', 'secret.name'),
        '>',
        eb.tuple(tenant_id, connector_id, name),
      ),
    )
    .execute()
}

/** The sealing keys that some secret needs. */
export async function listKeysInUse(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('connector_secrets').select('key_id').distinct().execute()
  return rows.map((row) => row.key_id)
}

/** Replaces a sealed secret by the same one under another key, unless somebody has set it anew meanwhile. @returns whether it did */
export async function replaceSealed(
  tx: Tx,
  secret: ConnectorSecretRow,
  sealed: { readonly text: string; readonly keyId: string },
): Promise<boolean> {
  const result = await tx
    .updateTable('connector_secrets')
    .set({ key_id: sealed.keyId, sealed: sealed.text })
    .where('tenant_id', '=', secret.tenant_id)
    .where('connector_id', '=', secret.connector_id)
    .where('name', '=', secret.name)
    .where('sealed', '=', secret.sealed)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Writes what a connector found before an effect, in place of what it found at an earlier attempt without one. */
export async function writeJournal(tx: Tx, row: ConnectorJournalRow): Promise<void> {
  const { found, at } = row
  await tx
    .insertInto('connector_journal')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'execution_id']).doUpdateSet({ found, at }))
    .execute()
}

/** What a connector found before an effect, as the JSON it wrote; null when it never came that far. */
export async function readJournal(db: Db, tenantId: string, executionId: string): Promise<string | null> {
  const query = db.selectFrom('connector_journal').select('found').where('tenant_id', '=', tenantId)
  const row = await query.where('execution_id', '=', executionId).executeTakeFirst()
  return row?.found ?? null
}
