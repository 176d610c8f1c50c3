import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { sql } from 'kysely'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import { insertAlerts } from '../../src/store/alerts.ts'
import { countAlerts, countIncidents, countTasks } from '../../src/store/counts.ts'
import type { Store } from '../../src/store/db.ts'
import { alertFilterMap } from '../../src/store/filter-maps.ts'
import { allocateIncidentIds, insertIncidents, readIncident, updateIncident } from '../../src/store/incidents.ts'
import { moveIncident } from '../../src/store/intake.ts'
import { compileFilter } from '../../src/store/query.ts'
import { insertTask, readTask, writeTask } from '../../src/store/tasks.ts'
import { randomRows, tenant as rowTenant, storeRows } from '../odata/alert-rows.ts'
import { alertFilter } from '../odata/arbitraries.ts'
import { alerts, filter, incidents, tasks } from '../odata/given.ts'
import { eachDatabase } from '../support/databases.ts'
import { fc } from '../support/fast-check.ts'
import { at, makeAlert, makeIncident, makeTask, otherTenant, tenant } from './given.ts'

/** Times around which months begin and end. */
const edges = [
  '0001-01-01T00:00:00.0000000Z',
  '2025-12-31T23:59:59.9999999Z',
  '2026-01-01T00:00:00.0000000Z',
  '2026-01-31T23:59:59.9999999Z',
  '2026-02-01T00:00:00.0000000Z',
  '2026-02-01T00:00:00.0000001Z',
  '2026-02-14T12:00:00.0000000Z',
  '2026-12-01T00:00:00.0000000Z',
  '2026-12-31T00:00:00.0000000Z',
  '2027-01-01T00:00:00.0000000Z',
  '9999-12-31T23:59:59.9999999Z',
]

const time = fc.constantFrom(...edges)
const range = fc
  .record({ operator: fc.constantFrom('ge', 'gt', 'lt', 'le', 'eq', 'ne'), time })
  .map(({ operator, time: text }) => `createdDateTime ${operator} ${text}`)
const known = fc.constantFrom(
  "status eq 'new'",
  "status ne 'resolved'",
  "severity in ('high','low')",
  'classification eq null',
  "(severity eq 'medium' or classification ne null)",
  "not (serviceSource eq 'dataLossPrevention' or determination eq 'malware')",
  'assignedTo eq null',
  'assignedTo ne null',
  "assignedTo eq 'a'",
  "contains(title,'a')",
)
const countable = fc.array(fc.oneof(range, known), { minLength: 1, maxLength: 4 }).map((terms) => terms.join(' and '))

function bind(text: string, resource: ResourceDescription): NonNullable<ReturnType<typeof filter>> {
  const bound = filter(text, resource)
  assert.ok(bound)
  return bound
}

/** Counts row by row. */
async function countRows(store: Store, text: string): Promise<number> {
  const condition = compileFilter({ dialect: store.dialect, map: alertFilterMap(store.dialect) }, bind(text, alerts))
  const query = store.read.selectFrom('alerts').select('id').where('tenant_id', '=', rowTenant).where(condition)
  return (await query.execute()).length
}

async function storeIncidents(store: Store, count: number, tenantId = tenant): Promise<string[]> {
  return store.transaction(async (tx) => {
    const ids = await allocateIncidentIds(tx, count)
    await insertIncidents(
      tx,
      ids.map((id) => makeIncident(id, 'active', tenantId)),
    )
    return ids
  })
}

suite('counts of alerts', () => {
  eachDatabase('are those of the rows, whatever is asked and whatever changed before', async (_, store) => {
    await storeRows(store, spread(randomRows(60, 1)))
    await store.transaction(async (tx) => {
      await sql`update alerts set status = 8, classification = 20 where id like '%1'`.execute(tx)
      await sql`update alerts set assigned_to = null where id like '%2'`.execute(tx)
      await sql`update alerts set created_at = '2026-02-01T00:00:00.0000000Z' where id like '%3'`.execute(tx)
      await sql`delete from alerts where id like '%4'`.execute(tx)
    })

    await fc.assert(
      fc.asyncProperty(fc.oneof(countable, alertFilter), async (text) => {
        const found = await countAlerts(store, rowTenant, bind(text, alerts), null)

        assert.equal(found, await countRows(store, text), text)
      }),
      { numRuns: 150 },
    )
    assert.equal(await countAlerts(store, rowTenant, null, null), await countRows(store, "id ne ''"))
  })

  eachDatabase('of one incident follow a move', async (_, store) => {
    const [from = '', into = ''] = await storeIncidents(store, 2)
    await store.transaction((tx) =>
      insertAlerts(tx, [
        makeAlert('a', from, 0),
        makeAlert('b', from, 1, 'resolved'),
        makeAlert('c', into, 2, 'resolved'),
      ]),
    )

    await store.transaction((tx) => moveIncident(tx, tenant, Number(from), Number(into), at(60)))

    const resolved = bind("status eq 'resolved'", alerts)
    assert.equal(await countAlerts(store, tenant, null, Number(from)), 0)
    assert.equal(await countAlerts(store, tenant, null, Number(into)), 3)
    assert.equal(await countAlerts(store, tenant, resolved, Number(into)), 2)
    assert.equal(await countAlerts(store, tenant, resolved, null), 2)
  })
})

/** Gives the rows times at which something can go wrong. */
function spread(rows: ReturnType<typeof randomRows>): ReturnType<typeof randomRows> {
  return rows.map((row, index) => ({
    ...row,
    scalars: { ...row.scalars, createdDateTime: edges[index % edges.length] ?? null },
  }))
}

suite('counts', () => {
  eachDatabase('are right within the transaction, and gone with it', async (_, store) => {
    const [id = ''] = await storeIncidents(store, 3)
    const active = bind("status eq 'active'", incidents)
    const amount = sql<{ n: number | string }>`select sum(amount) as n from incident_counts where status = 1`

    const attempt = store.transaction(async (tx) => {
      const incident = await readIncident(tx, tenant, id)
      assert.ok(incident)
      await updateIncident(tx, { ...incident, doc: { ...incident.doc, status: 'resolved' } })
      assert.equal(Number((await amount.execute(tx)).rows[0]?.n), 2)
      throw new Error('no more of this')
    })

    await assert.rejects(attempt, /no more of this/)
    assert.equal(await countIncidents(store, tenant, active), 3)
  })

  eachDatabase('are each tenant’s own', async (_, store) => {
    await storeIncidents(store, 3)
    await storeIncidents(store, 5, otherTenant)

    assert.equal(await countIncidents(store, tenant, null), 3)
    assert.equal(await countIncidents(store, otherTenant, bind("severity eq 'high'", incidents)), 5)
  })

  eachDatabase('of tasks follow their state', async (_, store) => {
    const [incident = ''] = await storeIncidents(store, 1)
    await store.transaction(async (tx) => {
      for (const id of ['a', 'b', 'c']) await insertTask(tx, makeTask(id, incident))
    })
    await store.transaction(async (tx) => {
      const task = await readTask(tx, tenant, 'a')
      assert.ok(task)
      await writeTask(tx, { ...task, doc: { ...task.doc, status: 'completed' } })
    })

    assert.equal(await countTasks(store, tenant, null), 3)
    assert.equal(await countTasks(store, tenant, bind("status eq 'open'", tasks)), 2)
    assert.equal(await countTasks(store, tenant, bind("status eq 'open' and displayName eq 'x'", tasks)), 0)
  })

  eachDatabase('are right after many have changed them at once', async (_, store) => {
    const ids = await storeIncidents(store, 12)

    await Promise.all(
      ids.map((id, index) =>
        store.transaction(async (tx) => {
          const incident = await readIncident(tx, tenant, id)
          assert.ok(incident)
          const status = index % 3 === 0 ? 'resolved' : 'inProgress'
          await updateIncident(tx, { ...incident, doc: { ...incident.doc, status } })
        }),
      ),
    )

    assert.equal(await countIncidents(store, tenant, bind("status eq 'resolved'", incidents)), 4)
    assert.equal(await countIncidents(store, tenant, bind("status eq 'active'", incidents)), 0)
    assert.equal(await countIncidents(store, tenant, null), 12)
  })
})
