import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { CordonError } from '../../src/model/errors.ts'
import { readSetting } from '../../src/store/access.ts'
import { classifyFailure, isDuplicateKey, openStore, type Store, type Tx } from '../../src/store/db.ts'
import { eachDatabase, makeDatabase, makeMigratedDatabase, makeStore } from '../support/databases.ts'
import { startPostgres } from '../support/postgres.ts'
import { tenant } from './given.ts'

function put(tx: Tx, key: string, value: string): Promise<unknown> {
  return tx.insertInto('settings').values({ tenant_id: tenant, key, value }).execute()
}

/** The error with which a database refuses a transaction that may simply run again. */
function conflictOf(store: Store): Error {
  const code = store.dialect === 'sqlite' ? { errcode: 5 } : { code: '40001' }
  return Object.assign(new Error('conflict'), code)
}

eachDatabase('a transaction that meets a conflict is rolled back and run again', async (_t, store) => {
  let attempts = 0

  const result = await store.transaction(async (tx) => {
    attempts++
    await put(tx, 'attempt', String(attempts))
    if (attempts < 3) throw conflictOf(store)
    return 'done'
  })

  assert.equal(result, 'done')
  assert.equal(attempts, 3)
  assert.equal(await readSetting(store.read, tenant, 'attempt'), '3')
})

test('a conflict that does not end within ten seconds is an answer 503, and nothing is written', async (t) => {
  const store = await makeStore(t, 'sqlite')
  let attempts = 0

  const attempt = store.transaction(async (tx) => {
    attempts++
    await put(tx, 'attempt', String(attempts))
    throw conflictOf(store)
  })

  await assert.rejects(attempt, (error: unknown) => {
    assert.ok(error instanceof CordonError)
    assert.equal(error.status, 503)
    assert.equal(error.extras.retryAfterSeconds, 5)
    return true
  })
  assert.ok(attempts > 50, `tried ${attempts} times only`)
  assert.equal(await readSetting(store.read, tenant, 'attempt'), undefined)
})

eachDatabase('a refusal ends the transaction at once and goes to the caller as it is', async (_t, store) => {
  const refusal = new CordonError('Conflict', 'not now')
  let attempts = 0

  const attempt = store.transaction(async (tx) => {
    attempts++
    await put(tx, 'attempt', 'x')
    throw refusal
  })

  await assert.rejects(attempt, (error: unknown) => error === refusal)
  assert.equal(attempts, 1)
  assert.equal(await readSetting(store.read, tenant, 'attempt'), undefined)
})

eachDatabase('a second row with the same key is told from every other failure', async (_t, store) => {
  await store.transaction((tx) => put(tx, 'once', '1'))

  const again = (): Promise<unknown> => store.transaction((tx) => put(tx, 'once', '2'))
  const incomplete = (): Promise<unknown> => store.transaction((tx) => put(tx, 'twice', null as unknown as string))

  await assert.rejects(again, (error: unknown) => isDuplicateKey(error))
  await assert.rejects(incomplete, (error: unknown) => !isDuplicateKey(error))
})

eachDatabase('transactions that read and write the same row lose no update', async (_t, store) => {
  await store.transaction((tx) => put(tx, 'count', '0'))

  await Promise.all(
    Array.from({ length: 20 }, () =>
      store.transaction(async (tx) => {
        // What holdRows does for the entities: the row stays ours until the end.
        const query = tx.selectFrom('settings').select('value').where('key', '=', 'count')
        const held = store.dialect === 'postgres' ? query.forUpdate() : query
        const { value } = await held.executeTakeFirstOrThrow()
        await tx
          .updateTable('settings')
          .set({ value: String(Number(value) + 1) })
          .where('key', '=', 'count')
          .execute()
      }),
    ),
  )

  assert.equal(await readSetting(store.read, tenant, 'count'), '20')
})

test('of two PostgreSQL transactions in a deadlock the loser runs again and both are written', async (t) => {
  const store = await openStore(await makeMigratedDatabase(t, 'postgres'))
  t.after(() => store.close())
  await store.transaction(async (tx) => {
    await put(tx, 'a', '')
    await put(tx, 'b', '')
  })
  let attempts = 0
  const both = Promise.withResolvers<void>()
  const append = (tx: Tx, key: string, letter: string): Promise<unknown> =>
    tx
      .updateTable('settings')
      .set((eb) => ({ value: sql`${eb.ref('value')} || ${letter}` }))
      .where('key', '=', key)
      .execute()
  const crossed = (first: string, second: string, letter: string): Promise<void> =>
    store.transaction(async (tx) => {
      await append(tx, first, letter)
      if (++attempts === 2) both.resolve()
      await both.promise
      await append(tx, second, letter)
    })

  await Promise.all([crossed('a', 'b', 'x'), crossed('b', 'a', 'y')])

  const values = [await readSetting(store.read, tenant, 'a'), await readSetting(store.read, tenant, 'b')]
  assert.deepEqual(
    values.map((value) => [...(value ?? '')].sort().join('')),
    ['xy', 'xy'],
  )
  assert.ok(attempts >= 3)
})

test('a full SQLite disk is an answer 503, and the database goes on when there is room again', async (t) => {
  const store = await openStore(await makeMigratedDatabase(t, 'sqlite'))
  t.after(() => store.close())
  const limit = (pages: number): Promise<unknown> =>
    store.transaction((tx) => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(tx))
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(store.read)
  await limit(rows[0]?.page_count ?? 0)

  const attempt = store.transaction((tx) => put(tx, 'big', 'x'.repeat(100_000)))

  await assert.rejects(attempt, (error: unknown) => error instanceof CordonError && error.status === 503)
  assert.equal(await readSetting(store.read, tenant, 'big'), undefined)
  await limit(1_000_000)
  await store.transaction((tx) => put(tx, 'big', 'fits'))
  assert.equal(await readSetting(store.read, tenant, 'big'), 'fits')
})

test('a PostgreSQL connection that an administrator ends is an answer 503, and the next one is new', async (t) => {
  const store = await openStore(await makeMigratedDatabase(t, 'postgres'))
  t.after(() => store.close())

  const attempt = store.transaction(async (tx) => {
    await put(tx, 'broken', 'x')
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)
  })

  await assert.rejects(attempt, (error: unknown) => error instanceof CordonError && error.status === 503)
  assert.equal(await readSetting(store.read, tenant, 'broken'), undefined)
  await store.transaction((tx) => put(tx, 'broken', 'no more'))
})

test('who stands still inside a PostgreSQL transaction loses it before the others have waited in vain', async (t) => {
  const url = await makeDatabase(t, 'postgres')
  const [suspended, other] = await Promise.all([openStore(url), openStore(url)])
  t.after(() => Promise.all([suspended.close(), other.close()]))
  await other.transaction((tx) => put(tx, 'owner', 'nobody'))
  const write = (tx: Tx, value: string): Promise<unknown> =>
    tx.updateTable('settings').set({ value }).where('key', '=', 'owner').execute()
  const holds = Promise.withResolvers<void>()
  const goesOn = Promise.withResolvers<void>()
  const attempt = suspended.transaction(async (tx) => {
    await write(tx, 'suspended')
    holds.resolve()
    await goesOn.promise
    await write(tx, 'suspended again')
  })
  await holds.promise

  await other.transaction((tx) => write(tx, 'other'))
  goesOn.resolve()

  await assert.rejects(attempt, (error: unknown) => error instanceof CordonError && error.status === 503)
  assert.equal(await readSetting(other.read, tenant, 'owner'), 'other')
})

test('a PostgreSQL connection that is cut inside a transaction is an answer 503', async (t) => {
  const cluster = await startPostgres()
  t.after(() => cluster.stop())
  const store = await openStore(cluster.url)
  t.after(() => store.close())

  const attempt = store.transaction(async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
    // As by a power cut there: no farewell message reaches us.
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
    await put(tx, 'a', 'x')
  })

  await assert.rejects(attempt, (error: unknown) => error instanceof CordonError && error.status === 503)
})

test('a PostgreSQL that is gone is an answer 503', async (t) => {
  const cluster = await startPostgres()
  t.after(() => cluster.stop())
  const store = await openStore(cluster.url)
  t.after(() => store.close())
  await cluster.stop()

  const attempt = store.transaction((tx) => put(tx, 'a', 'x'))

  await assert.rejects(attempt, (error: unknown) => error instanceof CordonError && error.status === 503)
})

const failures: readonly (readonly [cause: unknown, expected: ReturnType<typeof classifyFailure>])[] = [
  [{ errcode: 5 }, 'conflict'],
  [{ errcode: 5 | (2 << 8) }, 'conflict'],
  [{ errcode: 6 }, 'conflict'],
  [{ errcode: 13 }, 'unavailable'],
  [{ errcode: 10 | (3 << 8) }, 'unavailable'],
  [{ errcode: 19 }, 'other'],
  [{ code: '40001' }, 'conflict'],
  [{ code: '40P01' }, 'conflict'],
  [{ code: '53100' }, 'unavailable'],
  [{ code: '57P01' }, 'unavailable'],
  [{ code: 'ECONNREFUSED' }, 'unavailable'],
  [{ code: '23505' }, 'other'],
  [new TypeError('a defect'), 'other'],
  [null, 'other'],
]

for (const [cause, expected] of failures) {
  test(`the failure ${JSON.stringify(cause)} counts as ${expected}`, () => {
    assert.equal(classifyFailure(cause), expected)
  })
}
