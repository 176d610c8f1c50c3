import assert from 'node:assert/strict'
import { insertExecution } from '../../src/store/executions.ts'
import { countJobs, countLiveExecutions, findOldestDueJob } from '../../src/store/gauges.ts'
import { insertJob } from '../../src/store/jobs.ts'
import { eachDatabase } from '../support/databases.ts'
import { at, makeExecution, makeJob, otherTenant, tenant } from './given.ts'

eachDatabase('jobs by kind and live executions by state are counted over all tenants', async (_, store) => {
  await store.transaction(async (tx) => {
    await insertExecution(tx, makeExecution('a', 'one'))
    await insertExecution(tx, makeExecution('b', 'two', { tenantId: otherTenant }))
    await insertExecution(tx, makeExecution('c', 'three', { state: 'running' }))
    await insertExecution(tx, makeExecution('d', 'four', { state: 'failed' }))
    await insertJob(tx, tenant, at(0), makeJob())
    await insertJob(tx, otherTenant, at(0), makeJob())
    await insertJob(tx, tenant, at(0), makeJob({ kind: 'rest', runAt: at(60) }))
  })

  const [jobs, executions] = await Promise.all([countJobs(store.read), countLiveExecutions(store.read)])

  assert.deepEqual(
    new Map(jobs.map(({ kind, amount }) => [kind, amount])),
    new Map(Object.entries({ work: 2, rest: 1 })),
  )
  assert.deepEqual(
    new Map(executions.map(({ kind, amount }) => [kind, amount])),
    new Map(Object.entries({ queued: 2, running: 1 })),
  )
})

eachDatabase('the job that is due for longest is found among those that are', async (_, store) => {
  assert.equal(await findOldestDueJob(store.read, at(100)), null)
  await store.transaction(async (tx) => {
    await insertJob(tx, tenant, at(0), makeJob({ runAt: at(200) }))
    await insertJob(tx, tenant, at(0), makeJob({ runAt: at(50) }))
    await insertJob(tx, tenant, at(0), makeJob({ runAt: at(20) }))
  })

  assert.equal(await findOldestDueJob(store.read, at(10)), null)
  assert.equal(await findOldestDueJob(store.read, at(100)), at(20))
})
