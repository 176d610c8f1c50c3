import assert from 'node:assert/strict'
import { executionStates, isLive } from '../../src/model/execution-state.ts'
import { isDuplicateKey, type Store } from '../../src/store/db.ts'
import {
  insertAnswer,
  insertExecution,
  readAnswer,
  readExecution,
  readExecutionForUpdate,
  readExecutionsOfTask,
  readLiveOnTarget,
  writeExecution,
} from '../../src/store/executions.ts'
import type { AnswerRow } from '../../src/store/schema-respond.ts'
import { eachDatabase } from '../support/databases.ts'
import { at, makeExecution, otherTenant, tenant } from './given.ts'

async function race(store: Store, count: number, from: number): Promise<PromiseSettledResult<void>[]> {
  return Promise.allSettled(
    Array.from({ length: count }, (_, index) =>
      store.transaction((tx) => insertExecution(tx, makeExecution(`e${from + index}`, 'task'))),
    ),
  )
}

eachDatabase(
  'of 50 executions inserted at once for one task exactly one lives, the others are refused',
  async (_t, store) => {
    const results = await race(store, 50, 0)

    const refused = results.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 49)
    for (const { reason } of refused) assert.ok(isDuplicateKey(reason), String(reason))
    assert.equal((await readExecutionsOfTask(store.read, tenant, 'task')).length, 1)
  },
)

eachDatabase('an execution may begin when the one before has ended, and again only one', async (_t, store) => {
  await race(store, 5, 0)
  const [first] = await readExecutionsOfTask(store.read, tenant, 'task')
  assert.ok(first)
  await store.transaction((tx) => writeExecution(tx, { ...first, state: 'failed', finishedAt: at(1) }))

  const results = await race(store, 20, 100)

  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
  assert.equal((await readExecutionsOfTask(store.read, tenant, 'task')).length, 2)
})

eachDatabase('an ended execution never comes back to life beside a newer one', async (_t, store) => {
  const ended = makeExecution('old', 'task', { state: 'failed' })
  await store.transaction(async (tx) => {
    await insertExecution(tx, ended)
    await insertExecution(tx, makeExecution('new', 'task'))
  })

  const attempt = store.transaction((tx) => writeExecution(tx, { ...ended, state: 'running' }))

  await assert.rejects(attempt, (error: unknown) => isDuplicateKey(error))
})

eachDatabase('executions of other tasks and other tenants do not stand in the way', async (_t, store) => {
  await store.transaction(async (tx) => {
    await insertExecution(tx, makeExecution('a', 'task'))
    await insertExecution(tx, makeExecution('b', 'another task'))
    await insertExecution(tx, makeExecution('c', 'task', { tenantId: otherTenant }))
  })

  assert.equal((await readExecutionsOfTask(store.read, tenant, 'task')).length, 1)
})

eachDatabase('exactly the states without an outcome count as live', async (_t, store) => {
  await store.transaction(async (tx) => {
    for (const state of executionStates) await insertExecution(tx, makeExecution(state, state, { state }))
  })

  const rows = await store.read.selectFrom('executions').select(['state', 'live']).execute()

  assert.equal(rows.length, executionStates.length)
  for (const row of rows)
    assert.equal(row.live === 1, isLive(makeExecution('', '', { state: row.state as 'queued' }).state), row.state)
})

eachDatabase('an execution comes back as it was written, for its own tenant only', async (_t, store) => {
  const execution = makeExecution('e1', 'task', {
    kind: 'undo',
    undoes: 'e0',
    reasonCode: 'Unverified',
    reason: 'no proof',
    clientRequestId: 'c1',
    handle: 'h1',
    result: { changed: true, before: { a: [1] }, after: null, proof: null },
    epoch: 3,
    startedAt: at(1),
  })
  await store.transaction((tx) => insertExecution(tx, execution))

  const held = await store.transaction((tx) => readExecutionForUpdate(tx, tenant, 'e1'))
  const changed = { ...execution, state: 'succeeded', connector: null, finishedAt: at(2) } as const
  await store.transaction((tx) => writeExecution(tx, changed))

  assert.deepEqual(held, execution)
  assert.deepEqual(await readExecution(store.read, tenant, 'e1'), changed)
  assert.equal(await readExecution(store.read, otherTenant, 'e1'), null)
})

eachDatabase('the executions of a task come newest first', async (_t, store) => {
  await store.transaction(async (tx) => {
    await insertExecution(tx, makeExecution('a', 'task', { requestedAt: at(2), state: 'failed' }))
    await insertExecution(tx, makeExecution('c', 'task', { requestedAt: at(3), state: 'failed' }))
    await insertExecution(tx, makeExecution('b', 'task', { requestedAt: at(3), state: 'queued' }))
  })

  const listed = await readExecutionsOfTask(store.read, tenant, 'task')

  assert.deepEqual(
    listed.map(({ id }) => id),
    ['c', 'b', 'a'],
  )
})

eachDatabase('those that live on one target take turns in the order they were requested', async (_t, store) => {
  const target = makeExecution('', 'x').target
  const on = (id: string, changes: Parameters<typeof makeExecution>[2]): Promise<void> =>
    store.transaction((tx) => insertExecution(tx, makeExecution(id, id, { target, ...changes })))
  await on('third', { requestedAt: at(3) })
  await on('first', { requestedAt: at(1), state: 'running' })
  await on('second', { requestedAt: at(2), state: 'unknown' })
  await on('ended', { requestedAt: at(0), state: 'succeeded' })
  await on('other family', { requestedAt: at(0), family: 'file' })
  await on('other target', { requestedAt: at(0), target: { ...target, key: 'device:y' } })
  await on('other tenant', { requestedAt: at(0), tenantId: otherTenant })

  const live = await readLiveOnTarget(store.read, tenant, target.key, 'isolation')

  assert.deepEqual(
    live.map(({ id }) => id),
    ['first', 'second', 'third'],
  )
})

const answer: AnswerRow = {
  tenant_id: tenant,
  caller: 'app',
  client_request_id: 'c1',
  task_id: 't1',
  status: 204,
  body: null,
  created_at: at(0),
  expires_at: at(60),
}

eachDatabase('a stored answer is found by its caller until it expires', async (_t, store) => {
  await store.transaction((tx) => insertAnswer(tx, answer))

  assert.deepEqual({ ...(await readAnswer(store.read, tenant, 'app', 'c1', at(59))) }, answer)
  assert.equal(await readAnswer(store.read, tenant, 'app', 'c1', at(60)), null)
  assert.equal(await readAnswer(store.read, tenant, 'another app', 'c1', at(1)), null)
  assert.equal(await readAnswer(store.read, otherTenant, 'app', 'c1', at(1)), null)
})

eachDatabase('an expired answer gives way to the next one under its id', async (_t, store) => {
  await store.transaction((tx) => insertAnswer(tx, answer))
  const next = { ...answer, status: 400, body: '{}', created_at: at(90), expires_at: at(150) }

  await store.transaction((tx) => insertAnswer(tx, next))

  assert.deepEqual({ ...(await readAnswer(store.read, tenant, 'app', 'c1', at(100))) }, next)
})
