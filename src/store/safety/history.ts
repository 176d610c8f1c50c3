import { sql } from 'kysely'
import type { ActionType, TargetKind } from '../../model/actions.ts'
import type { Db } from '../db.ts'

/** Which actions are counted. */
export interface ActionCount {
  readonly actionTypes: readonly ActionType[]
  /** Only those of this caller; null: everybody's. */
  readonly requestedBy: string | null
  /** 7-digit instants; `since` is not included. */
  readonly since: string
  readonly until: string
  /** Not counted: the one that is asked about. */
  readonly except: string
}

/** How many actions were accepted in a stretch of time. What waits for approval, or ended before it began, had no effect. */
export async function countActions(db: Db, tenantId: string, count: ActionCount): Promise<number> {
  const all = db
    .selectFrom('executions')
    .select((eb) => eb.fn.countAll<number>().as('actions'))
    .where('tenant_id', '=', tenantId)
    .where('action_type', 'in', count.actionTypes)
    .where('requested_at', '>', count.since)
    .where('requested_at', '<=', count.until)
    .where('id', '!=', count.except)
    .where('state', 'not in', ['awaitingApproval', 'cancelled', 'expired'])
  const row = await (count.requestedBy === null
    ? all
    : all.where('requested_by', '=', count.requestedBy)
  ).executeTakeFirstOrThrow()
  return Number(row.actions)
}

/** How many things other than this one are affected by such actions now, or are about to be. */
export async function countAffected(
  db: Db,
  tenantId: string,
  actionTypes: readonly ActionType[],
  exceptKey: string,
): Promise<number> {
  const row = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('executions')
        .select('target_key')
        .where('tenant_id', '=', tenantId)
        .where('holds', '=', sql.lit(1))
        .where('action_type', 'in', actionTypes)
        .union(
          eb
            .selectFrom('executions')
            .select('target_key')
            .where('tenant_id', '=', tenantId)
            .where('live', '=', sql.lit(1))
            .where('action_type', 'in', actionTypes)
            .where('state', '!=', 'awaitingApproval'),
        )
        .as('affected'),
    )
    .select((eb) => eb.fn.countAll<number>().as('things'))
    .where('target_key', '!=', exceptKey)
    .executeTakeFirstOrThrow()
  return Number(row.things)
}

/** How many things of a kind a tenant knows: enrolled hosts, and what alerts have named, whichever are more. */
export async function countKnown(db: Db, tenantId: string, kind: TargetKind): Promise<number> {
  const seen = await db
    .selectFrom('entities')
    .select((eb) => eb.fn.countAll<number>().as('things'))
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .executeTakeFirstOrThrow()
  if (kind !== 'device') return Number(seen.things)
  const enrolled = await db
    .selectFrom('agents')
    .select((eb) => eb.fn.countAll<number>().as('things'))
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Math.max(Number(seen.things), Number(enrolled.things))
}

/** When the last executions of this kind that went well began to wait for their turn, and when they ended; newest first. */
export async function readSpans(
  db: Db,
  tenantId: string,
  actionType: ActionType,
  connector: string,
  limit: number,
): Promise<readonly { readonly from: string; readonly to: string }[]> {
  const rows = await db
    .selectFrom('executions')
    .select(['queued_at', 'finished_at'])
    .where('tenant_id', '=', tenantId)
    .where('action_type', '=', actionType)
    .where('connector', '=', connector)
    .where('state', '=', 'succeeded')
    .orderBy('requested_at', 'desc')
    .limit(limit)
    .execute()
  return rows.flatMap(({ queued_at, finished_at }) =>
    queued_at === null || finished_at === null ? [] : [{ from: queued_at, to: finished_at }],
  )
}
