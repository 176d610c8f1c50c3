import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import { countIncidents } from '../../src/store/counts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { insertIncidents, readIncident, updateIncident } from '../../src/store/incidents.ts'
import { pageIncidents } from '../../src/store/pages.ts'
import { filter, incidents, query } from '../odata/given.ts'
import { onEnd } from '../support/cleanup.ts'
import { eachDatabase, makeDatabase, makeLesserUser } from '../support/databases.ts'
import { forgetSources, makeIncident, otherTenant, tenant } from './given.ts'

const names = [
  'Lateral movement on web-1',
  'LATERAL MOVEMENT on WEB-1',
  'Lateral movement on web-12',
  'Größe 𝒳 überschritten',
  'GRÖSSE 𝒳 ÜBERSCHRITTEN',
  '100 % of C:\\temp\\_x "quoted" and \'so\'',
  '100 x of C:/temp/ax',
  'AND OR NOT NEAR(a b) a* ^b col:c',
  'aaaa',
  'we',
  'W',
  '',
  'ﬁn İstanbul ßẞ',
]

const words = [
  ...['web-1', 'WEB-1', 'Web', 'lateral movement on web-12', 'movement', 'we', 'w', 'aaa', 'aaaaa', 'zebra', 'zq'],
  ...['größe', 'GRÖSSE', 'röß', '𝒳', ' 𝒳 ü', '𝒳 Ü', 'ﬁn', 'istanbul', 'İst', 'ßẞ'],
  ...['%', '100 %', '_x', '\\_x', 'c:\\temp', '"quoted"', "'so'", '" a', 'and or', 'near(', 'a* ^', 'col:c'],
]

const asciiLower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
const asciiUpper = (text: string): string => text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
const wrappers = { '': (text: string) => text, tolower: asciiLower, toupper: asciiUpper } as const
const tests = {
  contains: (text: string, word: string) => text.includes(word),
  startswith: (text: string, word: string) => text.startsWith(word),
  endswith: (text: string, word: string) => text.endsWith(word),
} as const

/** Incidents numbered from 1 by the list of names; the last one has none. */
async function giveNamed(store: Store): Promise<void> {
  const rows = [...names, null].map((displayName, at) => {
    const { doc, ...rest } = makeIncident(String(at + 1))
    return { ...rest, doc: { ...doc, displayName } }
  })
  const theirs = makeIncident('99', 'active', otherTenant)
  await store.transaction((tx) =>
    insertIncidents(tx, [...rows, { ...theirs, doc: { ...theirs.doc, displayName: names[0] ?? '' } }]),
  )
}

function numbersOf(isWanted: (name: string) => boolean): string[] {
  return names.flatMap((name, at) => (isWanted(name) ? [String(at + 1)] : [])).sort()
}

/** The incidents of a filter: as they are listed newest first, gathered in another order, and counted. */
async function ask(store: Store, text: string): Promise<[walked: string[], gathered: string[], counted: number]> {
  const list = async (order: string): Promise<string[]> => {
    const { rows } = await pageIncidents(
      store,
      tenant,
      boundQuery(query(`$filter=${encodeURIComponent(text)}&$orderby=${order}`, incidents), null),
    )
    return rows.map(({ id }) => String(id)).sort()
  }
  return [
    await list('createdDateTime desc'),
    await list('severity desc'),
    await countIncidents(store, tenant, filter(text)),
  ]
}

eachDatabase('a name is found by any part of it, whatever is in it, and by nothing else', async (_t, store) => {
  await giveNamed(store)

  for (const word of words) {
    for (const [wrapper, change] of Object.entries(wrappers)) {
      for (const [name, holds] of Object.entries(tests)) {
        if (wrapper === 'toupper' && name !== 'contains') continue
        const text = wrapper === '' ? 'displayName' : `${wrapper}(displayName)`
        const asked = `${name}(${text},'${word.replaceAll("'", "''")}')`
        const wanted = numbersOf((one) => holds(change(one), word))

        assert.deepEqual(await ask(store, asked), [wanted, wanted, wanted.length], asked)
      }
    }
  }
})

eachDatabase('parts of names stand beside other conditions, and are denied', async (_t, store) => {
  await giveNamed(store)
  const holding = (word: string): string[] => numbersOf((name) => name.includes(word))

  for (const [asked, wanted] of [
    ["contains(displayName,'web') and contains(displayName,'12')", holding('web-12')],
    ["contains(displayName,'web') or contains(displayName,'aaa')", [...holding('web'), ...holding('aaa')].sort()],
    ["contains(displayName,'web') and status eq 'resolved'", []],
    ["contains(displayName,'web') and not contains(displayName,'12')", ['1']],
    ["contains(displayName,'web') and description eq 'other'", []],
    ["contains(displayName,'web') and createdDateTime ge 2026-01-01T00:00:00Z", holding('web')],
  ] as const) {
    assert.deepEqual(await ask(store, asked), [wanted, wanted, wanted.length], asked)
  }
})

eachDatabase('names are found as they are now', async (_t, store) => {
  await giveNamed(store)
  const rename = (id: string, displayName: string): Promise<unknown> =>
    store.transaction(async (tx) => {
      const known = await readIncident(tx, tenant, id)
      assert.ok(known)
      await updateIncident(tx, { ...known, doc: { ...known.doc, displayName } })
    })

  await rename('1', 'Zebra crossing')
  await rename('3', 'Zebra crossing')
  await rename('3', 'Okapi')

  assert.deepEqual(await ask(store, "contains(displayName,'Zebra')"), [['1'], ['1'], 1])
  assert.deepEqual(await ask(store, "contains(displayName,'Okapi')"), [['3'], ['3'], 1])
  assert.deepEqual(await ask(store, "contains(displayName,'web-1')"), [[], [], 0])
  if (store.dialect === 'sqlite') {
    const kept = await sql<{ name: string }>`select name from incident_names where tenant_id = ${tenant}`.execute(
      store.read,
    )
    assert.deepEqual(
      kept.rows.map(({ name }) => name).sort(),
      ['Okapi', 'Zebra crossing', ...names.filter((_, at) => at !== 0 && at !== 2)].sort(),
    )
  }
})

/** Makes of a database one of before names were indexed. */
async function forgetNames(store: Store): Promise<void> {
  const run = (statement: string): Promise<unknown> =>
    store.transaction((tx) => sql.raw(statement).execute(tx) as Promise<unknown>)
  // What came later goes first.
  if (store.dialect === 'sqlite') await forgetSources(store)
  for (const list of ['incident', 'alert', 'task']) {
    if (store.dialect === 'postgres') {
      await run(`drop index ${list}s_by_parts_of_name`)
      continue
    }
    for (const event of ['insert', 'update', 'delete']) await run(`drop trigger ${list}s_named_${event}`)
    await run(`drop table ${list}_names`)
    await run(`drop table ${list}_names_parts`)
    await run(`drop index ${list}s_by_name`)
  }
  if (store.dialect === 'sqlite') await run("delete from kysely_migration where name = '0002-names'")
}

for (const kind of ['sqlite', 'postgres'] as const) {
  test(`an older database gets the index when it is opened, and says what takes long (${kind})`, async (t) => {
    const target = await makeDatabase(t, kind)
    const old = await openStore(target, assert.fail)
    await giveNamed(old)
    await forgetNames(old)
    await old.close()
    const said: string[] = []

    const store = await openStore(target, (text) => void said.push(text))
    onEnd(t, () => store.close())

    assert.ok(said.some((text) => /names of incidents are indexed/.test(text)))
    assert.ok(
      said.every((text) => !/tasks/.test(text)),
      'of what is empty nothing is said',
    )
    const wanted = numbersOf((name) => name.includes('web-1'))
    assert.deepEqual(await ask(store, "contains(displayName,'web-1')"), [wanted, wanted, wanted.length])
  })
}

test('a PostgreSQL whose user may add no module says so, and finds names row by row', async (t) => {
  const target = await makeLesserUser(t, await makeDatabase(t, 'postgres'))
  const said: string[] = []

  const store = await openStore(target, (text) => void said.push(text))
  onEnd(t, () => store.close())
  await giveNamed(store)

  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /no pg_trgm/)
  const wanted = numbersOf((name) => name.includes('web-1'))
  assert.deepEqual(await ask(store, "contains(displayName,'web-1')"), [wanted, wanted, wanted.length])
})
