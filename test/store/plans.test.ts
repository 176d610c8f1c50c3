import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { openBulkLoad } from '../../bench/scale/bulk-load.ts'
import { makeSeedRows, rareAssignee, seededTables } from '../../bench/scale/rows.ts'
import { boundQuery } from '../../src/api/odata/read-query.ts'
import type { ResourceDescription } from '../../src/api/odata/resource.ts'
import type { BoundQuery, Keyset } from '../../src/model/query.ts'
import { countAlerts, countIncidents, countTasks } from '../../src/store/counts.ts'
import { openStore, type Store } from '../../src/store/db.ts'
import { pageAlerts, pageIncidents, pageTasks } from '../../src/store/pages.ts'
import type { Page } from '../../src/store/query.ts'
import type { Schema } from '../../src/store/schema.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { alerts, incidents, query, tasks } from '../odata/given.ts'
import { type Ending, onEnd, wholeFile } from '../support/cleanup.ts'
import { type DatabaseKind, databaseKinds, makeMigratedDatabase } from '../support/databases.ts'
import { otherTenant, tenant } from './given.ts'

/** Enough that reading everything is never the cheaper way, on PostgreSQL too, which knows how many there are. */
const size = 2_500

type Table = 'incidents' | 'alerts' | 'tasks'

/** A list, and the index it is read by. */
interface Shape {
  readonly table: Table
  readonly options: string
  readonly index: string
  /** What is read is little, and sorted. */
  readonly isSorted?: true
}

const walked: readonly Shape[] = [
  { table: 'incidents', options: '', index: 'created' },
  { table: 'incidents', options: "$filter=status eq 'active'", index: 'status' },
  { table: 'incidents', options: "$filter=severity eq 'high' and createdDateTime ge 2026-02-01", index: 'created' },
  { table: 'incidents', options: `$filter=assignedTo eq '${rareAssignee}'`, index: 'owner' },
  { table: 'incidents', options: '$orderby=lastUpdateDateTime desc', index: 'updated' },
  { table: 'incidents', options: '$filter=lastUpdateDateTime ge 2025-08-01', index: 'created' },
  { table: 'alerts', options: '', index: 'created' },
  { table: 'alerts', options: "$filter=status eq 'new'", index: 'status' },
  { table: 'alerts', options: "$filter=severity eq 'high' and createdDateTime ge 2026-02-01", index: 'created' },
  { table: 'alerts', options: `$filter=assignedTo eq '${rareAssignee}'`, index: 'owner' },
  { table: 'alerts', options: '$orderby=lastUpdateDateTime', index: 'updated' },
  { table: 'alerts', options: "$filter=incidentId eq '50'", index: 'incident' },
  { table: 'alerts', options: "$filter=incidentId eq '50' and status eq 'new'", index: 'incident' },
  { table: 'tasks', options: '$top=50', index: 'created' },
  { table: 'tasks', options: '$top=50&$orderby=lastUpdateDateTime desc', index: 'updated' },
  { table: 'tasks', options: "$filter=incidentId eq '50'", index: 'incident' },
]

const recent: readonly Shape[] = [
  {
    table: 'incidents',
    options: '$filter=lastUpdateDateTime ge 2026-06-30T20:00:00Z',
    index: 'updated',
    isSorted: true,
  },
  { table: 'alerts', options: '$filter=lastUpdateDateTime ge 2026-06-30T20:00:00Z', index: 'updated', isSorted: true },
  {
    table: 'alerts',
    options: "$filter=status eq 'new' and lastUpdateDateTime ge 2026-06-30T20:00:00Z",
    index: 'updated',
    isSorted: true,
  },
  { table: 'tasks', options: '$filter=lastUpdateDateTime ge 2026-06-30T20:00:00Z', index: 'updated', isSorted: true },
]

/** A counted filter, and what is read for it: counts alone, or an index alone. */
const counted: readonly (readonly [table: Table, filter: string, read: RegExp])[] = [
  ['incidents', '', /^incident_counts$/],
  ['alerts', '', /^alert_counts$/],
  ['tasks', '', /^task_counts$/],
  ['incidents', "status eq 'active'", /^incident_counts$/],
  ['incidents', "assignedTo eq null and severity ne 'low'", /^incident_counts$/],
  ['alerts', "status eq 'new' and serviceSource eq 'dataLossPrevention'", /^alert_counts$/],
  ['incidents', "severity eq 'high' and createdDateTime ge 2026-01-01", /^incident_counts$/],
  ['alerts', "severity eq 'high' and createdDateTime ge 2026-01-10", /^(alert_counts|alerts by created)$/],
  ['incidents', `assignedTo eq '${rareAssignee}'`, /^incidents by owner$/],
  ['alerts', "lastUpdateDateTime ge 2026-06-20 and severity eq 'high'", /^alerts by updated$/],
  ['incidents', "alerts/any(a:a/serviceSource eq 'dataLossPrevention')", /^incidents by (created|updated|status)$/],
  ['alerts', "contains(tolower(title),'web-1234') and status eq 'new'", /^alerts by (name|parts_of_name)$/],
]

const resources: Readonly<Record<Table, ResourceDescription>> = { incidents, alerts, tasks }
const counters = {
  incidents: countIncidents,
  alerts: (...given: Parameters<typeof countIncidents>) => countAlerts(...given, null),
  tasks: countTasks,
} as const

async function readPage(store: Store, table: Table, bound: BoundQuery): Promise<Page<object>> {
  if (table === 'alerts') return pageAlerts(store, tenant, bound, null)
  return table === 'tasks' ? pageTasks(store, tenant, bound) : pageIncidents(store, tenant, bound)
}

/** A store whose reads can be looked at afterwards. */
interface Watched {
  readonly store: Store
  /** The plans of the reads that `work` makes, one text each. */
  planOf(work: () => Promise<unknown>): Promise<string[]>
}

async function openWatched(t: Ending, target: string): Promise<Watched> {
  const real = await openStore(target)
  onEnd(t, () => real.close())
  const seen: CompiledQuery[] = []
  const dialect =
    real.dialect === 'sqlite'
      ? openSqlite(target, 'read').dialect
      : new PostgresDialect({ pool: new Pool({ connectionString: target }) })
  const read = new Kysely<Schema>({ dialect, log: ({ query: statement }) => void seen.push(statement) })
  onEnd(t, () => read.destroy())
  const verb = real.dialect === 'sqlite' ? 'explain query plan' : 'explain'
  return {
    store: { ...real, read },
    planOf: async (work) => {
      seen.length = 0
      await work()
      const plans: string[] = []
      for (const { sql, parameters } of [...seen]) {
        const { rows } = await real.read.executeQuery(CompiledQuery.raw(`${verb} ${sql}`, [...parameters]))
        plans.push(rows.map((row) => String(Object.values(row ?? {}).at(-1))).join('\n'))
      }
      return plans
    },
  }
}

async function fill(target: string): Promise<void> {
  await (await openStore(target)).close()
  const load = await openBulkLoad(target)
  try {
    for (const rows of makeSeedRows({ tenantId: tenant, otherTenantId: otherTenant, incidents: size }, 1_000)) {
      for (const table of seededTables) await load.write(table, rows[table])
    }
    await load.finish()
  } finally {
    await load.close()
  }
}

function requireIndex(plan: string, { table, index, isSorted }: Shape): void {
  assert.match(plan, new RegExp(`\\b${table}_by_${index}\\b`))
  assert.doesNotMatch(plan, /seq scan/i)
  // SQLite says SCAN of whole tables and indexes, SEARCH of parts.
  assert.doesNotMatch(plan, /^SCAN /m)
  if (isSorted !== true) assert.doesNotMatch(plan, /\bsort\b|temp b-tree/i)
}

/** Tables and indexes a plan names. */
function listRead(plan: string): string[] {
  const names = [...plan.matchAll(/\b(incident_counts|alert_counts|task_counts|(incidents|alerts|tasks)_by_\w+)/g)]
  return [...new Set(names.map(([name]) => name.replace('_counts_pk', '_counts').replace('_by_', ' by ')))]
}

async function openFilled(kind: DatabaseKind): Promise<Watched> {
  const target = await makeMigratedDatabase(wholeFile, kind)
  await fill(target)
  return openWatched(wholeFile, target)
}

const opened = new Map<DatabaseKind, Promise<Watched>>()

function eachFilled(name: string, body: (watched: Watched) => Promise<void>): void {
  for (const kind of databaseKinds) {
    test(`${name} (${kind})`, async () => {
      const watched = opened.get(kind) ?? openFilled(kind)
      opened.set(kind, watched)
      await body(await watched)
    })
  }
}

suite('the plan of a list', () => {
  for (const shape of walked) {
    const asked = shape.options || 'the default order'
    eachFilled(`walks an index of ${shape.table} for ${asked}, on every page`, async ({ store, planOf }) => {
      const request = query(shape.options, resources[shape.table])
      let next: Keyset | null = null
      for (let page = 0; page < 3; page++) {
        const bound = boundQuery(request, next)
        const plans = await planOf(async () => {
          next = (await readPage(store, shape.table, bound)).next
        })

        requireIndex(plans.at(-1) ?? '', shape)
        if (next === null) return
      }
    })
  }

  for (const shape of recent) {
    eachFilled(`reads what changed lately alone: ${shape.table}, ${shape.options}`, async ({ store, planOf }) => {
      const bound = boundQuery(query(shape.options, resources[shape.table]), null)

      const plans = await planOf(() => readPage(store, shape.table, bound))

      requireIndex(plans.at(-1) ?? '', shape)
    })
  }

  eachFilled('asks for the alerts of an incident by the incident, whatever else is asked', async (watched) => {
    for (const options of [
      "$filter=status eq 'new'",
      '$filter=lastUpdateDateTime ge 2026-06-30',
      '$orderby=severity',
    ]) {
      const bound = boundQuery(query(options, alerts), null)

      const [plan = ''] = await watched.planOf(() => pageAlerts(watched.store, tenant, bound, 50))

      assert.deepEqual(listRead(plan), ['alerts by incident'], options)
    }
  })
})

suite('the plan of a count', () => {
  eachFilled('of the alerts of an incident reads those alone', async ({ store, planOf }) => {
    const { filter } = query("$filter=status eq 'new'", alerts)

    const [plan = ''] = await planOf(() => countAlerts(store, tenant, filter, 50))

    assert.deepEqual(listRead(plan), ['alerts by incident'])
  })

  for (const [table, text, read] of counted) {
    eachFilled(`of ${table} with ${text || 'no filter'} reads no row`, async ({ store, planOf }) => {
      const bound = text === '' ? null : query(`$filter=${text}`, resources[table]).filter

      const plans = await planOf(() => counters[table](store, tenant, bound))

      assert.equal(plans.length, 1)
      assert.notDeepEqual(listRead(plans[0] ?? ''), [])
      for (const name of listRead(plans[0] ?? '')) assert.match(name, read)
      assert.doesNotMatch(plans[0] ?? '', new RegExp(`^SCAN ${table}|seq scan on ${table}`, 'im'))
      assert.doesNotMatch(plans[0] ?? '', new RegExp(`using index ${table}_by`, 'i'))
    })
  }
})
