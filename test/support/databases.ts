import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, type Store } from '../../src/store/db.ts'
import { type Ending, onEnd, wholeFile } from './cleanup.ts'
import { type Cluster, startPostgres } from './postgres.ts'
import { databaseUrl, makePostgresTemplate, postgresTemplate, query, sqliteTemplateVariable } from './templates.ts'

/** The databases every store test runs on. */
export const databaseKinds = ['sqlite', 'postgres'] as const

/** One of them. */
export type DatabaseKind = (typeof databaseKinds)[number]

let ownCluster: Promise<Cluster> | null = null
let serial = 0

onEnd(wholeFile, async () => (await ownCluster)?.stop())

/** URL of the PostgreSQL the runner started, or of one of this file's own when it is run alone. */
async function clusterUrl(): Promise<string> {
  const shared = process.env.CORDON_TEST_POSTGRES
  if (shared) return shared
  ownCluster ??= startWithTemplate()
  return (await ownCluster).url
}

async function startWithTemplate(): Promise<Cluster> {
  const cluster = await startPostgres()
  await makePostgresTemplate(cluster.url)
  return cluster
}

/**
 * An empty database for one test, gone with it.
 * @returns what `cordon serve --database` (PostgreSQL) or the path in `--data` (SQLite) would be: an argument of openStore
 */
export async function makeDatabase(t: Ending, kind: DatabaseKind): Promise<string> {
  return kind === 'sqlite' ? join(makeFolder(t), 'cordon.db') : createDatabase(t, 'template1')
}

/** The same with the tables in it already. */
export async function makeMigratedDatabase(t: Ending, kind: DatabaseKind): Promise<string> {
  if (kind === 'postgres') return createDatabase(t, postgresTemplate)
  const path = join(makeFolder(t), 'cordon.db')
  copySqliteTemplate(path)
  return path
}

/** Puts the tables where an embedded database will be; run alone, a file lets the store make them. */
export function copySqliteTemplate(path: string): void {
  const template = process.env[sqliteTemplateVariable]
  if (template) copyFileSync(template, path)
}

function makeFolder(t: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-test-'))
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function createDatabase(t: Ending, template: string): Promise<string> {
  const url = await clusterUrl()
  const name = `cordon_${process.pid}_${++serial}`
  await query(url, `create database ${name} template ${template}`)
  onEnd(t, () => query(url, `drop database ${name} with (force)`))
  // A server beside which three suites work gives a connection late at times; that is none of their matters.
  return `${databaseUrl(url, name)}?connect_timeout=30`
}

/** A migrated store for one test. */
export async function makeStore(t: TestContext, kind: DatabaseKind): Promise<Store> {
  const store = await openStore(await makeMigratedDatabase(t, kind))
  onEnd(t, () => store.close())
  return store
}

/** The same test on every database. */
export function eachDatabase(name: string, body: (t: TestContext, store: Store) => Promise<void>): void {
  for (const kind of databaseKinds) {
    test(`${name} (${kind})`, async (t) => body(t, await makeStore(t, kind)))
  }
}

/** The URL of a PostgreSQL database for a user who may make tables in it and nothing else. */
export async function makeLesserUser(t: Ending, target: string): Promise<string> {
  const name = `lesser_${process.pid}_${++serial}`
  await query(target, `create role ${name} login; grant create, usage on schema public to ${name}`)
  onEnd(t, () => query(target, `drop owned by ${name}; drop role ${name}`))
  const url = new URL(target)
  url.username = name
  return url.href
}
