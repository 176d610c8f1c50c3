import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Clock, instantOf } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { type JobHandler, startWorker, type Worker } from '../../src/jobs/worker.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import type { NewJob } from '../../src/store/jobs.ts'
import { recordChange } from '../../src/store/record.ts'
import type { JobRow } from '../../src/store/schema.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, eachDatabase, makeMigratedDatabase } from '../support/databases.ts'
import { actor, at, makeJob, readJobs } from './given.ts'

interface TestClock extends Clock {
  seconds: number
}

function makeClock(): TestClock {
  const startMs = Date.parse(at(0))
  const clock: TestClock = {
    seconds: 0,
    nowMs: () => startMs + clock.seconds * 1_000,
    now: () => instantOf(clock.nowMs()),
  }
  return clock
}

function work(t: TestContext, store: Store, clock: Clock, handlers: Record<string, JobHandler>): Worker {
  const worker = startWorker({ store, clock, log: createLog('silent'), handlers })
  onEnd(t, () => worker.stop())
  return worker
}

async function enqueue(store: Store, clock: Clock, ...jobs: NewJob[]): Promise<void> {
  await store.transaction((tx) => recordChange(tx, { at: clock.now(), actor, audit: [], jobs }))
}

const waitForJob = (store: Store, done: (job: JobRow | undefined) => boolean): Promise<JobRow | undefined> =>
  waitUntil(async () => (await readJobs(store.read))[0], done)

eachDatabase('a job is done right after the commit that enqueued it, with its tenant and payload', async (t, store) => {
  const clock = makeClock()
  const seen: unknown[] = []
  work(t, store, clock, {
    work: async ({ tenantId, payload, attempts }) => void seen.push({ tenantId, payload, attempts }),
  })

  await enqueue(store, clock, makeJob({ payload: { n: 1 } }))
  await waitForJob(store, (job) => job === undefined)

  assert.deepEqual(seen, [{ tenantId: actor.tenantId, payload: { n: 1 }, attempts: 1 }])
})

eachDatabase('a job that fails is tried again later and later, with its last error in the row', async (t, store) => {
  const clock = makeClock()
  let fails = true
  const worker = work(t, store, clock, {
    work: async () => {
      if (fails) throw new Error('the far side was away')
      return undefined
    },
  })
  await enqueue(store, clock, makeJob())
  const waits: number[] = []

  for (let attempt = 1; attempt <= 12; attempt++) {
    const job = await waitForJob(store, (row) => row?.attempts === attempt && row.leased_until === null)
    assert.ok(job)
    assert.equal(job.last_error, 'the far side was away')
    waits.push((Date.parse(job.run_at) - clock.nowMs()) / 1_000)
    clock.seconds += waits.at(-1) ?? 0
    fails = attempt < 12
    worker.wake()
  }

  assert.deepEqual(waits, [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60, 60, 60])
  await waitForJob(store, (row) => row === undefined)
})

eachDatabase('a job that asks for it runs again at the time it names', async (t, store) => {
  const clock = makeClock()
  const runs: number[] = []
  const worker = work(t, store, clock, {
    work: async () => {
      runs.push(clock.seconds)
      return runs.length === 1 ? { runAgainAt: at(120) } : undefined
    },
  })
  await enqueue(store, clock, makeJob())
  const waiting = await waitForJob(store, (job) => job?.leased_until === null && job.attempts === 1)

  clock.seconds = 120
  worker.wake()
  await waitForJob(store, (job) => job === undefined)

  assert.equal(waiting?.run_at, at(120))
  assert.equal(waiting?.last_error, null)
  assert.deepEqual(runs, [0, 120])
})

eachDatabase('a job nobody knows stays, with the reason, and holds nobody up', async (t, store) => {
  const clock = makeClock()
  let done = 0
  work(t, store, clock, { work: async () => void done++ })

  await enqueue(store, clock, makeJob({ id: 'a', kind: 'from-a-newer-release' }), makeJob({ id: 'b' }))
  const left = await waitUntil(
    () => readJobs(store.read),
    (jobs) => jobs.length === 1 && jobs[0]?.leased_until === null,
  )

  assert.equal(done, 1)
  assert.match(left[0]?.last_error ?? '', /from-a-newer-release/)
})

eachDatabase('stopping waits for the job under way and takes no other', async (t, store) => {
  const clock = makeClock()
  const started = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  const runs: string[] = []
  const worker = work(t, store, clock, {
    work: async ({ id }) => {
      runs.push(id)
      started.resolve()
      await mayEnd.promise
      return undefined
    },
  })
  await enqueue(store, clock, makeJob({ id: 'a' }))
  await started.promise

  const stopped = worker.stop()
  await enqueue(store, clock, makeJob({ id: 'b' }))
  mayEnd.resolve()
  await stopped

  assert.deepEqual(runs, ['a'])
  assert.deepEqual(
    (await readJobs(store.read)).map((job) => job.id),
    ['b'],
  )
})

eachDatabase('a job whose worker died is taken over when its lease has ended', async (t, store) => {
  const clock = makeClock()
  const row = { ...makeJob({ id: 'a' }), payload: '{}', tenant_id: actor.tenantId, run_at: at(-5), created_at: at(-5) }
  const dead = { key: null, attempts: 1, epoch: 1, leased_until: at(5), rerun: 0, last_error: null }
  await store.transaction((tx) =>
    tx
      .insertInto('jobs')
      .values({ ...row, ...dead })
      .execute(),
  )
  const attempts: number[] = []
  const worker = work(t, store, clock, { work: async (job) => void attempts.push(job.attempts) })
  await new Promise((resolve) => setTimeout(resolve, 100))
  const early = attempts.length

  clock.seconds = 6
  worker.wake()
  await waitForJob(store, (job) => job === undefined)

  assert.equal(early, 0)
  assert.deepEqual(attempts, [2])
})

for (const kind of databaseKinds) {
  test(`two servers on one database do each of 100 jobs once (${kind})`, async (t) => {
    const target = await makeMigratedDatabase(t, kind)
    const clock = makeClock()
    const runs: string[] = []
    const stores: Store[] = []
    for (let server = 0; server < 2; server++) {
      const store = await openStore(target)
      onEnd(t, () => store.close())
      work(t, store, clock, { work: async ({ id }) => void runs.push(id) })
      stores.push(store)
    }
    const [first] = stores
    assert.ok(first)
    const ids = Array.from({ length: 100 }, (_, index) => String(index).padStart(3, '0'))

    await enqueue(first, clock, ...ids.map((id) => makeJob({ id })))
    await waitForJob(first, (job) => job === undefined)

    assert.deepEqual(runs.sort(), ids)
  })
}
