import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Client } from 'pg'
import { binaries } from '../../test/support/postgres.ts'

/** Writes rows into a database as fast as it takes them. Nothing of it is durable before {@link BulkLoad.finish}. */
export interface BulkLoad {
  /** All rows have the columns of the first. */
  write(table: string, rows: readonly object[]): Promise<void>
  /** Makes the indexes again and tells the database what it holds. */
  finish(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a migrated, empty database for filling. Its indexes (keys stay) are dropped and made again at the end: sorting a million entries
 * once costs less than placing them one by one. Triggers stay and do their work.
 * @param target what openStore takes
 */
export async function openBulkLoad(target: string): Promise<BulkLoad> {
  return target.startsWith('postgres:') ? openPostgres(target) : openSqlite(target)
}

function openSqlite(path: string): BulkLoad {
  const connection = new DatabaseSync(path)
  for (const pragma of ['journal_mode = OFF', 'synchronous = OFF', 'cache_size = -2000000']) {
    connection.exec(`PRAGMA ${pragma}`)
  }
  const indexes = connection
    .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    .all()
    .map(({ name, sql }) => ({ name: String(name), sql: String(sql) }))
  // What the planner assumes of an index goes with it.
  const assumed = connection.prepare('SELECT tbl, idx, stat FROM sqlite_stat1').all()
  for (const { name } of indexes) connection.exec(`DROP INDEX "${name}"`)
  const inserts = new Map<string, (values: SQLInputValue[]) => void>()
  const prepare = (table: string, columns: readonly string[]): ((values: SQLInputValue[]) => void) => {
    const marks = columns.map(() => '?').join()
    const statement = connection.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${marks})`)
    return (values) => void statement.run(...values)
  }
  return {
    write: async (table, rows) => {
      const insert = inserts.get(table) ?? prepare(table, Object.keys(rows[0] ?? {}))
      inserts.set(table, insert)
      connection.exec('BEGIN')
      for (const row of rows) insert(Object.values(row))
      connection.exec('COMMIT')
    },
    finish: async () => {
      for (const { sql } of indexes) connection.exec(sql)
      connection.exec('DELETE FROM sqlite_stat1')
      const assume = connection.prepare('INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)')
      for (const { tbl, idx, stat } of assumed) assume.run(tbl ?? null, idx ?? null, stat ?? null)
      connection.exec('PRAGMA journal_mode = WAL')
    },
    close: async () => connection.close(),
  }
}

async function openPostgres(url: string): Promise<BulkLoad> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query("SET maintenance_work_mem = '1GB'; SET jit = off")
  const indexes = await client.query<{ name: string; sql: string }>(`
    SELECT quote_ident(relname) AS name, pg_get_indexdef(oid) AS sql FROM pg_class
    WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = pg_class.oid)`)
  for (const { name } of indexes.rows) await client.query(`DROP INDEX ${name}`)
  const copy = openCopy(url)
  return {
    write: (table, rows) => copy.write(`COPY ${table} (${Object.keys(rows[0] ?? {}).join()}) FROM STDIN;\n`, rows),
    finish: async () => {
      await copy.end()
      for (const { sql } of indexes.rows) await client.query(sql)
      // Marks every page as seen by all, without which no index can be read alone.
      await client.query('VACUUM (ANALYZE)')
      await client.query('CHECKPOINT')
    },
    close: async () => {
      copy.kill()
      await client.end()
    },
  }
}

interface Copy {
  write(statement: string, rows: readonly object[]): Promise<void>
  end(): Promise<void>
  kill(): void
}

/** psql, because the driver cannot COPY. */
function openCopy(url: string): Copy {
  const options = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', url]
  const child = spawn(join(binaries, 'psql'), options, { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`psql ended with ${code}`))))
  })
  // Whoever waits for the end hears of it.
  ended.catch(() => undefined)
  child.stdin.on('error', () => undefined)
  child.stdin.write('SET synchronous_commit = off;\n')
  return {
    write: async (statement, rows) => {
      const lines = rows.map((row) => Object.values(row).map(writeValue).join('\t'))
      if (child.stdin.write(`${statement}${lines.join('\n')}\n\\.\n`)) return
      await Promise.race([once(child.stdin, 'drain'), ended])
    },
    end: () => {
      child.stdin.end()
      return ended
    },
    kill: () => void child.kill(),
  }
}

/** @source PostgreSQL COPY, text format */
function writeValue(value: unknown): string {
  if (value === null) return '\\N'
  const text = String(value)
  return /[\\\t\r\n]/.test(text) ? text.replaceAll(/[\\\t\r\n]/g, (found) => escapes[found] ?? found) : text
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\r': '\\r', '\n': '\\n' }
