import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import { valueTypeOf } from '../../src/api/odata/resource.ts'
import type { Store } from '../../src/store/db.ts'
import { compileFilter, selectPage } from '../../src/store/query.ts'
import { eachDatabase } from '../support/databases.ts'
import { fc } from '../support/fast-check.ts'
import { testSeed as seed } from '../support/seed.ts'
import { keepsRow, type Row, sortRows } from './evaluate.ts'
import { filter, plain, query, revealing } from './given.ts'
import { joinConditions, listConditions, listRevealedConditions } from './whole-filters.ts'
import { type Collection, collections, listNames, makeRows, tenant } from './whole-model.ts'

/** Stores random rows of a collection. */
async function giveRows(store: Store, collection: Collection, count: number): Promise<Row[]> {
  const rows = makeRows(collection, count, seed)
  await store.transaction(async (tx) => {
    for (const row of rows) await collection.insert(tx, row)
  })
  return rows
}

function idsOf(rows: readonly { id: unknown }[]): string[] {
  return rows.map(({ id }) => String(id)).sort()
}

/** The database must keep the rows that the words of the standard keep. */
async function assertKept(
  store: Store,
  collection: Collection,
  rows: readonly Row[],
  text: string,
  prefer: typeof plain = plain,
): Promise<void> {
  const bound = filter(text, collection.resource, prefer)
  assert.ok(bound)
  const source = { dialect: store.dialect, map: collection.map(store.dialect) }
  const start = store.read.selectFrom(collection.table).select('id').where('tenant_id', '=', tenant)
  const found = await start.where(compileFilter(source, bound)).execute()
  const expected = rows
    .filter((row) => keepsRow(bound, row, collection.traits))
    .map(({ scalars }) => ({ id: scalars.id }))
  assert.deepEqual(idsOf(found), idsOf(expected), `rows of seed ${seed}: ${text}`)
}

for (const collection of collections) {
  const { table, resource } = collection
  suite(`everything a query on ${table} can say`, () => {
    const conditions = listConditions(collection)

    eachDatabase(`${conditions.length} conditions, each operator and function on each name`, async (_, store) => {
      const rows = await giveRows(store, collection, 40)
      for (const text of conditions) await assertKept(store, collection, rows, text)
    })

    eachDatabase('every member of every enum, for a caller who sees hidden ones', async (_, store) => {
      const rows = await giveRows(store, collection, 40)
      for (const text of listRevealedConditions(collection)) {
        await assertKept(store, collection, rows, text, revealing)
      }
    })

    eachDatabase('conditions joined, negated and nested', async (_, store) => {
      const rows = await giveRows(store, collection, 40)
      await fc.assert(
        fc.asyncProperty(joinConditions(conditions), (text) => assertKept(store, collection, rows, text)),
        { numRuns: 150 },
      )
    })

    eachDatabase('the order by each single value, both ways, and by two', async (_, store) => {
      const rows = await giveRows(store, collection, 40)
      const sortable = listNames(collection).filter(({ property }) => valueTypeOf(property) !== null)
      const names = sortable.map(({ path }) => path)
      const orders = names.flatMap((name, at) => [
        name,
        `${name} desc`,
        `${name} desc,${names[(at + 5) % names.length]}`,
      ])
      for (const order of orders) {
        const request = query(`$orderby=${order.replaceAll(' ', '%20')}&$top=50`, resource)
        const source = { dialect: store.dialect, map: collection.map(store.dialect) }
        const start = store.read.selectFrom(table).select(`${table}.id`).where(`${table}.tenant_id`, '=', tenant)

        const found = await selectPage(start, source, boundQuery(request, null)).execute()

        const expected = sortRows(rows, request.orderBy, collection.traits).map(({ scalars }) => String(scalars.id))
        assert.deepEqual(
          found.map(({ id }) => String(id)),
          expected,
          `rows of seed ${seed}: ${order}`,
        )
      }
    })
  })
}

test('the conditions hold every operator, function, quantifier and kind of literal that is offered', () => {
  const all = collections.flatMap(listConditions)
  const words = [
    ...[
      ' eq ',
      ' ne ',
      ' gt ',
      ' ge ',
      ' lt ',
      ' le ',
      ' in (',
      'not ',
      ' and ',
      ' or ',
      '/any(',
      '/all(',
      '/any()',
      '/$count',
    ],
    ...['contains(', 'startswith(', 'endswith(', 'tolower(', 'toupper(', 'trim(', 'length(', ' null', "alertSeverity'"],
  ]

  for (const word of words)
    assert.ok(
      all.some((text) => text.includes(word)),
      word,
    )
  assert.ok(all.length > 3_000, String(all.length))
})
