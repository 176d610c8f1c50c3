import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import { CordonError } from '../../src/model/errors.ts'
import { countIncidents } from '../../src/store/counts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertIncidents } from '../../src/store/incidents.ts'
import { findIncident, pageIncidents } from '../../src/store/pages.ts'
import { openScanner, type Scanner } from '../../src/store/scanner.ts'
import { incidents, query } from '../odata/given.ts'
import { onEnd } from '../support/cleanup.ts'
import { makeDatabase } from '../support/databases.ts'
import { makeIncident, tenant } from './given.ts'

const nothing = "contains(description,'no incident is described so')"

async function openFilled(t: TestContext, rows: number): Promise<{ store: Store; path: string }> {
  const path = await makeDatabase(t, 'sqlite')
  const store = await openStore(path)
  onEnd(t, () => store.close())
  for (let start = 1; start <= rows; start += 1_000) {
    const ids = Array.from({ length: Math.min(1_000, rows - start + 1) }, (_, at) => String(start + at))
    await store.transaction((tx) =>
      insertIncidents(
        tx,
        ids.map((id) => makeIncident(id, 'active', tenant)),
      ),
    )
  }
  return { store, path }
}

/** A SELECT that takes as long as it is let. */
const endless = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers)
  select count(*) as amount from numbers where cordon_in_time(n)`

function openFor(t: TestContext, path: string, limits: { patienceMs: number; waiting: number }): Scanner {
  const scanner = openScanner(path, (cause) => cause, limits)
  onEnd(t, () => scanner.close())
  return scanner
}

function isUnavailable(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof CordonError && error.status === 503 && words.test(error.message)
}

test('what reads a whole table keeps no look-up by key waiting', async (t) => {
  const { store } = await openFilled(t, 20_000)
  const bound = boundQuery(query(`$filter=${nothing}`, incidents), null)
  const order: string[] = []
  // The thread starts with the first question.
  await pageIncidents(store, tenant, bound)

  const scan = pageIncidents(store, tenant, bound).then(({ rows }) => order.push(`scan found ${rows.length}`))
  const count = countIncidents(store, tenant, bound.filter).then((amount) => order.push(`count found ${amount}`))
  for (let times = 0; times < 5; times++) await findIncident(store.read, tenant, 1)
  order.push('looked up')
  await Promise.all([scan, count])

  assert.deepEqual(order, ['looked up', 'scan found 0', 'count found 0'])
})

test('a question that takes too long is refused with advice, and the next one is answered', async (t) => {
  const scanner = openFor(t, await makeDatabase(t, 'sqlite'), { patienceMs: 150, waiting: 4 })
  const late = isUnavailable(/takes longer than 0.15 s.*createdDateTime/)

  const [first, behind] = await Promise.allSettled([scanner.scan(endless, []), scanner.scan(endless, [])])

  assert.ok(first?.status === 'rejected' && late(first.reason))
  assert.ok(behind?.status === 'rejected' && late(behind.reason), 'waiting counts')
  assert.deepEqual({ ...Object((await scanner.scan('select ? as amount', [3]))[0]) }, { amount: 3 })
})

test('of too many questions the last is refused at once', async (t) => {
  const scanner = openFor(t, await makeDatabase(t, 'sqlite'), { patienceMs: 300, waiting: 2 })

  const asked = [scanner.scan(endless, []), scanner.scan(endless, []), scanner.scan('select 1', [])]

  await assert.rejects(asked[2] ?? Promise.resolve(), isUnavailable(/2 questions .* wait already/))
  const ended = await Promise.allSettled(asked)
  assert.deepEqual(
    ended.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
})

test('a store that is closed ends the question under way', async (t) => {
  const scanner = openFor(t, await makeDatabase(t, 'sqlite'), { patienceMs: 60_000, waiting: 2 })
  const asked = scanner.scan(endless, [])

  await Promise.all([assert.rejects(asked, /the store is closed/), scanner.close()])
})

test('a closed store leaves everything in its file and no WAL', async (t) => {
  const { store, path } = await openFilled(t, 10)
  await sql`select 1`.execute(store.read)

  await store.close()

  assert.equal(existsSync(`${path}-wal`), false)
})
