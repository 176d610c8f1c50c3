import assert from 'node:assert/strict'
import { countFacet, type FacetCounts } from '../../src/store/facets.ts'
import { insertIncidents } from '../../src/store/incidents.ts'
import { filter } from '../odata/given.ts'
import { eachDatabase } from '../support/databases.ts'
import { at, makeIncident, tenant } from './given.ts'

/** As many as are looked at when all of them are too many. */
const newest = 5_000
const all = 6_000

eachDatabase(
  'values that take too long are counted among the newest rows, and said to be at least so many',
  async (_t, store) => {
    for (let start = 0; start < all; start += 1_000) {
      const rows = Array.from({ length: 1_000 }, (_, number) => {
        const { doc, ...rest } = makeIncident(String(start + number + 1))
        const isOld = start + number < all - newest
        const people = isOld ? { assignedTo: 'Old', customTags: ['old'] } : { assignedTo: 'New', customTags: ['new'] }
        return { ...rest, doc: { ...doc, ...people, description: 'long ago', createdDateTime: at(start + number) } }
      })
      await store.transaction((tx) => insertIncidents(tx, rows))
    }
    const question = {
      list: 'incidents',
      filter: filter("contains(description,'ago')"),
      contains: '',
      top: 50,
    } as const
    const ask = (facet: string, patienceMs: number): Promise<FacetCounts> =>
      countFacet(store, tenant, { ...question, facet }, patienceMs)

    for (const [facet, old, recent] of [
      ['assignedTo', 'Old', 'New'],
      ['customTags', 'old', 'new'],
    ] as const) {
      const few = await ask(facet, 1)
      const every = await ask(facet, 60_000)

      assert.deepEqual(few, { values: [{ value: recent, count: newest }], isCut: false, isComplete: false })
      assert.deepEqual(every, {
        values: [
          { value: recent, count: newest },
          { value: old, count: all - newest },
        ],
        isCut: false,
        isComplete: true,
      })
    }
    const severity = await ask('severity', 1)
    const { isComplete } = await countFacet(store, tenant, { ...question, filter: null, facet: 'severity' }, 60_000)

    assert.deepEqual(severity, { values: [{ value: 'high', count: newest }], isCut: false, isComplete: false })
    assert.equal(isComplete, true)
  },
)
