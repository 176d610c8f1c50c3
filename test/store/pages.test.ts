import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import type { BoundQuery, Keyset } from '../../src/model/query.ts'
import type { Store } from '../../src/store/db.ts'
import { pageAlerts, pageAlertsOfEach } from '../../src/store/pages.ts'
import { randomRows, storeRows, tenant } from '../odata/alert-rows.ts'
import { alerts, query } from '../odata/given.ts'
import { eachDatabase } from '../support/databases.ts'

function bind(options: string, after: Keyset | null = null): BoundQuery {
  return boundQuery(query(options, alerts), after)
}

suite('pages of the alerts of several incidents', () => {
  eachDatabase('are those of each incident on its own, whatever the order, filter, size and skip', async (_, store) => {
    await storeRows(store, randomRows(60, 5))
    const incidentIds = [100, 2, 77, 9]
    const asked = [
      '',
      '$top=3',
      '$top=4&$skip=2',
      '$top=3&$orderby=title desc,severity',
      '$top=3&$orderby=assignedTo',
      "$top=2&$filter=severity ne 'low'&$orderby=firstActivityDateTime desc",
      "$filter=title eq 'no such title'",
    ]

    for (const options of asked) {
      const bound = bind(options)
      const pages = await pageAlertsOfEach(store, tenant, bound, incidentIds)

      for (const [at, id] of incidentIds.entries()) {
        const alone = await pageAlerts(store, tenant, bound, id)
        assert.deepEqual(
          pages[at]?.rows.map((row) => row.id),
          alone.rows.map((row) => row.id),
          `${options} of ${id}`,
        )
        assert.deepEqual(pages[at]?.next, alone.next, `${options} of ${id}`)
      }
    }
  })
})

suite('pages of what changed lately', () => {
  eachDatabase('have the same rows in the same order, whether the range is walked or sorted', async (_, store) => {
    const rows = randomRows(2_001, 9)
    for (let start = 0; start < rows.length; start += 500) await storeRows(store, rows.slice(start, start + 500))
    await setUpdated(store, '2026-05-01T00:00:00.0000000Z')
    const walked = await walkPages(store, 4)
    assert.equal(new Set(walked).size, 120)
    const [, , gone = ''] = walked

    // One less, and SQLite reads the range alone.
    await setUpdated(store, '2026-04-30T23:59:59.9999999Z', gone)
    const sorted = await walkPages(store, 4)

    assert.deepEqual(
      sorted.slice(0, 119),
      walked.filter((id) => id !== gone),
    )
  })
})

async function setUpdated(store: Store, updatedAt: string, id?: string): Promise<void> {
  await store.transaction(async (tx) => {
    const update = tx.updateTable('alerts').set({ updated_at: updatedAt })
    await (id === undefined ? update : update.where('id', '=', id)).execute()
  })
}

/** Ids of the first pages of 30 of what changed since May. */
async function walkPages(store: Store, count: number): Promise<string[]> {
  const ids: string[] = []
  let after: Keyset | null = null
  for (let page = 0; page < count; page++) {
    const bound = bind('$top=30&$filter=lastUpdateDateTime ge 2026-05-01', after)
    const found: Awaited<ReturnType<typeof pageAlerts>> = await pageAlerts(store, tenant, bound, null)
    ids.push(...found.rows.map(({ id }) => id))
    after = found.next
  }
  return ids
}
