import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openBulkLoad } from '../../bench/scale/bulk-load.ts'
import { scaleCases } from '../../bench/scale/cases.ts'
import { isWithin, renderScaleJson, renderScaleTable, type ScaleReport } from '../../bench/scale/report.ts'
import { makeSeedRows, type SeedRows, seededTables } from '../../bench/scale/rows.ts'
import { countAlerts, countIncidents, countTasks } from '../../src/store/counts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { findIncident } from '../../src/store/pages.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, makeDatabase } from '../support/databases.ts'

const plan = { tenantId: 'tenant', otherTenantId: 'other', incidents: 210 }

function allRows(): SeedRows {
  const [rows] = [...makeSeedRows(plan, 1_000)]
  assert.ok(rows)
  return rows
}

/** Every index as it was made, and what the planner is told of them. */
async function describeIndexes(store: Store): Promise<unknown> {
  if (store.dialect === 'postgres') {
    return (await sql`select indexdef from pg_indexes where schemaname = 'public' order by 1`.execute(store.read)).rows
  }
  const made = await sql`select sql from sqlite_master where type = 'index' order by name`.execute(store.read)
  const assumed = await sql`select tbl, idx, stat from sqlite_stat1 order by 1, 2`.execute(store.read)
  assert.ok(assumed.rows.length > 10)
  return [made.rows, assumed.rows]
}

for (const kind of databaseKinds) {
  test(`a bulk load leaves the rows as they are, counted and with every index (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const store = await openStore(target)
    onEnd(t, () => store.close())
    const before = await describeIndexes(store)
    const rows = allRows()
    const [odd] = rows.incidents
    assert.ok(odd)
    const text = 'tab\t, line\n, return\r, back\\slash, \\N and \\.'
    const load = await openBulkLoad(target)
    onEnd(t, () => load.close())

    await load.write('incidents', [{ ...odd, display_name: text }, ...rows.incidents.slice(1)])
    for (const table of seededTables.slice(1)) await load.write(table, rows[table])
    await load.finish()

    assert.deepEqual(await describeIndexes(store), before)
    assert.equal(await countIncidents(store, 'tenant', null), 210)
    assert.equal(await countIncidents(store, 'other', null), 10)
    assert.equal(await countAlerts(store, 'tenant', null, null), 630)
    assert.equal(await countTasks(store, 'tenant', null), 42)
    assert.equal((await findIncident(store.read, 'tenant', odd.id))?.doc, odd.doc)
    const named = await store.read.selectFrom('incidents').select('display_name').where('id', '=', odd.id).execute()
    assert.deepEqual(named, [{ display_name: text }])
  })
}

test('seeded rows are the same on every run', () => {
  assert.deepEqual(allRows(), allRows())
})

test('a list is measured by its ratio, a counted filter by its time', () => {
  const list = { database: 'sqlite', name: 'list', isCounted: false, smallMs: 2, largeMs: 3 } as const
  const counted = { database: 'postgres', name: 'counted', isCounted: true, smallMs: 1, largeMs: 150 } as const
  const report: ScaleReport = {
    small: 10_000,
    large: 1_000_000,
    requests: 1,
    rows: [list, counted, { ...list, name: 'slow', largeMs: 3.01 }],
    memory: [{ database: 'sqlite', incidents: 1_000_000, peakMiB: 301 }],
  }

  assert.deepEqual(report.rows.map(isWithin), [true, true, false])
  assert.equal(isWithin({ ...counted, largeMs: 150.1 }), false)
  const table = renderScaleTable(report)
  assert.match(table, /^sqlite +list .* 1\.50 .* met$/m)
  assert.match(table, /^sqlite +slow .* MISSED$/m)
  assert.match(table, /^sqlite +most memory.* 301 MiB .* MISSED$/m)
  assert.equal(JSON.parse(renderScaleJson(report)).rows[2].meetsTarget, false)
})

test('every measured kind of request has a name of its own', () => {
  const names = scaleCases.map(({ name }) => name)

  assert.equal(new Set(names).size, names.length)
})
