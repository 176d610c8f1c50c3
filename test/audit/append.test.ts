import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import { verifyLog } from '../../src/audit/verify.ts'
import { CordonError } from '../../src/model/errors.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertIncidents, readIncident } from '../../src/store/incidents.ts'
import { type AuditEntry, recordChange } from '../../src/store/record.ts'
import { actor, at, makeIncident, otherTenant, tenant } from '../store/given.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, eachDatabase, makeMigratedDatabase } from '../support/databases.ts'
import { startPostgres } from '../support/postgres.ts'
import { readLog, writeLog } from './given.ts'

const entry = (objectId: string): AuditEntry => ({ action: 'a', objectType: 'thing', objectId, decision: 'allowed' })

function append(store: Store, tenantId: string, objectIds: readonly string[]): Promise<void> {
  const audit = objectIds.map(entry)
  return store.transaction((tx) => recordChange(tx, { at: at(0), actor: { ...actor, tenantId }, audit }))
}

for (const kind of databaseKinds) {
  test(`servers that append at once leave one log without gaps (${kind})`, async (t) => {
    const database = await makeMigratedDatabase(t, kind)
    const stores = [await openStore(database), await openStore(database)]
    for (const store of stores) onEnd(t, () => store.close())

    let next = 0
    // Each of them waits for a few others only: with all at once the last would wait for as many turns as a busy disk takes.
    const work = async (store: Store): Promise<void> => {
      for (let number = next++; number < 60; number = next++) {
        const ids = Array.from({ length: 1 + (number % 3 === 0 ? number % 4 : 0) }, (_, index) => `${number}.${index}`)
        await append(store, number % 5 === 0 ? otherTenant : tenant, ids)
      }
    }

    await Promise.all([...stores, ...stores, ...stores].map(work))

    const [store] = stores
    assert.ok(store)
    const reports = await Promise.all([tenant, otherTenant].map((id) => verifyLog(store.read, id, [])))
    assert.deepEqual(
      reports.map((report) => report.findings),
      [[], []],
    )
    const { rows } = await readLog(store)
    assert.deepEqual(
      rows.map((row) => row.seq),
      rows.map((_, index) => index + 1),
    )
    assert.equal(rows.length + (await readLog(store, otherTenant)).rows.length, 90)
  })
}

eachDatabase('entries of one transaction keep their order, whatever was recorded in between', async (_t, store) => {
  await store.transaction(async (tx) => {
    for (const id of ['1', '2']) {
      await recordChange(tx, { at: at(0), actor, audit: [entry(`a${id}`), entry(`b${id}`)] })
      await recordChange(tx, { at: at(0), actor: { ...actor, tenantId: otherTenant }, audit: entry(`c${id}`) })
    }
  })

  const [own, other] = [await readLog(store), await readLog(store, otherTenant)]
  assert.deepEqual(
    own.rows.map((row) => row.object_id),
    ['a1', 'b1', 'a2', 'b2'],
  )
  assert.deepEqual(
    other.rows.map((row) => row.object_id),
    ['c1', 'c2'],
  )
})

eachDatabase(
  'transactions that append to the same two logs in opposite order do not wait for ever',
  async (_t, store) => {
    let attempts = 0
    const both = (first: string, second: string): Promise<void> =>
      store.transaction(async (tx) => {
        attempts++
        await recordChange(tx, { at: at(0), actor: { ...actor, tenantId: first }, audit: entry('x') })
        await recordChange(tx, { at: at(0), actor: { ...actor, tenantId: second }, audit: entry('y') })
      })

    await Promise.all(
      Array.from({ length: 40 }, (_, number) => (number % 2 ? both(tenant, otherTenant) : both(otherTenant, tenant))),
    )

    assert.equal((await readLog(store)).head?.size, 40)
    // Of two that wait for each other PostgreSQL undoes one, which begins anew.
    assert.equal(attempts, 40)
  },
)

eachDatabase('an entry of any text is read back as it was hashed', async (_t, store) => {
  const odd = [
    '\0',
    '\ud800',
    '\udc00x',
    '\ufffd',
    '\u2028',
    '𝒳\u0301',
    '"\\',
    '\u007f\u0001',
    "'; drop table audit; --",
  ]
  for (const text of odd) {
    const audit = { ...entry(text), reason: text, code: text, details: { [text]: text } }
    await store.transaction((tx) => recordChange(tx, { at: at(0), actor: { ...actor, id: text, name: text }, audit }))
  }

  const report = await verifyLog(store.read, tenant, [])
  assert.deepEqual([report.entries, report.findings], [odd.length, []])
})

eachDatabase('the database refuses to change or take back an entry', async (_t, store) => {
  await writeLog(store, 3)
  const before = await readLog(store)
  const attempts = [
    sql`update audit set reason = 'another' where seq = 2`,
    sql`delete from audit where seq = 3`,
    sql`delete from audit`,
    ...(store.dialect === 'postgres' ? [sql`truncate audit`] : []),
  ]

  for (const attempt of attempts) await assert.rejects(store.transaction((tx) => attempt.execute(tx)))

  assert.deepEqual(await readLog(store), before)
})

/** Makes the database refuse every further entry. */
async function closeLog(store: Store): Promise<void> {
  if (store.dialect === 'sqlite') {
    await store.transaction((tx) =>
      sql`create trigger closed before insert on audit begin select raise(abort, 'closed'); end`.execute(tx),
    )
    return
  }
  await store.transaction(async (tx) => {
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$`.execute(
      tx,
    )
    await sql`create trigger closed before insert on audit for each row execute function refuse()`.execute(tx)
  })
}

eachDatabase('a change whose entry the database refuses is an answer 503 and leaves nothing', async (_t, store) => {
  await writeLog(store, 2)
  await closeLog(store)

  const attempt = store.transaction(async (tx) => {
    await insertIncidents(tx, [makeIncident('7')])
    await recordChange(tx, {
      at: at(0),
      actor,
      audit: entry('7'),
      events: [{ change: 'created', resource: 'incident', objectId: '7' }],
      jobs: [{ id: 'job', kind: 'run-action', payload: {} }],
    })
  })

  await assert.rejects(attempt, (cause) => cause instanceof CordonError && cause.status === 503)
  assert.equal(await readIncident(store.read, tenant, '7'), null)
  for (const table of ['jobs', 'outbox'] as const) {
    assert.deepEqual(await store.read.selectFrom(table).selectAll().execute(), [])
  }
  assert.equal((await readLog(store)).rows.length, 2)
})

test('what was answered is there after PostgreSQL was killed, and the log is whole', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-audit-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const first = await startPostgres(folder)
  const store = await openStore(first.url)
  const answered = new Set<string>()
  let number = 0
  let isOver = false
  const write = async (): Promise<void> => {
    while (!isOver) {
      const id = String(number++)
      await append(store, tenant, [id]).then(
        () => answered.add(id),
        () => {
          isOver = true
        },
      )
    }
  }
  const writers = Promise.all(Array.from({ length: 8 }, write))
  await waitUntil(
    async () => answered.size,
    (count) => count > 200,
  )

  await first.crash()
  await writers
  await store.close()
  const second = await startPostgres(folder, first.port)
  onEnd(t, () => second.stop())
  const again = await openStore(second.url)
  onEnd(t, () => again.close())

  const { rows } = await readLog(again)
  const kept = new Set(rows.map((row) => row.object_id))
  t.diagnostic(`${answered.size} answered, ${kept.size} kept`)
  assert.ok(answered.size > 200)
  assert.deepEqual(
    [...answered].filter((id) => !kept.has(id)),
    [],
  )
  assert.deepEqual((await verifyLog(again.read, tenant, [])).findings, [])
})
