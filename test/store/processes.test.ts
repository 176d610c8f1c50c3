import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { CordonError } from '../../src/model/errors.ts'
import { readSetting } from '../../src/store/access.ts'
import { openStore } from '../../src/store/db.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, makeDatabase, makeStore } from '../support/databases.ts'
import { counted, countedTenant } from './count.ts'

const run = promisify(execFile)

for (const kind of databaseKinds) {
  test(`three processes that make one database and write one row at once lose no update (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const program = join(import.meta.dirname, 'count.ts')

    await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, [program, target, '100'])))

    const store = await openStore(target)
    onEnd(t, () => store.close())
    assert.equal(await readSetting(store.read, countedTenant, counted), '300')
  })

  test(`what one process has committed the next read of another sees (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const store = await openStore(target)
    onEnd(t, () => store.close())
    const program = join(import.meta.dirname, 'count.ts')
    const seen: (string | undefined)[] = []

    for (let round = 0; round < 2; round++) {
      await run(process.execPath, [program, target, '1'])
      seen.push(await readSetting(store.read, countedTenant, counted))
    }

    assert.deepEqual(seen, ['1', '2'])
  })
}

test('on SQLite the read side sees each commit, sees no open transaction, and cannot write', async (t) => {
  const store = await makeStore(t, 'sqlite')
  const row = { tenant_id: 'x', key: 'k', value: 'v' }
  const read = (): Promise<string | undefined> => readSetting(store.read, 'x', 'k')

  const during = await store.transaction(async (tx) => {
    await tx.insertInto('settings').values(row).execute()
    return read()
  })
  const after = await read()
  const write = store.read
    .insertInto('settings')
    .values({ ...row, key: 'other' })
    .execute()

  assert.equal(during, undefined)
  assert.equal(after, 'v')
  await assert.rejects(write, (refused: unknown) => {
    assert.ok(refused instanceof CordonError)
    const { cause } = refused.extras
    // SQLITE_READONLY
    assert.equal(cause instanceof Error && 'errcode' in cause && cause.errcode, 8)
    return true
  })
})
