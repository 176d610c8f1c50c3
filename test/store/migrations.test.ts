import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertJob } from '../../src/store/jobs.ts'
import { migrations } from '../../src/store/migrations/list.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, eachDatabase, makeDatabase, makeStore } from '../support/databases.ts'
import { at, makeJob, tenant } from './given.ts'

/** Tables, columns and what may be null, as the database itself tells. SQLite calls a counted key nullable, which it never is. */
async function describe(store: Store): Promise<string[]> {
  const tables = await store.read.introspection.getTables({ withInternalKyselyTables: false })
  return tables
    .flatMap((table) =>
      table.columns.map(({ name, isNullable }) => `${table.name}.${name}${isNullable && name !== 'seq' ? '?' : ''}`),
    )
    .sort()
}

for (const kind of databaseKinds) {
  test(`opening a database again changes neither schema nor content (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const first = await openStore(target)
    await first.transaction((tx) => insertJob(tx, tenant, at(0), makeJob({ id: 'a' })))
    const before = await describe(first)
    await first.close()

    const second = await openStore(target)
    onEnd(t, () => second.close())

    assert.deepEqual(await describe(second), before)
    assert.equal((await second.read.selectFrom('jobs').selectAll().execute()).length, 1)
  })

  test(`of several that open an empty database at once one migrates and all can use it (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)

    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(target)))
    for (const store of stores) onEnd(t, () => store.close())
    const numbers = stores.map((_, index) => String(index))
    await Promise.all(
      stores.map((store, index) =>
        store.transaction((tx) => insertJob(tx, tenant, at(0), makeJob({ id: String(index) }))),
      ),
    )

    const jobs = await stores[0]?.read.selectFrom('jobs').select('id').orderBy('id').execute()
    assert.deepEqual(
      jobs?.map(({ id }) => id),
      numbers,
    )
  })
}

test('both databases get the same tables and columns', async (t) => {
  const [sqlite, postgres] = [await makeStore(t, 'sqlite'), await makeStore(t, 'postgres')]

  // PostgreSQL has an index where SQLite has tables of names.
  const description = (await describe(sqlite)).filter((column) => !/^\w+_names(_parts\w*)?\./.test(column))

  assert.deepEqual(await describe(postgres), description)
  assert.ok(description.includes('incidents.doc') && description.includes('incidents.assigned_to?'))
})

test('every row belongs to a tenant', async (t) => {
  const description = await describe(await makeStore(t, 'sqlite'))
  const tables = new Set(description.map((column) => column.split('.')[0] ?? ''))
  const withoutTenant = [...tables].filter(
    (table) => !description.includes(`${table}.tenant_id`) && !/_parts/.test(table),
  )

  // The tenants themselves, and number ranges that span them. The index of the parts of names belongs to its names, which are a tenant's.
  assert.deepEqual(withoutTenant.sort(), ['counters', 'tenants'])
})

test('migrations are listed in the order of their numbers', () => {
  const names = Object.keys(migrations)

  assert.deepEqual(names, [...names].sort())
  for (const [index, name] of names.entries()) assert.ok(name.startsWith(String(index + 1).padStart(4, '0')), name)
})

eachDatabase('text sorts and compares by code point, whatever the language of the database', async (_t, store) => {
  const keys = ['a', 'B', 'ä', 'Z', '_', '10', '9', 'é', 'e']
  await store.transaction(async (tx) => {
    await tx
      .insertInto('settings')
      .values(keys.map((key) => ({ tenant_id: tenant, key, value: '' })))
      .execute()
  })

  const sorted = await store.read.selectFrom('settings').select('key').orderBy('key').execute()
  const above = await store.read.selectFrom('settings').select('key').where('key', '>', 'Z').execute()

  assert.deepEqual(
    sorted.map(({ key }) => key),
    ['10', '9', 'B', 'Z', '_', 'a', 'e', 'ä', 'é'],
  )
  assert.equal(above.length, 5)
})
