import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

/** A row as it lies in the database. */
type Row = Record<string, SQLInputValue>

/** What one PATCH wrote. */
interface Written {
  readonly incident: Row
  readonly audit: Row
  readonly event: Row
}

/** Reads what the last PATCHes of a running server wrote; its database stays as it is. */
export function readWritten(database: string, limit: number): Written[] {
  const connection = new DatabaseSync(database, { readOnly: true })
  try {
    const audits = connection
      .prepare("SELECT * FROM audit WHERE action = 'updateIncident' ORDER BY seq DESC LIMIT ?")
      .all(limit)
    const incident = connection.prepare('SELECT * FROM incidents WHERE tenant_id = ? AND id = ?')
    const event = connection.prepare('SELECT * FROM outbox WHERE tenant_id = ? AND object_id = ? ORDER BY seq DESC')
    return audits.map((audit) => {
      const key = [String(audit.tenant_id), String(audit.object_id)] as const
      const [one, other] = [incident.get(key[0], Number(key[1])), event.get(...key)]
      if (!one || !other) throw new Error(`the PATCH of incident ${key[1]} left no event`)
      // SQLite hands out what it takes in.
      return { incident: one as Row, audit: audit as Row, event: other as Row }
    })
  } finally {
    connection.close()
  }
}

/** How many audit entries PATCHes of incidents have left. */
export function countWritten(database: string): number {
  const connection = new DatabaseSync(database, { readOnly: true })
  try {
    const row = connection.prepare("SELECT count(*) AS n FROM audit WHERE action = 'updateIncident'").get()
    return Number(row?.n)
  } finally {
    connection.close()
  }
}

/** Writes the same rows with nothing but SQLite, one transaction after the other, each flushed to disk. */
export interface RawWriter {
  /** @returns transactions per second */
  run(seconds: number): number
  close(): void
}

/** Opens a writer on a database with the same incidents. */
export function openRawWriter(database: string, written: readonly Written[]): RawWriter {
  const connection = new DatabaseSync(database)
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -16384']) {
    connection.exec(`PRAGMA ${pragma}`)
  }
  const [first] = written
  if (!first) throw new Error('nothing was written')
  const insert = (table: string, row: Row, counted: readonly string[]): { run: (row: Row) => void } => {
    const columns = Object.keys(row).filter((column) => !counted.includes(column))
    const marks = columns.map(() => '?').join()
    const statement = connection.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${marks})`)
    return { run: (values) => void statement.run(...columns.map((column) => values[column] ?? null)) }
  }
  const audit = insert('audit', first.audit, [])
  const event = insert('outbox', first.event, ['seq'])
  const tenantId = first.audit.tenant_id ?? null
  const head = connection.prepare(
    'INSERT INTO audit_heads (tenant_id, size, hash) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET size = excluded.size, hash = excluded.hash',
  )
  let size = Number(connection.prepare('SELECT size FROM audit_heads WHERE tenant_id = ?').get(tenantId)?.size ?? 0)
  const columns = Object.keys(first.incident).filter((column) => column !== 'tenant_id' && column !== 'id')
  const sets = columns.map((column) => `${column} = ?`).join()
  const update = connection.prepare(`UPDATE incidents SET ${sets} WHERE tenant_id = ? AND id = ?`)
  let next = 0
  return {
    run: (seconds) => {
      const startedAt = performance.now()
      const start = next
      while (performance.now() - startedAt < seconds * 1_000) {
        const change = written[next++ % written.length] ?? first
        const values = columns.map((column): SQLInputValue => change.incident[column] ?? null)
        connection.exec('BEGIN IMMEDIATE')
        update.run(...values, change.incident.tenant_id ?? null, change.incident.id ?? null)
        audit.run({ ...change.audit, seq: ++size })
        head.run(tenantId, size, change.audit.hash ?? null)
        event.run(change.event)
        connection.exec('COMMIT')
      }
      return ((next - start) * 1_000) / (performance.now() - startedAt)
    },
    close: () => connection.close(),
  }
}
