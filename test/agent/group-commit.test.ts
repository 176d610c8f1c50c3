import assert from 'node:assert/strict'
import { createGroupCommit } from '../../src/agents/group-commit.ts'
import { CordonError } from '../../src/model/errors.ts'
import type { Store } from '../../src/store/db.ts'
import { insertJob } from '../../src/store/jobs.ts'
import { at, makeJob, tenant } from '../store/given.ts'
import { eachDatabase } from '../support/databases.ts'

/** The store, counting what is asked of it. */
function countTransactions(store: Store): Pick<Store, 'transaction'> & { readonly begun: () => number } {
  let begun = 0
  return {
    begun: () => begun,
    transaction: (work) => {
      begun += 1
      return store.transaction(work)
    },
  }
}

const readIds = async (store: Store): Promise<string[]> =>
  (await store.read.selectFrom('jobs').select('id').orderBy('id').execute()).map(({ id }) => id)

eachDatabase(
  'what many agents write at one time shares a commit, and each hears of its own afterwards',
  async (t, store) => {
    const counted = countTransactions(store)
    const together = createGroupCommit(counted)
    const ids = Array.from({ length: 100 }, (_, number) => `job-${String(number).padStart(3, '0')}`)

    const answers = await Promise.all(
      ids.map(async (id) => {
        const answer = await together.run(id, async (tx) => {
          await insertJob(tx, tenant, at(0), makeJob({ id }))
          return id
        })
        // Answered means durable: another connection sees it already.
        assert.ok((await readIds(store)).includes(id))
        return answer
      }),
    )

    assert.deepEqual(answers, ids)
    assert.deepEqual(await readIds(store), ids)
    assert.ok(counted.begun() <= 3, `${counted.begun()} transactions`)
    t.diagnostic(`${ids.length} writes in ${counted.begun()} transactions`)
  },
)

eachDatabase('an agent whose message fails fails alone, and nothing of it is written', async (_t, store) => {
  const together = createGroupCommit(store)
  const write = (id: string): Promise<string> =>
    together.run(id, async (tx) => {
      await insertJob(tx, tenant, at(0), makeJob({ id }))
      if (id === 'c') throw new CordonError('Conflict', 'no')
      return id
    })

  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map(write))

  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(await readIds(store), ['a', 'b', 'd'])
})

eachDatabase('a row that exists already fails its own writer only', async (_t, store) => {
  const together = createGroupCommit(store)
  const insert = (id: string): Promise<void> =>
    together.run(id, async (tx) => {
      await tx
        .insertInto('tenants')
        .values({ id, name: id, domain: null, code: id, mark: 0, created_at: at(0) })
        .execute()
    })

  const outcomes = await Promise.allSettled(['x', 'y', 'x', 'z'].map(insert))

  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
  const tenants = await store.read.selectFrom('tenants').select('id').orderBy('id').execute()
  assert.deepEqual(
    tenants.map(({ id }) => id),
    ['x', 'y', 'z'],
  )
})
