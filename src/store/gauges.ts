import type { Db } from './db.ts'

/** How many rows of a kind there are. */
export interface Amount {
  readonly kind: string
  readonly amount: number
}

/** Jobs that wait or are under way, over all tenants, by kind. */
export async function countJobs(db: Db): Promise<Amount[]> {
  const rows = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['kind', fn.countAll<number>().as('amount')])
    .groupBy('kind')
    .execute()
  return rows.map(({ kind, amount }) => ({ kind, amount: Number(amount) }))
}

/** When the job that is due for longest was due; null when none is due. @param now instant */
export async function findOldestDueJob(db: Db, now: string): Promise<string | null> {
  const row = await db
    .selectFrom('jobs')
    .select('run_at')
    .where('leased_until', 'is', null)
    .where('run_at', '<=', now)
    .orderBy('run_at')
    .limit(1)
    .executeTakeFirst()
  return row?.run_at ?? null
}

/** Executions that have not ended, over all tenants, by state. */
export async function countLiveExecutions(db: Db): Promise<Amount[]> {
  const rows = await db
    .selectFrom('executions')
    .select(({ fn }) => ['state', fn.countAll<number>().as('amount')])
    .where('live', '=', 1)
    .groupBy('state')
    .execute()
  return rows.map(({ state, amount }) => ({ kind: state, amount: Number(amount) }))
}
