import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import { enums, type ServiceSource } from '../../src/model/generated.ts'
import { insertAlerts, readAlerts, type StoredAlert, updateAlert } from '../../src/store/alerts.ts'
import { countIncidents } from '../../src/store/counts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { countFacet } from '../../src/store/facets.ts'
import { insertIncidents, readIncident, updateIncident } from '../../src/store/incidents.ts'
import { moveIncident } from '../../src/store/intake.ts'
import { moveRows } from '../../src/store/moved-rows.ts'
import { pageIncidents } from '../../src/store/pages.ts'
import { bitOfMember } from '../../src/store/sources.ts'
import { betaIncidents, filter, query, revealing } from '../odata/given.ts'
import { onEnd } from '../support/cleanup.ts'
import { databaseKinds, eachDatabase, makeDatabase } from '../support/databases.ts'
import { fc } from '../support/fast-check.ts'
import { at, forgetSources, makeAlert, makeIncident, otherTenant, tenant } from './given.ts'

const members: Readonly<Record<string, number>> = enums.serviceSource.members
const names: readonly ServiceSource[] = [
  'unknown',
  'unknownFutureValue',
  'microsoftDefenderForEndpoint',
  'dataLossPrevention',
  'microsoftSecurityForAI',
]
const incidentIds = ['1', '2', '3', '4']

function alertOf(id: string, incidentId: string, source: ServiceSource): StoredAlert {
  const alert = makeAlert(id, incidentId, 0)
  return { ...alert, doc: { ...alert.doc, serviceSource: source } }
}

/** The sources of each incident's alerts, out of the alerts themselves. */
async function readTruth(store: Store): Promise<Map<number, Set<string>>> {
  const rows = await store.read
    .selectFrom('alerts')
    .select(['incident_id', 'doc'])
    .where('tenant_id', '=', tenant)
    .execute()
  const truth = new Map(incidentIds.map((id) => [Number(id), new Set<string>()]))
  for (const { incident_id, doc } of rows) truth.get(incident_id)?.add(JSON.parse(doc).serviceSource)
  return truth
}

async function readKept(store: Store): Promise<Map<number, Set<string>>> {
  const { rows } = await sql<{ id: number; sources: number | string }>`
    select id, sources from incidents where tenant_id = ${tenant} order by id`.execute(store.read)
  const named = (bits: number): string[] => names.filter((name) => bits & bitOfMember(members[name] ?? 0))
  return new Map(rows.map(({ id, sources }) => [Number(id), new Set(named(Number(sources)))]))
}

async function find(store: Store, text: string): Promise<string[]> {
  const bound = boundQuery(query(`$filter=${encodeURIComponent(text)}&$orderby=id`, betaIncidents, revealing), null)
  const { rows } = await pageIncidents(store, tenant, bound)
  assert.equal(await countIncidents(store, tenant, bound.filter), rows.length, text)
  return rows.map(({ id }) => String(id))
}

async function giveIncidents(store: Store): Promise<void> {
  await store.transaction((tx) =>
    insertIncidents(tx, [...incidentIds.map((id) => makeIncident(id)), makeIncident('9', 'active', otherTenant)]),
  )
}

type Step = (store: Store) => Promise<unknown>

const anIncident = fc.constantFrom(...incidentIds)
const aSource = fc.constantFrom(...names)
const anAlert = fc.nat(30).map((number) => `alert-${number}`)

async function known(store: Store, id: string): Promise<StoredAlert | undefined> {
  return (await readAlerts(store.read, tenant, [id]))[0]
}

const added = fc
  .array(fc.record({ id: anAlert, incident: anIncident, source: aSource }), { minLength: 1, maxLength: 8 })
  .map(
    (wanted): Step =>
      async (store) => {
        const fresh = new Map(wanted.map((one) => [one.id, alertOf(one.id, one.incident, one.source)]))
        for (const id of fresh.keys()) if ((await known(store, id)) !== undefined) fresh.delete(id)
        await store.transaction((tx) => insertAlerts(tx, [...fresh.values()]))
      },
  )
const merged = fc.tuple(anIncident, anIncident).map(
  ([from, into]): Step =>
    async (store) => {
      if (from !== into) await store.transaction((tx) => moveIncident(tx, tenant, Number(from), Number(into), at(60)))
    },
)
const moved = fc.tuple(fc.array(anAlert, { maxLength: 12 }), anIncident).map(
  ([ids, into]): Step =>
    (store) =>
      store.transaction((tx) => moveRows(tx, 'alerts', { tenantId: tenant, ids, into: Number(into), now: at(60) })),
)
const resent = fc.tuple(anAlert, aSource).map(
  ([id, serviceSource]): Step =>
    async (store) => {
      const alert = await known(store, id)
      if (alert === undefined) return
      await store.transaction((tx) => updateAlert(tx, { ...alert, doc: { ...alert.doc, serviceSource } }))
    },
)
const removed = fc.array(anAlert, { minLength: 1, maxLength: 5 }).map(
  (ids): Step =>
    (store) =>
      store.transaction((tx) =>
        tx.deleteFrom('alerts').where('tenant_id', '=', tenant).where('id', 'in', ids).execute(),
      ),
)
const rewritten = anIncident.map(
  (id): Step =>
    async (store) => {
      await store.transaction(async (tx) => {
        const incident = await readIncident(tx, tenant, id)
        assert.ok(incident)
        await updateIncident(tx, incident)
      })
    },
)
const steps = fc.array(fc.oneof(added, added, merged, moved, resent, removed, rewritten), {
  minLength: 4,
  maxLength: 14,
})

eachDatabase('incidents know the sources of their alerts, whatever became of these', async (_t, store) => {
  await giveIncidents(store)

  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      for (const step of all) await step(store)

      const truth = await readTruth(store)
      assert.deepEqual(await readKept(store), truth)
      const having = (test: (held: ReadonlySet<string>) => boolean): string[] =>
        incidentIds.filter((id) => test(truth.get(Number(id)) ?? new Set()))
      for (const name of names) {
        const has = having((held) => held.has(name))
        assert.deepEqual(await find(store, `alerts/any(a:a/serviceSource eq '${name}')`), has)
        assert.deepEqual(
          await find(store, `not alerts/any(a:a/serviceSource in ('${name}'))`),
          incidentIds.filter((id) => !has.includes(id)),
        )
        assert.deepEqual(
          await find(store, `alerts/all(a:a/serviceSource eq '${name}')`),
          having((held) => [...held].every((one) => one === name)),
        )
      }
      const pair = "alerts/any(a:a/serviceSource eq 'unknown' or a/serviceSource eq 'dataLossPrevention')"
      assert.deepEqual(
        await find(store, pair),
        having((held) => held.has('unknown') || held.has('dataLossPrevention')),
      )
      const question = { list: 'incidents', facet: 'source', filter: null, contains: '', top: 50 } as const
      const { values } = await countFacet(store, tenant, question, 60_000)
      assert.deepEqual(
        new Map(values.map(({ value, count }) => [value, count])),
        new Map(
          names
            .map((name) => [name, having((held) => held.has(name)).length] as const)
            .filter(([, count]) => count > 0),
        ),
      )
    }),
    { numRuns: 25 },
  )
})

eachDatabase('whoever does not ask for members not known to all finds them as one', async (_t, store) => {
  await giveIncidents(store)
  await store.transaction((tx) =>
    insertAlerts(tx, [
      alertOf('a', '1', 'microsoftSecurityForAI'),
      alertOf('b', '2', 'unknown'),
      alertOf('c', '3', 'dataLossPrevention'),
    ]),
  )

  const condition = filter("alerts/any(a:a/serviceSource eq 'unknownFutureValue')")

  assert.equal(await countIncidents(store, tenant, condition), 1)
})

eachDatabase(
  'incidents of a source are counted in time or among the newest, by part of its name',
  async (_t, store) => {
    await giveIncidents(store)
    await store.transaction((tx) =>
      insertAlerts(tx, [alertOf('a', '1', 'dataLossPrevention'), alertOf('b', '2', 'microsoftSecurityForAI')]),
    )
    const question = { list: 'incidents', facet: 'source', filter: null, contains: 'LOSS', top: 50 } as const

    assert.deepEqual(await countFacet(store, tenant, question, 60_000), {
      values: [{ value: 'dataLossPrevention', count: 1 }],
      isCut: false,
      isComplete: true,
    })
  },
)

for (const kind of databaseKinds) {
  test(`an older database learns the sources of its incidents when it is opened, and says so (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const old = await openStore(target, assert.fail)
    await giveIncidents(old)
    await forgetSources(old)
    await old.transaction((tx) =>
      insertAlerts(tx, [
        ...Array.from({ length: 30 }, (_, number) => alertOf(`x${number}`, '1', 'microsoftDefenderForEndpoint')),
        alertOf('a', '1', 'dataLossPrevention'),
        alertOf('b', '2', 'unknown'),
        alertOf('c', '4', 'unknownFutureValue'),
        alertOf('d', '4', 'microsoftSecurityForAI'),
      ]),
    )
    await old.close()
    const said: string[] = []

    const store = await openStore(target, (text) => void said.push(text))
    onEnd(t, () => store.close())

    assert.ok(said.some((text) => /sources of the alerts of each incident are collected/.test(text)))
    assert.deepEqual(await readKept(store), await readTruth(store))
    assert.deepEqual(await find(store, "alerts/any(a:a/serviceSource eq 'unknown')"), ['2'])
  })
}
