import { sql } from 'kysely'
import { numberOf } from '../model/graph-values.ts'
import type { Db } from './db.ts'

/** How many of the newest a report of times looks at; more make a wait longer and no figure truer. */
const maxTimed = 5_000

/** Open incidents of one severity, by age. */
export interface AgeingRow {
  /** The number of the enum. */
  readonly severity: number
  /** One count for each limit, and one for what is older than the last. */
  readonly counts: readonly number[]
  readonly oldest: { readonly id: string; readonly createdAt: string }
}

const closed = [numberOf('incidentStatus', 'resolved'), numberOf('incidentStatus', 'redirected')]

/**
 * Open incidents of a tenant by severity and age.
 * @param since instants, the youngest first; an incident counts at the first that it is not older than
 */
export async function readAgeing(db: Db, tenantId: string, since: readonly string[]): Promise<AgeingRow[]> {
  const open = db
    .selectFrom('incidents')
    .where('tenant_id', '=', tenantId)
    .where('status', 'not in', [...closed])
  const ages = since.reduceRight(
    (rest, limit, index) => sql`case when created_at >= ${limit} then ${sql.lit(index)} else ${rest} end`,
    sql`${sql.lit(since.length)}`,
  )
  const rows = await open
    .select(({ fn }) => ['severity', ages.$castTo<number>().as('age'), fn.countAll<number>().as('amount')])
    .groupBy(['severity', sql`2`])
    .execute()
  const found = new Map<number, number[]>()
  for (const { severity, age, amount } of rows) {
    const counts = found.get(severity) ?? Array.from({ length: since.length + 1 }, () => 0)
    counts[Number(age)] = Number(amount)
    found.set(severity, counts)
  }
  return Promise.all(
    [...found].map(async ([severity, counts]) => {
      const oldest = open.where('severity', '=', severity).orderBy('created_at').orderBy('id').limit(1)
      const { id, created_at } = await oldest.select(['id', 'created_at']).executeTakeFirstOrThrow()
      return { severity, counts, oldest: { id: String(id), createdAt: created_at } }
    }),
  )
}

/** The newest of what was asked for. */
export interface Newest<T> {
  readonly value: readonly T[]
  /** There were more. */
  readonly isCut: boolean
}

/** When an incident was opened, first attended to and resolved. */
export interface IncidentTimes {
  readonly openedAt: string
  /** A person's first change or comment, or the first task; null for none yet. */
  readonly attendedAt: string | null
  /** Null unless it is resolved. */
  readonly resolvedAt: string | null
}

/** The newest {@link maxTimed} incidents of a tenant that were opened since then. */
export async function readIncidentTimes(db: Db, tenantId: string, since: string): Promise<Newest<IncidentTimes>> {
  const rows = await db
    .selectFrom('incidents as i')
    .where('i.tenant_id', '=', tenantId)
    .where('i.created_at', '>=', since)
    .where('i.status', '<>', numberOf('incidentStatus', 'redirected'))
    .select((eb) => [
      'i.created_at',
      'i.updated_at',
      'i.status',
      eb
        .selectFrom('tasks as t')
        .select(({ fn }) => fn.min<string | null>('t.created_at').as('at'))
        .where('t.tenant_id', '=', tenantId)
        .whereRef('t.incident_id', '=', 'i.id')
        .as('proposed_at'),
      eb
        .selectFrom('audit as a')
        .select(({ fn }) => fn.min<string | null>('a.at').as('at'))
        .where('a.tenant_id', '=', tenantId)
        .where('a.object_type', '=', 'incident')
        .where('a.object_id', '=', sql<string>`cast(i.id as text)`)
        .where('a.action', 'in', ['updateIncident', 'commentIncident'])
        .where('a.actor_kind', 'in', ['user', 'application'])
        .where('a.decision', '=', 'allowed')
        .as('touched_at'),
      eb
        .selectFrom('audit as a')
        .select(({ fn }) => fn.max<string | null>('a.at').as('at'))
        .where('a.tenant_id', '=', tenantId)
        .where('a.object_type', '=', 'incident')
        .where('a.object_id', '=', sql<string>`cast(i.id as text)`)
        .where('a.action', '=', 'updateIncident')
        .where('a.details', 'like', '%"status"%')
        .as('settled_at'),
    ])
    .orderBy('i.created_at', 'desc')
    .limit(maxTimed)
    .execute()
  const resolved = numberOf('incidentStatus', 'resolved')
  const value = rows.map((row) => ({
    openedAt: row.created_at,
    attendedAt: [row.proposed_at, row.touched_at].filter((at) => at !== null).sort()[0] ?? null,
    resolvedAt: row.status === resolved ? (row.settled_at ?? row.updated_at) : null,
  }))
  return { value, isCut: value.length === maxTimed }
}

/** When a task's incident was opened, and when the task was proposed and answered. */
export interface TaskTimes {
  readonly openedAt: string
  readonly proposedAt: string
  /** Its first run, or, without one, when a person closed it; null while it waits. */
  readonly answeredAt: string | null
}

/** The newest {@link maxTimed} tasks of a tenant that were proposed since then. */
export async function readTaskTimes(db: Db, tenantId: string, since: string): Promise<Newest<TaskTimes>> {
  const rows = await db
    .selectFrom('tasks as t')
    .innerJoin('incidents as i', (join) =>
      join.onRef('i.tenant_id', '=', 't.tenant_id').onRef('i.id', '=', 't.incident_id'),
    )
    .where('t.tenant_id', '=', tenantId)
    .where('t.created_at', '>=', since)
    .select((eb) => [
      'i.created_at as opened_at',
      't.created_at',
      't.updated_at',
      't.status',
      eb
        .selectFrom('executions as e')
        .select(({ fn }) => fn.min<string | null>('e.requested_at').as('at'))
        .where('e.tenant_id', '=', tenantId)
        .whereRef('e.task_id', '=', 't.id')
        .as('requested_at'),
    ])
    .orderBy('t.created_at', 'desc')
    .limit(maxTimed)
    .execute()
  const waiting = [numberOf('incidentTaskStatus', 'open'), numberOf('incidentTaskStatus', 'inProgress')]
  const value = rows.map((row) => ({
    openedAt: row.opened_at,
    proposedAt: row.created_at,
    answeredAt: row.requested_at ?? (waiting.includes(row.status) ? null : row.updated_at),
  }))
  return { value, isCut: value.length === maxTimed }
}

/** Runs since then by action type and state, undos left out. */
export async function countRuns(
  db: Db,
  tenantId: string,
  since: string,
): Promise<{ readonly actionType: string; readonly state: string; readonly amount: number }[]> {
  const rows = await db
    .selectFrom('executions')
    .select(({ fn }) => ['action_type', 'state', fn.countAll<number>().as('amount')])
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'run')
    .where('requested_at', '>=', since)
    .groupBy(['action_type', 'state'])
    .orderBy('action_type')
    .orderBy('state')
    .execute()
  return rows.map(({ action_type: actionType, state, amount }) => ({ actionType, state, amount: Number(amount) }))
}

/** Incidents since then by how many alerts they hold, and how many of them were merged into another. */
export interface AlertsPerIncident {
  /** One count for each limit, and one for what is above the last. */
  readonly counts: readonly number[]
  readonly merged: number
}

/** @param limits upper ones, rising */
export async function countAlertsPerIncident(
  db: Db,
  tenantId: string,
  since: string,
  limits: readonly number[],
): Promise<AlertsPerIncident> {
  const redirected = numberOf('incidentStatus', 'redirected')
  const size = limits.reduceRight(
    (rest, limit, index) => sql`case when alert_count <= ${sql.lit(limit)} then ${sql.lit(index)} else ${rest} end`,
    sql`${sql.lit(limits.length)}`,
  )
  const rows = await db
    .selectFrom('incidents')
    .select(({ fn }) => ['status', size.$castTo<number>().as('size'), fn.countAll<number>().as('amount')])
    .where('tenant_id', '=', tenantId)
    .where('created_at', '>=', since)
    .groupBy(['status', sql`2`])
    .execute()
  const counts = Array.from({ length: limits.length + 1 }, () => 0)
  let merged = 0
  for (const { status, size: at, amount } of rows) {
    if (status === redirected) merged += Number(amount)
    else counts[Number(at)] = (counts[Number(at)] ?? 0) + Number(amount)
  }
  return { counts, merged }
}

/** How many incidents and alerts of a tenant came in one hour. */
export interface HourRow {
  /** The hour as the first 13 letters of its instants, `2026-11-22T02`. */
  readonly hour: string
  readonly incidents: number
  readonly alerts: number
}

/** The hours since then in which something came, in no order. */
export async function countByHour(db: Db, tenantId: string, since: string): Promise<HourRow[]> {
  const count = async (table: 'incidents' | 'alerts'): Promise<ReadonlyMap<string, number>> => {
    const rows = await db
      .selectFrom(table)
      .select(({ fn }) => [sql<string>`substr(created_at, 1, 13)`.as('hour'), fn.countAll<number>().as('amount')])
      .where('tenant_id', '=', tenantId)
      .where('created_at', '>=', since)
      .groupBy(sql`1`)
      .execute()
    return new Map(rows.map(({ hour, amount }) => [hour, Number(amount)]))
  }
  const [incidents, alerts] = await Promise.all([count('incidents'), count('alerts')])
  return [...new Set([...incidents.keys(), ...alerts.keys()])].map((hour) => {
    return { hour, incidents: incidents.get(hour) ?? 0, alerts: alerts.get(hour) ?? 0 }
  })
}
