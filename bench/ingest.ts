import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { openFile } from '../src/cli/ingest-file.ts'
import { openIntake } from '../src/intake/intake.ts'
import { findSource } from '../src/intake/sources/list.ts'
import { systemClock } from '../src/io/clock.ts'
import { openStore } from '../src/store/db.ts'

/** What came of taking one scenario in, once, and of writing the same rows with nothing but SQLite. */
export interface IngestReport {
  readonly alerts: number
  readonly incidents: number
  readonly rows: number
  readonly perSecond: number
  readonly floorPerSecond: number
}

/** Alerts that share one transaction, on both sides. */
const alertsPerTransaction = 1_000

async function measureIngest(file: string): Promise<IngestReport> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-ingest-'))
  try {
    const chunks: Buffer[] = []
    for await (const chunk of (await openFile(file)).content) chunks.push(chunk)
    const full = join(folder, 'full.db')
    const taken = await takeIn(full, chunks)
    const empty = join(folder, 'empty.db')
    await (await openStore(empty)).close()
    const { rows, seconds } = copyRows(full, empty, Math.ceil(taken.alerts / alertsPerTransaction))
    return {
      alerts: taken.alerts,
      incidents: taken.incidents,
      rows,
      perSecond: taken.alerts / taken.seconds,
      floorPerSecond: taken.alerts / seconds,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function takeIn(
  database: string,
  chunks: readonly Buffer[],
): Promise<{ alerts: number; incidents: number; seconds: number }> {
  const store = await openStore(database)
  try {
    const source = findSource('ait-ads')
    if (!source) throw new TypeError('there is no source ait-ads')
    const actor = { tenantId: 'bench', id: 'bench', kind: 'system', name: 'bench' } as const
    const startedAt = performance.now()
    const intake = openIntake({ store, clock: systemClock, batchSize: alertsPerTransaction }, actor, source)
    for (const chunk of chunks) await intake.push(chunk)
    const report = await intake.end()
    const seconds = (performance.now() - startedAt) / 1_000
    if (report.accepted === 0 || report.rejectedCount > 0)
      throw new Error(`taken in wrongly: ${JSON.stringify(report)}`)
    return { alerts: report.accepted, incidents: report.incidentsOpened - report.incidentsMerged, seconds }
  } finally {
    await store.close()
  }
}

/** Writes every row of one database into another, table by table, in so many transactions. */
function copyRows(from: string, to: string, transactions: number): { rows: number; seconds: number } {
  const source = new DatabaseSync(from, { readOnly: true })
  const target = new DatabaseSync(to)
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -16384'])
    target.exec(`PRAGMA ${pragma}`)
  const work = listTables(source).flatMap((table) => {
    const found = source.prepare(`SELECT * FROM "${table}"`).all()
    const columns = Object.keys(found[0] ?? {})
    if (columns.length === 0) return []
    const insert = target.prepare(`INSERT INTO "${table}" VALUES (${columns.map(() => '?').join()})`)
    return found.map((row) => ({ insert, values: columns.map((column): SQLInputValue => row[column] ?? null) }))
  })
  const perTransaction = Math.ceil(work.length / transactions)
  const startedAt = performance.now()
  for (let start = 0; start < work.length; start += perTransaction) {
    target.exec('BEGIN IMMEDIATE')
    for (const { insert, values } of work.slice(start, start + perTransaction)) insert.run(...values)
    target.exec('COMMIT')
  }
  const seconds = (performance.now() - startedAt) / 1_000
  source.close()
  target.close()
  return { rows: work.length, seconds }
}

/** Tables that are written; counts and names follow from them by triggers, on both sides. */
function listTables(database: DatabaseSync): string[] {
  return database
    .prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table'
       AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'kysely_%' AND name NOT LIKE '%_counts' AND name NOT LIKE '%_names%'`,
    )
    .all()
    .map((row) => String(row.name))
}

// A process of its own, so that each round starts with an empty heap. It ends with its parent.
process.on('message', async (file: string) => process.send?.(await measureIngest(file)))
process.on('disconnect', () => process.exit())
