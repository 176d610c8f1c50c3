import { join } from 'node:path'
import { Client } from 'pg'
import { openStore } from '../../src/store/db.ts'

/** A database of the cluster that has the tables and no rows, to be copied: making them anew takes seconds of a busy machine. */
export const postgresTemplate = 'cordon_template'

/** Names the embedded database that has the tables and no rows, so that suites in processes of their own copy the same. */
export const sqliteTemplateVariable = 'CORDON_TEST_SQLITE_TEMPLATE'

/**
 * Makes the database that others of that cluster are copies of.
 * @param url of the cluster's maintenance database
 */
export async function makePostgresTemplate(url: string): Promise<void> {
  await query(url, `create database ${postgresTemplate}`)
  await migrate(databaseUrl(url, postgresTemplate))
}

/** Makes the embedded database that others are copies of. @returns its path */
export async function makeSqliteTemplate(folder: string): Promise<string> {
  const path = join(folder, 'template.db')
  await migrate(path)
  return path
}

async function migrate(target: string): Promise<void> {
  const store = await openStore(target)
  await store.close()
}

/** The URL of another database of a cluster. */
export function databaseUrl(url: string, name: string): string {
  return url.replace(/\/postgres$/, `/${name}`)
}

/** A database in use is waited for by PostgreSQL itself, but for five seconds only (SQLSTATE 55006). */
const turns = 12

/** Runs a statement on a connection of its own, again where others still work on the database that it is about. */
export async function query(url: string, statement: string): Promise<void> {
  for (let turn = 1; ; turn++) {
    try {
      return await queryOnce(url, statement)
    } catch (error) {
      if (turn === turns || (error as { code?: string }).code !== '55006') throw error
    }
  }
}

async function queryOnce(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
