import { type Clock, instantOf } from '../io/clock.ts'
import type { Logger } from '../io/log.ts'
import type { Store } from '../store/db.ts'
import { claimJobs, finishJob, nextJobAt, releaseJob, renewLeases } from '../store/jobs.ts'
import type { JobRow } from '../store/schema.ts'

/** A job as its handler sees it. */
export interface Job {
  readonly id: string
  readonly tenantId: string
  readonly payload: unknown
  /** 1 on the first run. */
  readonly attempts: number
  /** The fencing number of the lease under which it runs; see {@link ../store/jobs.ts isJobHeld}. */
  readonly epoch: number
}

/**
 * Does a job. It may run more than once for one job (a crash after the effect, before the job is removed), so it finds out what is
 * already done before it does anything. Returning `runAgainAt` keeps the job for that instant; throwing retries it with back-off.
 */
export type JobHandler = (job: Job) => Promise<{ readonly runAgainAt: string } | undefined>

/** What a worker needs. */
export interface WorkerDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly handlers: Readonly<Record<string, JobHandler>>
}

/** A running worker. */
export interface Worker {
  /** Looks for due jobs now instead of at the next poll. */
  wake(): void
  /** Takes no further job and waits for those under way. */
  stop(): Promise<void>
}

/** A killed server's jobs are free again after this. */
const leaseSeconds = 10
const pollMs = 1_000
const maxAtOnce = 16
/** Past this many failures a job is looked at once an hour only; its last error stands in the row. */
const patientAttempts = 20

/**
 * Runs due jobs until stopped: at once after a commit that enqueued one, and by polling for those other processes wrote or time made due.
 * Leases are renewed while a handler runs; another server takes over 10 s after this one died.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const running = new Map<string, { readonly job: JobRow; readonly done: Promise<void> }>()
  let stopped = false
  let looking: Promise<void> | null = null
  let lookAgain = false
  let timer: NodeJS.Timeout | undefined

  const look = async (): Promise<void> => {
    do {
      lookAgain = false
      const room = maxAtOnce - running.size
      if (stopped || room <= 0) break
      const jobs = await claimDue(deps, room)
      if (stopped) return giveBack(deps, jobs)
      for (const job of jobs) {
        const done = runOne(deps, job).finally(() => {
          running.delete(job.id)
          wake()
        })
        running.set(job.id, { job, done })
      }
      if (jobs.length > 0) lookAgain = true
    } while (lookAgain)
    if (!stopped) schedule(await msUntilNext(deps))
  }

  const schedule = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(wake, ms)
  }

  const wake = (): void => {
    if (stopped) return
    lookAgain = true
    looking ??= look()
      .catch((cause: unknown) => {
        deps.log.error({ err: cause }, 'jobs cannot be read')
        if (!stopped) schedule(pollMs)
      })
      .finally(() => {
        looking = null
        // Woken between the last look and here.
        if (lookAgain) wake()
      })
  }

  const renewal = setInterval(
    () =>
      renewHeld(
        deps,
        [...running.values()].map((entry) => entry.job),
      ),
    (leaseSeconds * 1000) / 3,
  )

  const unsubscribe = deps.store.onJobs(wake)
  wake()
  return {
    wake,
    stop: async () => {
      stopped = true
      unsubscribe()
      clearTimeout(timer)
      clearInterval(renewal)
      if (looking) await looking
      await Promise.all([...running.values()].map((entry) => entry.done))
    },
  }
}

function claimDue(deps: WorkerDeps, room: number): Promise<readonly JobRow[]> {
  const nowMs = deps.clock.nowMs()
  return claimJobs(deps.store, instantOf(nowMs), instantOf(nowMs + leaseSeconds * 1000), room)
}

/** Jobs that were being claimed while the worker was told to stop: somebody else takes them at once. */
async function giveBack(deps: WorkerDeps, jobs: readonly JobRow[]): Promise<void> {
  if (jobs.length === 0) return
  await deps.store.transaction(async (tx) => {
    for (const job of jobs) await releaseJob(tx, job, job.run_at, job.last_error)
  })
}

function renewHeld(deps: WorkerDeps, held: readonly JobRow[]): void {
  if (held.length === 0) return
  const until = instantOf(deps.clock.nowMs() + leaseSeconds * 1000)
  renewLeases(deps.store, held, until).catch((cause: unknown) =>
    deps.log.error({ err: cause }, 'job leases cannot be renewed'),
  )
}

async function msUntilNext(deps: WorkerDeps): Promise<number> {
  const at = await nextJobAt(deps.store.read)
  if (at === null) return pollMs
  const wait = Date.parse(`${at.slice(0, 23)}Z`) - deps.clock.nowMs() + 1
  return Math.max(1, Math.min(pollMs, wait))
}

async function runOne(deps: WorkerDeps, row: JobRow): Promise<void> {
  const handler = deps.handlers[row.kind]
  try {
    if (!handler) throw new Error(`no handler for jobs of kind '${row.kind}'`)
    const again = await handler({
      id: row.id,
      tenantId: row.tenant_id,
      payload: JSON.parse(row.payload),
      attempts: row.attempts,
      epoch: row.epoch,
    })
    await deps.store.transaction(async (tx) => {
      if (again) await releaseJob(tx, row, again.runAgainAt, null)
      else await finishJob(tx, row.id, row.epoch)
    })
  } catch (cause) {
    deps.log.error({ err: cause, jobId: row.id, kind: row.kind, attempts: row.attempts }, 'job failed')
    const message = cause instanceof Error ? cause.message : String(cause)
    const runAt = instantOf(deps.clock.nowMs() + backoffMs(row.attempts))
    await deps.store
      .transaction((tx) => releaseJob(tx, row, runAt, message.slice(0, 500)))
      // The lease then runs out by itself and the job is claimed again.
      .catch((again: unknown) => deps.log.error({ err: again, jobId: row.id }, 'job cannot be given back'))
  }
}

/** 0.2 s doubling to 60 s; a job that keeps failing is tried once an hour. */
function backoffMs(attempts: number): number {
  if (attempts > patientAttempts) return 3_600_000
  return Math.min(60_000, 200 * 2 ** Math.min(attempts, 16))
}
