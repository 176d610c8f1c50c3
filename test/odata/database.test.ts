import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { buildNextLink, readSkipToken, writeSkipToken } from '../../src/api/odata/paging.ts'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import { listFilterable, type ResourceDescription } from '../../src/api/odata/resource.ts'
import type { BoundFilter, BoundQuery } from '../../src/model/query.ts'
import type { Store } from '../../src/store/db.ts'
import { alertFilterMap, incidentFilterMap, taskFilterMap } from '../../src/store/filter-maps.ts'
import {
  compileFilter,
  type FilterMap,
  type Page,
  type QuerySource,
  selectPage,
  takePage,
} from '../../src/store/query.ts'
import { eachDatabase } from '../support/databases.ts'
import { fc } from '../support/fast-check.ts'
import { testSeed as seed } from '../support/seed.ts'
import { alertTraits, randomRows, storeRows, tenant } from './alert-rows.ts'
import { alertFilter } from './arbitraries.ts'
import { keepsRow, sortRows } from './evaluate.ts'
import { alerts, betaIncidents, filter, query, tasks } from './given.ts'

const key = Buffer.alloc(32, 1)
const scope = { tenantId: tenant, resource: 'alerts_v2' }

function sourceOf(store: Store): QuerySource {
  return { dialect: store.dialect, map: alertFilterMap(store.dialect) }
}

async function findIds(store: Store, text: string): Promise<string[]> {
  const bound = filter(text, alerts)
  assert.ok(bound)
  const condition = compileFilter(sourceOf(store), bound)
  const rows = await store.read.selectFrom('alerts').select('id').where(condition).execute()
  return rows.map((row) => row.id).sort()
}

async function readPage(store: Store, bound: BoundQuery): Promise<Page<{ id: string }>> {
  const start = store.read.selectFrom('alerts').select('alerts.id').where('alerts.tenant_id', '=', tenant)
  return takePage(await selectPage(start, sourceOf(store), bound).execute(), sourceOf(store), bound)
}

/** Follows the links of a list from its first page to its last, as a client does. */
async function walk(store: Store, raw: string, betweenPages?: () => Promise<void>): Promise<string[][]> {
  const pages: string[][] = []
  let request = query(raw, alerts)
  for (;;) {
    const page = await readPage(store, boundQuery(request, readSkipToken(key, scope, request)))
    pages.push(page.rows.map((row) => row.id))
    assert.ok(pages.length < 100, 'the links never end')
    if (page.next === null) return pages
    const link = buildNextLink(
      'https://h',
      '/v1.0/security/alerts_v2',
      request,
      writeSkipToken(key, scope, request, page.next),
    )
    request = query(link.slice(link.indexOf('?') + 1), alerts)
    await betweenPages?.()
  }
}

suite('filters in the database', () => {
  eachDatabase('find the rows that the words of the standard keep', async (_, store) => {
    const rows = randomRows(60, seed)
    await storeRows(store, rows)

    await fc.assert(
      fc.asyncProperty(alertFilter, async (text) => {
        const bound = filter(text, alerts)
        assert.ok(bound)
        const expected = rows.filter((row) => keepsRow(bound, row, alertTraits)).map((row) => String(row.scalars.id))

        assert.deepEqual(await findIds(store, text), expected.sort(), `rows of seed ${seed}: ${text}`)
      }),
      { numRuns: 250 },
    )
  })

  eachDatabase('take wildcards of LIKE for themselves and case as it is', async (_, store) => {
    const row = (id: string, title: string): ReturnType<typeof randomRows>[number] => ({
      scalars: { ...randomRows(1, 1)[0]?.scalars, id, title, assignedTo: title },
      lists: { systemTags: [], comments: [] },
      evidence: [],
    })
    await storeRows(store, [
      row('1', '100% sure'),
      row('2', '100 sure'),
      row('3', 'Alice@Contoso.com'),
      row('4', 'a_c'),
    ])

    assert.deepEqual(await findIds(store, "contains(title,'%')"), ['1'])
    assert.deepEqual(await findIds(store, "startswith(title,'a_')"), ['4'])
    assert.deepEqual(await findIds(store, "title eq 'alice@contoso.com'"), [])
    assert.deepEqual(await findIds(store, "contains(title,'alice')"), [])
    assert.deepEqual(await findIds(store, "assignedTo eq 'ALICE@contoso.COM'"), ['3'])
    assert.deepEqual(await findIds(store, "assignedTo in ('alice@contoso.com')"), ['3'])
    assert.deepEqual(await findIds(store, "endswith(assignedTo,'CONTOSO.com')"), ['3'])
  })

  eachDatabase(
    'match every row that is read as unknownFutureValue, and none once hidden members are shown',
    async (_, store) => {
      const [row] = randomRows(1, 1)
      assert.ok(row)
      const withSource = (id: string, serviceSource: number): typeof row => ({
        ...row,
        scalars: { ...row.scalars, id, serviceSource },
      })
      await storeRows(store, [withSource('known', 1), withSource('sentinel', 512), withSource('other', 4096)])

      assert.deepEqual(await findIds(store, 'serviceSource eq unknownFutureValue'), ['other', 'sentinel'])
      assert.deepEqual(await findIds(store, 'serviceSource gt unknownFutureValue'), ['other', 'sentinel'])
      assert.deepEqual(await findIds(store, 'serviceSource lt unknownFutureValue'), ['known'])
      assert.deepEqual(await findIds(store, 'serviceSource ne unknownFutureValue'), ['known'])
    },
  )
})

suite('corners of filters in the database', () => {
  eachDatabase('a list that is null or absent is an empty one', async (_, store) => {
    await storeRows(store, randomRows(2, 1))
    await store.transaction(async (tx) => {
      const [first, second] = await tx.selectFrom('alerts').select('id').orderBy('id').execute()
      await tx
        .updateTable('alerts')
        .set({ doc: '{"systemTags":null}' })
        .where('id', '=', first?.id ?? '')
        .execute()
      await tx
        .updateTable('alerts')
        .set({ doc: '{}' })
        .where('id', '=', second?.id ?? '')
        .execute()
    })

    assert.equal((await findIds(store, 'systemTags/any()')).length, 0)
    assert.equal((await findIds(store, "systemTags/all(t:t eq 'x')")).length, 2)
    assert.equal((await findIds(store, 'systemTags/$count eq 0')).length, 2)
  })

  eachDatabase(
    'evidence is found with quotes, backslashes and characters outside ASCII in its value',
    async (_, store) => {
      const [row] = randomRows(1, 1)
      assert.ok(row)
      const value = '"C:\\é😀\n'
      await storeRows(store, [{ ...row, evidence: [{ type: 'urlEvidence', property: 'url', value }] }])

      const found = await findIds(store, `evidence/any(e:e/microsoft.graph.security.urlEvidence/url eq '${value}')`)
      assert.equal(found.length, 1)
    },
  )

  eachDatabase('flags are tested bit by bit', async (_, store) => {
    const rows = randomRows(30, 3)
    await storeRows(store, rows)
    const flags: BoundFilter = { kind: 'flags', scalar: { kind: 'property', property: 'severity' }, bits: 64 }
    const nullable: BoundFilter = { kind: 'flags', scalar: { kind: 'property', property: 'classification' }, bits: 4 }

    for (const bound of [flags, nullable]) {
      for (const condition of [bound, { kind: 'not' as const, term: bound }]) {
        const start = store.read.selectFrom('alerts').select('id')
        const found = await start.where(compileFilter(sourceOf(store), condition)).execute()

        const expected = rows
          .filter((row) => keepsRow(condition, row, alertTraits))
          .map((row) => String(row.scalars.id))
        assert.deepEqual(found.map((row) => row.id).sort(), expected.sort())
      }
    }
  })
})

const sortable = [
  'createdDateTime',
  'severity',
  'title',
  'assignedTo',
  'firstActivityDateTime',
  'investigationState',
  'productName',
  'incidentId',
  'id',
]

const randomOrder: fc.Arbitrary<string> = fc
  .uniqueArray(fc.constantFrom(...sortable), { maxLength: 3 })
  .chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(name, `${name} asc`, `${name} desc`))))
  .map((items) => items.join(','))

suite('pages of a list', () => {
  eachDatabase(
    'hold every matching row once and in order, whatever the order, filter, size and skip',
    async (_, store) => {
      const rows = randomRows(40, seed)
      await storeRows(store, rows)
      const filters = fc.constantFrom('', "severity ne 'low'", "contains(title,'a') or title eq null")

      await fc.assert(
        fc.asyncProperty(
          randomOrder,
          filters,
          fc.integer({ min: 1, max: 9 }),
          fc.nat(3),
          async (order, text, top, skip) => {
            const raw = [`$top=${top}`, `$skip=${skip}`, order && `$orderby=${order}`, text && `$filter=${text}`]
              .filter(Boolean)
              .join('&')
            const request = query(raw, alerts)
            const bound = request.filter
            const kept = bound === null ? rows : rows.filter((row) => keepsRow(bound, row, alertTraits))
            const expected = sortRows(kept, request.orderBy, alertTraits).slice(skip)

            const pages = await walk(store, raw)

            assert.deepEqual(
              pages.flat(),
              expected.map((row) => row.scalars.id),
              `rows of seed ${seed}: ${raw}`,
            )
            assert.ok(pages.slice(0, -1).every((page) => page.length === top))
          },
        ),
        { numRuns: 60 },
      )
    },
  )
})

suite('pages while rows come in, and at the edges', () => {
  eachDatabase('neither repeat nor lose a row when newer ones come in between', async (_, store) => {
    const rows = randomRows(20, 5)
    await storeRows(store, rows)
    let serial = 0
    const addNewest = async (): Promise<void> => {
      const [row] = randomRows(1, 6)
      assert.ok(row)
      const scalars = { ...row.scalars, id: `new-${serial++}`, createdDateTime: '2030-01-01T00:00:00.0000000Z' }
      await storeRows(store, [{ ...row, scalars }])
    }

    const pages = await walk(store, '$top=3', addNewest)

    assert.deepEqual(pages.flat().sort(), rows.map((row) => String(row.scalars.id)).sort())
  })

  eachDatabase('may be empty: past the end, or of size 0, and then have no link', async (_, store) => {
    await storeRows(store, randomRows(3, 7))

    for (const raw of ['$skip=999999999', '$top=0', "$filter=id eq 'none'"])
      assert.deepEqual(await walk(store, raw), [[]], raw)
  })

  eachDatabase('sort text by its first 200 characters, so that a link stays short', async (_, store) => {
    const [row] = randomRows(1, 1)
    assert.ok(row)
    const long = (id: string, title: string): typeof row => ({ ...row, scalars: { ...row.scalars, id, title } })
    const rows = [long('1', `${'é'.repeat(200)}b`), long('2', `${'é'.repeat(200)}a`), long('3', 'é'.repeat(199))]
    await storeRows(store, rows)

    assert.deepEqual(await walk(store, '$orderby=title&$top=1'), [['3'], ['1'], ['2']])
  })
})

suite('filter maps', () => {
  const maps: readonly (readonly [ResourceDescription, FilterMap])[] = [
    [betaIncidents, incidentFilterMap],
    [alerts, alertFilterMap('sqlite')],
    [tasks, taskFilterMap],
  ]
  for (const [resource, map] of maps) {
    test(`know exactly what a query on ${resource.entityType} can name`, () => {
      assert.deepEqual(Object.keys(map.properties).sort(), listFilterable(resource))
    })
  }
})
