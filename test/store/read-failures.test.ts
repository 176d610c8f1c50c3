import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { sql } from 'kysely'
import { CordonError } from '../../src/model/errors.ts'
import { readSetting } from '../../src/store/access.ts'
import { openStore } from '../../src/store/db.ts'
import { findIncident } from '../../src/store/pages.ts'
import { onEnd } from '../support/cleanup.ts'
import { eachDatabase, makeMigratedDatabase } from '../support/databases.ts'
import { startPostgres } from '../support/postgres.ts'
import { tenant } from './given.ts'

function isUnavailable(error: unknown): boolean {
  return error instanceof CordonError && error.status === 503 && (error.extras.retryAfterSeconds ?? 0) > 0
}

test('a read from a PostgreSQL that is gone is an answer 503', async (t) => {
  const cluster = await startPostgres()
  onEnd(t, () => cluster.stop())
  const store = await openStore(cluster.url)
  onEnd(t, () => store.close())
  assert.equal(await findIncident(store.read, tenant, 1), null)
  await cluster.stop()

  // The first finds its connection closed, the second gets none.
  await assert.rejects(findIncident(store.read, tenant, 1), isUnavailable)
  await assert.rejects(store.read.selectFrom('incidents').select('id').execute(), isUnavailable)
})

test('a read from a connection that an administrator ends is an answer 503, and the next one is new', async (t) => {
  const store = await openStore(await makeMigratedDatabase(t, 'postgres'))
  onEnd(t, () => store.close())

  const attempt = sql`select pg_terminate_backend(pg_backend_pid())`.execute(store.read)

  await assert.rejects(attempt, isUnavailable)
  assert.equal(await findIncident(store.read, tenant, 1), null)
})

test('a read from a damaged file is an answer 503', async (t) => {
  const path = await makeMigratedDatabase(t, 'sqlite')
  const store = await openStore(path)
  onEnd(t, () => store.close())
  // The schema is known from here on; the pages of other tables are not.
  assert.equal(await readSetting(store.read, tenant, 'any'), undefined)

  damageFile(path)

  await assert.rejects(findIncident(store.read, tenant, 1), isUnavailable)
  await assert.rejects(store.read.selectFrom('alerts').select('id').execute(), isUnavailable)
})

eachDatabase('a read that is wrong in itself stays what it is', async (_, store) => {
  const attempt = sql`select nothing from nowhere`.execute(store.read)

  await assert.rejects(attempt, (error: unknown) => error instanceof Error && !(error instanceof CordonError))
})

eachDatabase('a store that was only read from can be closed', async (_, store) => {
  assert.equal(await findIncident(store.read, tenant, 1), null)

  await store.close()
})

function damageFile(path: string): void {
  const connection = new DatabaseSync(path)
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  connection.close()
  const file = openSync(path, 'r+')
  const page = Buffer.alloc(4_096, 0xa5)
  for (let at = 0; at < fstatSync(file).size; at += page.length) writeSync(file, page, 0, page.length, at)
  closeSync(file)
}
