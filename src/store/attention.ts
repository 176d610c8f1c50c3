import { type Db, holdRows, type Tx } from './db.ts'
import type { AcknowledgementRow, EscalationRow, SightRow } from './schema-people.ts'

/** Writes that a person has opened an incident. @returns false when that is known */
export async function insertSight(tx: Tx, row: SightRow): Promise<boolean> {
  const result = await tx
    .insertInto('incident_sights')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'incident_id', 'user_id']).doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Who has opened an incident, first to last. */
export function listSights(db: Db, tenantId: string, incidentId: string): Promise<SightRow[]> {
  return db
    .selectFrom('incident_sights')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .orderBy('at')
    .orderBy('user_id')
    .execute()
}

/** Whether a person has opened an incident before. */
export async function hasSeen(db: Db, tenantId: string, incidentId: string, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('incident_sights')
    .select('at')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', Number(incidentId))
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row !== undefined
}

/** Who has taken an incident on; undefined when nobody has. */
export function readAcknowledgement(
  db: Db,
  tenantId: string,
  incidentId: string,
): Promise<AcknowledgementRow | undefined> {
  const query = db.selectFrom('acknowledgements').selectAll().where('tenant_id', '=', tenantId)
  return query.where('incident_id', '=', Number(incidentId)).executeTakeFirst()
}

/** Writes who has taken an incident on, in place of whoever had. */
export async function writeAcknowledgement(tx: Tx, row: AcknowledgementRow): Promise<void> {
  const { user_id, user_name, at } = row
  await tx
    .insertInto('acknowledgements')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'incident_id']).doUpdateSet({ user_id, user_name, at }))
    .execute()
}

/** The last escalation of an incident; undefined when there was none. */
export function readEscalation(db: Db, tenantId: string, incidentId: string): Promise<EscalationRow | undefined> {
  const query = db.selectFrom('escalations').selectAll().where('tenant_id', '=', tenantId)
  return query.where('incident_id', '=', Number(incidentId)).executeTakeFirst()
}

/** As {@link readEscalation}, and nobody else changes it until the transaction ends. */
export function readEscalationForUpdate(
  tx: Tx,
  tenantId: string,
  incidentId: string,
): Promise<EscalationRow | undefined> {
  const query = tx.selectFrom('escalations').selectAll().where('tenant_id', '=', tenantId)
  return holdRows(tx, query.where('incident_id', '=', Number(incidentId))).executeTakeFirst()
}

/** Writes an escalation, in place of the incident's last one. */
export async function writeEscalation(tx: Tx, row: EscalationRow): Promise<void> {
  const { tenant_id: _, incident_id: __, ...values } = row
  await tx
    .insertInto('escalations')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'incident_id']).doUpdateSet(values))
    .execute()
}
