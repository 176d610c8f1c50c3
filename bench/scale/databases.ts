import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Client } from 'pg'
import { createApplication } from '../../src/access/applications.ts'
import { createTenant, ensureFirstTenant } from '../../src/access/tenants.ts'
import { instantOf, randomIds, systemClock } from '../../src/io/clock.ts'
import { databaseFile } from '../../src/io/data-dir.ts'
import { openStore } from '../../src/store/db.ts'
import { openBulkLoad } from './bulk-load.ts'
import { makeSeedRows, type SeedPlan, seededTables } from './rows.ts'

/** A filled database and who may ask it. */
export interface SeededDatabase {
  readonly incidents: number
  readonly dataDir: string
  /** `postgres://` URL; the embedded database in `dataDir` without. */
  readonly database: string | undefined
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
}

/** Where a database of one size is to be. */
export interface Place {
  readonly dataDir: string
  /** Maintenance database of a PostgreSQL; the embedded database without. */
  readonly cluster: string | undefined
  readonly incidents: number
  /** Of each incident; as {@link SeedPlan} has it without. */
  readonly alertsPerIncident?: number
}

const incidentsPerBatch = 2_000

/** Opens what an earlier run left at the place, or fills it. @param say is told of long work */
export async function prepareDatabase(place: Place, say: (text: string) => void): Promise<SeededDatabase> {
  const note = join(place.dataDir, 'seeded.json')
  const made = describeSeed()
  if (existsSync(note)) {
    const known: { made: string; seeded: SeededDatabase } = JSON.parse(readFileSync(note, 'utf8'))
    // The cluster has another port on every start.
    if (known.made === made) return { ...known.seeded, database: databaseUrl(place) }
  }
  rmSync(place.dataDir, { recursive: true, force: true })
  mkdirSync(place.dataDir, { recursive: true })
  const seeded = await fillDatabase(place, say)
  writeFileSync(note, JSON.stringify({ made, seeded }))
  return seeded
}

/** What a database is made by; one that was made otherwise is made again. */
function describeSeed(): string {
  const root = join(import.meta.dirname, '../..')
  const files = ['bench/scale/rows.ts', ...globSync('src/store/migrations/*.ts', { cwd: root }).sort()]
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function databaseUrl({ cluster, incidents }: Place): string | undefined {
  return cluster?.replace(/\/postgres$/, `/cordon_${incidents}`)
}

async function fillDatabase(place: Place, say: (text: string) => void): Promise<SeededDatabase> {
  const { cluster, incidents, dataDir } = place
  const database = databaseUrl(place)
  if (cluster !== undefined) await recreateDatabase(cluster, `cordon_${incidents}`)
  const target = database ?? databaseFile(dataDir)
  const store = await openStore(target)
  const deps = { store, clock: systemClock, ids: randomIds }
  let seeded: SeededDatabase
  let otherTenantId: string
  try {
    const { id: tenantId } = await ensureFirstTenant(deps)
    otherTenantId = (await createTenant(deps, { id: 'bench', kind: 'system', name: 'bench' }, { name: 'Other' })).id
    const actor = { tenantId, id: 'bench', kind: 'system', name: 'bench' } as const
    const client = await createApplication(deps, actor, { name: 'bench', role: 'responder' })
    seeded = { incidents, dataDir, database, ...client }
  } finally {
    await store.close()
  }
  const { alertsPerIncident } = place
  await writeRows(target, { tenantId: seeded.tenantId, otherTenantId, incidents, alertsPerIncident }, say)
  await nameThings(target)
  return seeded
}

async function writeRows(target: string, plan: SeedPlan, say: (text: string) => void): Promise<void> {
  const load = await openBulkLoad(target)
  try {
    let made = 0
    for (const rows of makeSeedRows(plan, incidentsPerBatch)) {
      for (const table of seededTables) await load.write(table, rows[table])
      made += rows.incidents.length
      if (made % 100_000 === 0) say(`${made} of ${plan.incidents} incidents`)
    }
    await load.write('counters', [{ name: 'incident', value: made }])
    await load.finish()
  } finally {
    await load.close()
  }
}

/** Writes by which names things are found, and how many alerts name each; when it was seen is made up. */
export async function nameThings(target: string): Promise<void> {
  const store = await openStore(target)
  try {
    await store.transaction(async (tx) => {
      if (store.dialect === 'postgres') await sql`set local statement_timeout = 0`.execute(tx)
      const at = instantOf(Date.parse('2026-01-01T00:00:00Z'))
      await sql`insert into entities (tenant_id, kind, value, alert_count, first_seen_at, last_seen_at, partners)
        select tenant_id, kind, value, count(*), ${at}, ${at}, '{}' from alert_entities group by tenant_id, kind, value`.execute(
        tx,
      )
    })
  } finally {
    await store.close()
  }
}

async function recreateDatabase(cluster: string, name: string): Promise<void> {
  const client = new Client({ connectionString: cluster })
  await client.connect()
  try {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${name}`)
  } finally {
    await client.end()
  }
}
