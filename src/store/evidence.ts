import type { Alert, AlertEvidence } from '../model/generated.ts'
import type { Db } from './db.ts'

/** True when any alert of the tenant named this thing as evidence. */
export async function isKnownEntity(db: Db, tenantId: string, kind: string, value: string): Promise<boolean> {
  const row = await db
    .selectFrom('entities')
    .select('value')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where('value', '=', value.toLowerCase())
    .executeTakeFirst()
  return row !== undefined
}

/** An alert as far as it names things. */
export interface NamingAlert {
  readonly evidence: readonly AlertEvidence[]
  /** Every name of a device in it. */
  readonly devices: readonly string[]
}

/** The newest alerts of a tenant that name a thing. */
export async function readAlertsNaming(
  db: Db,
  tenantId: string,
  kind: string,
  value: string,
  limit: number,
): Promise<NamingAlert[]> {
  const rows = await db
    .selectFrom('alert_entities')
    .innerJoin('alerts', (join) =>
      join
        .onRef('alerts.id', '=', 'alert_entities.alert_id')
        .onRef('alerts.tenant_id', '=', 'alert_entities.tenant_id'),
    )
    .select(['alerts.id', 'alerts.doc'])
    .where('alert_entities.tenant_id', '=', tenantId)
    .where('alert_entities.kind', '=', kind)
    .where('alert_entities.value', '=', value.toLowerCase())
    .orderBy('alerts.created_at', 'desc')
    .limit(limit)
    .execute()
  if (rows.length === 0) return []
  const devices = await db
    .selectFrom('alert_entities')
    .select(['alert_id', 'value'])
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'device')
    .where(
      'alert_id',
      'in',
      rows.map(({ id }) => id),
    )
    .execute()
  return rows.map(({ id, doc }) => {
    const { evidence }: Pick<Alert, 'evidence'> = JSON.parse(doc)
    return { evidence, devices: devices.filter((row) => row.alert_id === id).map((row) => row.value) }
  })
}
