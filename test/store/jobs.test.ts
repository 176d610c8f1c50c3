import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore, type Store } from '../../src/store/db.ts'
import {
  claimJobs,
  finishJob,
  freeLeases,
  insertJob,
  type NewJob,
  nextJobAt,
  releaseJob,
  renewLeases,
} from '../../src/store/jobs.ts'
import type { JobRow } from '../../src/store/schema.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, eachDatabase, makeMigratedDatabase } from '../support/databases.ts'
import { at, makeJob, readJobs, tenant } from './given.ts'

async function enqueue(store: Store, seconds: number, ...jobs: NewJob[]): Promise<void> {
  await store.transaction(async (tx) => {
    for (const job of jobs) await insertJob(tx, tenant, at(seconds), job)
  })
}

/** Claims as a worker at that second, with a lease of ten. */
function claim(store: Store, seconds: number, limit = 10): Promise<JobRow[]> {
  return claimJobs(store, at(seconds), at(seconds + 10), limit)
}

async function claimOne(store: Store, seconds: number): Promise<JobRow> {
  const [job, ...others] = await claim(store, seconds)
  assert.ok(job, 'a job is due')
  assert.deepEqual(others, [])
  return job
}

const finish = (store: Store, job: JobRow): Promise<boolean> =>
  store.transaction((tx) => finishJob(tx, job.id, job.epoch))

eachDatabase('a job is due from its time on, and is gone when it is finished', async (_t, store) => {
  await enqueue(store, 0, makeJob({ id: 'a', runAt: at(5), payload: { n: 1 } }))
  const early = await claim(store, 4)

  const job = await claimOne(store, 5)
  const finished = await finish(store, job)

  assert.deepEqual(early, [])
  assert.deepEqual([job.id, job.tenant_id, job.kind, job.payload, job.attempts], ['a', tenant, 'work', '{"n":1}', 1])
  assert.equal(finished, true)
  assert.deepEqual(await readJobs(store.read), [])
})

eachDatabase('due jobs are claimed oldest first, up to the limit', async (_t, store) => {
  const job = (id: string, seconds: number): NewJob => makeJob({ id, runAt: at(seconds) })
  await enqueue(store, 0, job('c', 3), job('a', 1), job('d', 3), job('b', 2))

  const first = await claim(store, 10, 3)
  const second = await claim(store, 10, 3)

  assert.deepEqual(first.map(({ id }) => id).sort(), ['a', 'b', 'c'])
  assert.deepEqual(
    second.map(({ id }) => id),
    ['d'],
  )
})

for (const kind of databaseKinds) {
  test(`two workers claim each of 200 jobs exactly once (${kind})`, async (t) => {
    const target = await makeMigratedDatabase(t, kind)
    const stores = [await openStore(target), await openStore(target)] as const
    for (const store of stores) onEnd(t, () => store.close())
    const ids = Array.from({ length: 200 }, (_, index) => String(index).padStart(3, '0'))
    await enqueue(stores[0], 0, ...ids.map((id) => makeJob({ id })))
    const claimed: string[] = []

    const work = async (store: Store): Promise<void> => {
      for (let empty = 0; empty < 3; ) {
        const jobs = await claim(store, 1, 7)
        claimed.push(...jobs.map((job) => job.id))
        // Rows the other one holds right now are skipped; look again before giving up.
        empty = jobs.length === 0 ? empty + 1 : 0
      }
    }
    await Promise.all(stores.map(work))

    assert.deepEqual(claimed.sort(), ids)
  })
}

eachDatabase(
  'a leased job is nobody else’s until its lease ends, then another worker takes it over',
  async (_t, store) => {
    await enqueue(store, 0, makeJob())
    const lost = await claimOne(store, 0)
    const whileLeased = await claim(store, 10)

    const taken = await claimOne(store, 11)

    assert.deepEqual(whileLeased, [])
    assert.equal(taken.epoch, lost.epoch + 1)
    assert.equal(taken.attempts, 2)
  },
)

eachDatabase('a worker that lost its lease can neither finish nor give back nor keep the job', async (_t, store) => {
  await enqueue(store, 0, makeJob())
  const lost = await claimOne(store, 0)
  const taken = await claimOne(store, 11)

  const finished = await finish(store, lost)
  await store.transaction((tx) => releaseJob(tx, lost, at(0), 'too late'))
  await renewLeases(store, [lost], at(999))

  assert.equal(finished, false)
  assert.deepEqual(await readJobs(store.read), [taken])
})

eachDatabase('a renewed lease holds until its new end', async (_t, store) => {
  await enqueue(store, 0, makeJob())
  const job = await claimOne(store, 0)

  await renewLeases(store, [job], at(20))

  assert.deepEqual(await claim(store, 15), [])
  assert.equal((await claimOne(store, 21)).id, job.id)
})

eachDatabase('a job given back waits for its new time and keeps what went wrong', async (_t, store) => {
  await enqueue(store, 0, makeJob())
  const job = await claimOne(store, 0)

  await store.transaction((tx) => releaseJob(tx, job, at(30), 'the far side was away'))

  const [row] = await readJobs(store.read)
  assert.equal(row?.last_error, 'the far side was away')
  assert.equal(row?.leased_until, null)
  assert.deepEqual(await claim(store, 29), [])
  assert.equal((await claimOne(store, 30)).attempts, 2)
})

eachDatabase('jobs with one key do not pile up: the earlier time and the newer payload win', async (_t, store) => {
  await enqueue(store, 0, makeJob({ id: 'first', key: 'k', runAt: at(20), payload: { n: 1 } }))

  await enqueue(store, 0, makeJob({ id: 'later', key: 'k', runAt: at(50), payload: { n: 2 } }))
  const afterLater = await readJobs(store.read)
  await enqueue(store, 0, makeJob({ id: 'sooner', key: 'k', runAt: at(10), payload: { n: 3 } }))
  const afterSooner = await readJobs(store.read)

  const shown = (rows: JobRow[]): unknown[] => rows.map((row) => [row.id, row.run_at, row.payload])
  assert.deepEqual(shown(afterLater), [['first', at(20), '{"n":2}']])
  assert.deepEqual(shown(afterSooner), [['first', at(10), '{"n":3}']])
})

eachDatabase('jobs without a key stand beside each other', async (_t, store) => {
  await enqueue(store, 0, makeJob(), makeJob())

  assert.equal((await claim(store, 0)).length, 2)
})

eachDatabase('a job enqueued again while it is worked on runs once more after it has finished', async (_t, store) => {
  await enqueue(store, 0, makeJob({ key: 'k', payload: { n: 1 } }))
  const running = await claimOne(store, 1)

  await enqueue(store, 2, makeJob({ key: 'k', payload: { n: 2 } }))
  const whileRunning = await claim(store, 3)
  const finished = await finish(store, running)
  const again = await claimOne(store, 3)
  const finishedAgain = await finish(store, again)

  assert.deepEqual(whileRunning, [])
  assert.equal(finished, true)
  assert.deepEqual([again.payload, again.attempts], ['{"n":2}', 1])
  assert.equal(finishedAgain, true)
  assert.deepEqual(await readJobs(store.read), [])
})

eachDatabase('a rerun that is wanted later waits for its time', async (_t, store) => {
  await enqueue(store, 0, makeJob({ key: 'k' }))
  const running = await claimOne(store, 1)

  await enqueue(store, 2, makeJob({ key: 'k', runAt: at(60) }))
  await finish(store, running)

  assert.deepEqual(await claim(store, 59), [])
  assert.equal((await claimOne(store, 60)).id, running.id)
})

eachDatabase('whoever sleeps learns when the next job is due or its lease ends', async (_t, store) => {
  const whenEmpty = await nextJobAt(store.read)
  await enqueue(store, 0, makeJob({ runAt: at(40) }), makeJob({ runAt: at(5) }))
  const whenWaiting = await nextJobAt(store.read)
  await claimOne(store, 5)

  const whenLeased = await nextJobAt(store.read)

  assert.deepEqual([whenEmpty, whenWaiting, whenLeased], [null, at(5), at(15)])
})

eachDatabase('after a start the leases of the killed process are free', async (_t, store) => {
  await enqueue(store, 0, makeJob())
  const before = await claimOne(store, 0)

  await freeLeases(store)

  const after = await claimOne(store, 1)
  assert.equal(after.id, before.id)
  assert.equal(await finish(store, before), false)
})
