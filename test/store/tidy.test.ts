import assert from 'node:assert/strict'
import { createLog } from '../../src/io/log.ts'
import { tidy } from '../../src/jobs/tidy.ts'
import type { Store } from '../../src/store/db.ts'
import { insertAnswer } from '../../src/store/executions.ts'
import { recordChange } from '../../src/store/record.ts'
import { eachDatabase } from '../support/databases.ts'
import { createHandClock, type HandClock } from '../support/stepper.ts'
import { actor, otherTenant, tenant } from './given.ts'

const dayMs = 86_400_000

async function change(store: Store, clock: HandClock, objectId: string, tenantId = tenant): Promise<void> {
  const audit = { action: 'updateIncident', objectType: 'incident', objectId, decision: 'allowed' } as const
  const events = [{ change: 'updated', resource: 'incident', objectId }] as const
  await store.transaction((tx) => recordChange(tx, { at: clock.now(), actor: { ...actor, tenantId }, audit, events }))
}

async function listChanges(store: Store): Promise<string[]> {
  const rows = await store.read.selectFrom('outbox').select('object_id').orderBy('seq').execute()
  return rows.map((row) => row.object_id)
}

eachDatabase('changes older than any delta token go, but for each tenant the newest', async (_, store) => {
  const clock = createHandClock()
  const old = { tenant_id: tenant, at: clock.now(), change: 'updated', resource: 'incident', object_id: 'old' }
  for (let pages = 0; pages < 5; pages++) {
    await store.transaction((tx) => tx.insertInto('outbox').values(Array(500).fill(old)).execute())
  }
  await change(store, clock, 'only', otherTenant)
  clock.tick(2 * dayMs)
  await change(store, clock, 'younger')
  clock.tick(29.5 * dayMs)

  await tidy({ store, clock, log: createLog('fatal') })
  const first = await listChanges(store)
  clock.tick(40 * dayMs)
  await tidy({ store, clock, log: createLog('fatal') })

  assert.deepEqual(first, ['only', 'younger'])
  assert.deepEqual(await listChanges(store), ['only', 'younger'])
})

eachDatabase('a server that is tidied gives no number twice', async (_, store) => {
  const clock = createHandClock()
  await change(store, clock, 'a')
  await change(store, clock, 'b')
  const newest = await store.read.selectFrom('outbox').select('seq').orderBy('seq', 'desc').executeTakeFirstOrThrow()
  clock.tick(100 * dayMs)

  await tidy({ store, clock, log: createLog('fatal') })
  await change(store, clock, 'c')

  const rows = await store.read.selectFrom('outbox').select('seq').orderBy('seq').execute()
  assert.deepEqual(
    rows.map(({ seq }) => seq > newest.seq),
    [false, true],
  )
})

eachDatabase('an answer goes once it is not repeated any more', async (_, store) => {
  const clock = createHandClock()
  const answer = { tenant_id: tenant, caller: 'me', task_id: 'task', status: 204, body: null, created_at: clock.now() }
  const give = (id: string, hours: number): Promise<void> => {
    const expires_at = new Date(clock.nowMs() + hours * 3_600_000).toISOString().replace('Z', '0000Z')
    return store.transaction((tx) => insertAnswer(tx, { ...answer, client_request_id: id, expires_at }))
  }
  await give('past', 1)
  await give('future', 24)
  clock.tick(2 * 3_600_000)

  await tidy({ store, clock, log: createLog('fatal') })

  const rows = await store.read.selectFrom('answers').select('client_request_id').execute()
  assert.deepEqual(rows, [{ client_request_id: 'future' }])
})
