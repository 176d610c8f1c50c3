import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Store } from '../../src/store/db.ts'
import { insertIncidents, readIncident } from '../../src/store/incidents.ts'
import { type Actor, type Recorded, recordChange } from '../../src/store/record.ts'
import { eachDatabase } from '../support/databases.ts'
import { actor, at, makeIncident, makeJob, readJobs, tenant } from './given.ts'

const change: Recorded = {
  at: at(0),
  actor,
  audit: {
    action: 'updateIncident',
    objectType: 'incident',
    objectId: '7',
    decision: 'allowed',
    before: { name: 'Erika Musterfrau' },
    after: 'text',
    details: { status: { from: 'active', to: 'resolved' } },
  },
  events: [{ change: 'updated', resource: 'incident', objectId: '7' }],
  jobs: [makeJob({ id: 'job-1', payload: { incidentId: '7' } })],
}

interface Traces {
  readonly incident: boolean
  readonly audit: number
  readonly events: number
  readonly jobs: number
}

async function readTraces(store: Store): Promise<Traces> {
  const count = async (table: 'audit' | 'outbox'): Promise<number> =>
    (await store.read.selectFrom(table).select('seq').execute()).length
  return {
    incident: (await readIncident(store.read, tenant, '7')) !== null,
    audit: await count('audit'),
    events: await count('outbox'),
    jobs: (await readJobs(store.read)).length,
  }
}

const nothing: Traces = { incident: false, audit: 0, events: 0, jobs: 0 }

eachDatabase('a change, its audit entry, its event and its job are committed together', async (_t, store) => {
  await store.transaction(async (tx) => {
    await insertIncidents(tx, [makeIncident('7')])
    await recordChange(tx, change)
  })

  assert.deepEqual(await readTraces(store), { incident: true, audit: 1, events: 1, jobs: 1 })
})

eachDatabase('when the audit entry cannot be written, nothing is', async (_t, store) => {
  // What no type lets through, the database refuses: an audit entry without a name.
  const nameless = { ...actor, name: null } as unknown as Actor

  const attempt = store.transaction(async (tx) => {
    await insertIncidents(tx, [makeIncident('7')])
    await recordChange(tx, { ...change, actor: nameless })
  })

  await assert.rejects(attempt)
  assert.deepEqual(await readTraces(store), nothing)
})

eachDatabase('when the job cannot be written, nothing is', async (_t, store) => {
  const attempt = store.transaction(async (tx) => {
    await insertIncidents(tx, [makeIncident('7')])
    await recordChange(tx, { ...change, jobs: [{ ...makeJob(), kind: null as unknown as string }] })
  })

  await assert.rejects(attempt)
  assert.deepEqual(await readTraces(store), nothing)
})

eachDatabase('what fails after it was recorded leaves no trace and wakes nobody', async (t, store) => {
  let woken = 0
  t.after(store.onJobs(() => woken++))

  const attempt = store.transaction(async (tx) => {
    await recordChange(tx, change)
    throw new TypeError('a defect')
  })

  await assert.rejects(attempt, TypeError)
  assert.deepEqual(await readTraces(store), nothing)
  assert.equal(woken, 0)
})

eachDatabase('the worker is woken after the commit, when the job can be seen', async (t, store) => {
  const seen: Promise<number>[] = []
  t.after(store.onJobs(() => seen.push(readJobs(store.read).then((jobs) => jobs.length))))

  await store.transaction((tx) => recordChange(tx, change))
  await store.transaction((tx) => recordChange(tx, { ...change, jobs: [] }))

  assert.deepEqual(await Promise.all(seen), [1])
})

eachDatabase('the audit entry keeps digests of before and after, never their content', async (_t, store) => {
  await store.transaction((tx) => recordChange(tx, change))

  const entry = await store.read.selectFrom('audit').selectAll().executeTakeFirstOrThrow()

  const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
  assert.equal(entry.before_digest, digest('{"name":"Erika Musterfrau"}'))
  assert.equal(entry.after_digest, digest('text'))
  assert.deepEqual(JSON.parse(entry.details ?? ''), { status: { from: 'active', to: 'resolved' } })
  assert.ok(!JSON.stringify(entry).includes('Erika'))
})

eachDatabase('the audit entry names the request of its actor', async (_t, store) => {
  const caller = { ...actor, requestId: 'request-1', clientRequestId: 'client-1' }

  await store.transaction((tx) => recordChange(tx, { ...change, actor: caller }))

  const entry = await store.read.selectFrom('audit').selectAll().executeTakeFirstOrThrow()
  assert.equal(entry.request_id, 'request-1')
  assert.equal(entry.client_request_id, 'client-1')
})

eachDatabase('one change with thousands of events and entries is written whole and in order', async (_t, store) => {
  const numbers = Array.from({ length: 1_203 }, (_, index) => String(index))

  await store.transaction((tx) =>
    recordChange(tx, {
      ...change,
      audit: numbers.map((id) => ({ action: 'a', objectType: 'alert', objectId: id, decision: 'allowed' })),
      events: numbers.map((id) => ({ change: 'created', resource: 'alert', objectId: id })),
    }),
  )

  const events = await store.read.selectFrom('outbox').select('object_id').orderBy('seq').execute()
  const entries = await store.read.selectFrom('audit').select('object_id').orderBy('seq').execute()
  assert.deepEqual(
    events.map((row) => row.object_id),
    numbers,
  )
  assert.deepEqual(
    entries.map((row) => row.object_id),
    numbers,
  )
})
