import { type Db, holdRows, noteJobs, type Store, type Tx } from './db.ts'
import type { JobRow } from './schema.ts'

/** A follow-up job, written in the transaction of the change that needs it. */
export interface NewJob {
  /** Random id, given by the caller so that a retried transaction writes the same job. */
  readonly id: string
  readonly kind: string
  readonly payload: Readonly<Record<string, unknown>>
  /** Earliest start, 7-digit instant; default at once. */
  readonly runAt?: string
  /** Jobs with the same key do not pile up: the earlier time wins. */
  readonly key?: string
}

/**
 * Writes a job. A second job with the same key moves the first one forward when it is earlier, instead of standing beside it; a job
 * that is being worked on is asked to run once more after it has finished.
 */
export async function insertJob(tx: Tx, tenantId: string, now: string, job: NewJob): Promise<void> {
  const runAt = job.runAt ?? now
  await tx
    .insertInto('jobs')
    .values({
      id: job.id,
      tenant_id: tenantId,
      kind: job.kind,
      payload: JSON.stringify(job.payload),
      key: job.key ?? null,
      run_at: runAt,
      attempts: 0,
      epoch: 0,
      rerun: 0,
      leased_until: null,
      last_error: null,
      created_at: now,
    })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((eb) => ({
        // Under a worker the row's own time is past already; the next run is due when this one says.
        run_at: eb
          .case()
          .when(eb.and([eb('jobs.leased_until', 'is not', null), eb('jobs.rerun', '=', 0)]))
          .then(runAt)
          .when('jobs.run_at', '<', runAt)
          .then(eb.ref('jobs.run_at'))
          .else(runAt)
          .end(),
        // A worker may hold this row right now, with the older facts: its finish then leaves the job standing.
        rerun: 1,
        payload: JSON.stringify(job.payload),
      })),
    )
    .execute()
}

/**
 * Leases up to `limit` due jobs, oldest first. On PostgreSQL several servers claim side by side without waiting for each other.
 * @param leasedUntil 7-digit instant; past it another worker may take the job over
 */
export async function claimJobs(store: Store, now: string, leasedUntil: string, limit: number): Promise<JobRow[]> {
  const due = await dueJobIds(store.read, now, 1)
  if (due.length === 0) return []
  return store.transaction(async (tx) => {
    let query = tx
      .selectFrom('jobs')
      .select('id')
      .where('run_at', '<=', now)
      .where((eb) => eb.or([eb('leased_until', 'is', null), eb('leased_until', '<', now)]))
      .orderBy('run_at')
      .orderBy('id')
      .limit(limit)
    if (store.dialect === 'postgres') query = query.forUpdate().skipLocked()
    const ids = (await query.execute()).map((row) => row.id)
    if (ids.length === 0) return []
    return tx
      .updateTable('jobs')
      .set((eb) => ({
        leased_until: leasedUntil,
        epoch: eb('epoch', '+', 1),
        attempts: eb('attempts', '+', 1),
        // Whatever it was asked for until now, this run will see.
        rerun: 0,
      }))
      .where('id', 'in', ids)
      .returningAll()
      .execute()
  })
}

async function dueJobIds(db: Db, now: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('id')
    .where('run_at', '<=', now)
    .where((eb) => eb.or([eb('leased_until', 'is', null), eb('leased_until', '<', now)]))
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/**
 * Ends a job: removes it, or frees it to run again at once when it was asked for while it ran.
 * @returns false when the lease was lost meanwhile; the caller's work must then not be recorded
 */
export async function finishJob(tx: Tx, id: string, epoch: number): Promise<boolean> {
  const done = await tx
    .deleteFrom('jobs')
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .where('rerun', '=', 0)
    .executeTakeFirst()
  if (done.numDeletedRows > 0n) return true
  const again = await tx
    .updateTable('jobs')
    .set({ leased_until: null, rerun: 0, attempts: 0 })
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst()
  if (again.numUpdatedRows > 0n) noteJobs(tx)
  return again.numUpdatedRows > 0n
}

/**
 * Gives a job back to run at `runAt`, or earlier when it was asked for while it ran; does nothing when its lease was lost meanwhile.
 */
export async function releaseJob(tx: Tx, job: JobRow, runAt: string, error: string | null): Promise<void> {
  await tx
    .updateTable('jobs')
    .set((eb) => ({
      leased_until: null,
      last_error: error,
      run_at: eb
        .case()
        .when(eb.and([eb('rerun', '=', 1), eb('run_at', '<', runAt)]))
        .then(eb.ref('run_at'))
        .else(runAt)
        .end(),
      rerun: 0,
    }))
    .where('id', '=', job.id)
    .where('epoch', '=', job.epoch)
    .execute()
}

/** A job as whoever works on it knows it. */
export interface HeldJob {
  readonly id: string
  /** Rises each time a worker takes the job: the fencing number of its lease. */
  readonly epoch: number
}

/**
 * True while nobody else has taken the job over, and until the transaction ends. A worker whose lease was lost, because it was stopped or
 * cut off for longer than that, must write nothing of what it found out.
 */
export async function isJobHeld(tx: Tx, job: HeldJob): Promise<boolean> {
  const query = tx.selectFrom('jobs').select('id').where('id', '=', job.id).where('epoch', '=', job.epoch)
  return (await holdRows(tx, query).executeTakeFirst()) !== undefined
}

/** Keeps jobs leased while their handlers run; a job whose lease was lost meanwhile is left alone. */
export async function renewLeases(store: Store, jobs: readonly JobRow[], leasedUntil: string): Promise<void> {
  await store.transaction(async (tx) => {
    for (const job of jobs) {
      await tx
        .updateTable('jobs')
        .set({ leased_until: leasedUntil })
        .where('id', '=', job.id)
        .where('epoch', '=', job.epoch)
        .execute()
    }
  })
}

/**
 * Frees every lease. Only for the embedded store at start, where no other server can hold one: what a killed process left is then taken
 * up at once instead of after its lease.
 */
export async function freeLeases(store: Store): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.updateTable('jobs').set({ leased_until: null }).where('leased_until', 'is not', null).execute()
  })
}

/** The instant the next job becomes due, or null when there is none. */
export async function nextJobAt(db: Db): Promise<string | null> {
  const row = await db
    .selectFrom('jobs')
    .select((eb) => eb.fn.min(eb.fn.coalesce('leased_until', 'run_at')).as('at'))
    .executeTakeFirst()
  return row?.at ?? null
}
