import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { type AccessDeps, ensureFirstTenant, lookUpTenant, type Tenant } from '../access/tenants.ts'
import { randomIds, systemClock } from '../io/clock.ts'
import { databaseFile } from '../io/data-dir.ts'
import { readEnvironment } from '../io/env.ts'
import { CordonError } from '../model/errors.ts'
import { listTenants } from '../store/access.ts'
import { type Db, openAsItIs, openForReading, openStore, type Store } from '../store/db.ts'
import type { Actor } from '../store/record.ts'

const defaultDataDir = 'data'

/** Options of every command that works on the store of a server, running or not. */
export interface StoreOptions {
  readonly data?: string
  readonly database?: string
  readonly json?: boolean
}

/** Adds `--data`, `--database` and `--json` to a command. */
export function addStoreOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data folder of the server (CORDON_DATA, default ./data where it exists)')
    .option('--database <url>', 'postgres:// URL of the server, instead of --data (CORDON_DATABASE)')
    .option('--json', 'print JSON')
}

/** As {@link addStoreOptions}, for a command about one tenant. */
export function addTenantOptions(command: Command): Command {
  return addStoreOptions(command).option('--tenant <tenant>', 'id, domain or name of the tenant; default: the first')
}

/**
 * Opens the store the options name, beside a server that may be running on it, and runs `work`.
 * @param verb the command in words; stands in the audit log
 * @throws CordonError BadRequest when the options name no store; whatever `work` throws
 */
export async function runStoreCommand(
  options: StoreOptions,
  verb: string,
  work: (deps: AccessDeps, actor: Omit<Actor, 'tenantId'>) => Promise<void>,
): Promise<void> {
  const store = await openStore(chooseDatabase(options))
  try {
    await work({ store, clock: systemClock, ids: randomIds }, actorOf(verb))
  } finally {
    await store.close()
  }
}

/** Runs a command that only looks at the database, as it is: an older or newer one is not brought up to date. */
export async function readStore<T>(options: StoreOptions, work: (db: Db) => Promise<T>): Promise<T> {
  const store = await openForReading(chooseDatabase(options))
  try {
    return await work(store.read)
  } finally {
    await store.close()
  }
}

/** As {@link readStore}, for a command that leaves a trace of what it has read. @param verb as for {@link runStoreCommand} */
export async function readOnRecord<T>(
  options: StoreOptions,
  verb: string,
  work: (store: Store, actor: Omit<Actor, 'tenantId'>) => Promise<T>,
): Promise<T> {
  const store = await openAsItIs(chooseDatabase(options))
  try {
    return await work(store, actorOf(verb))
  } finally {
    await store.close()
  }
}

/**
 * The tenant a command works in.
 * @param key GUID, domain or name; absent means the first tenant
 * @throws CordonError BadRequest when none or several are called that
 */
export async function chooseTenant(deps: AccessDeps, key: string | undefined): Promise<Tenant> {
  const first = await ensureFirstTenant(deps)
  if (key === undefined) return first
  const found = await lookUpTenant(deps.store.read, key)
  if (typeof found !== 'string') return found
  const named = (await listTenants(deps.store.read)).filter((tenant) => tenant.name === key)
  const [only] = named
  if (only !== undefined && named.length === 1) return only
  throw new CordonError(
    'BadRequest',
    only === undefined
      ? 'There is no such tenant; see: cordon tenant list'
      : 'Several tenants have that name; use the id.',
  )
}

/** Prints one JSON line, or what `lines` makes for people. */
export function printResult(options: StoreOptions, value: unknown, lines: () => readonly string[]): void {
  const text = options.json === true ? JSON.stringify(value) : lines().join('\n')
  process.stdout.write(text === '' ? '' : `${text}\n`)
}

/** Rows as aligned columns under a head. */
export function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  return [head, ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** The data folder that options and environment name; null without, where the usual one does not exist. */
export function chooseData(options: StoreOptions): string | null {
  const data = options.data ?? readEnvironment().data
  if (data !== undefined) return data
  if (options.database !== undefined) return null
  // The folder `cordon serve` takes by default; never made by a command that merely stands in the wrong place.
  return existsSync(defaultDataDir) ? defaultDataDir : null
}

/** The database that options and environment name: a URL, or the path of the embedded one. */
function chooseDatabase(options: StoreOptions): string {
  const environment = readEnvironment()
  const named = options.database ?? (options.data === undefined ? environment.database : undefined)
  if (named !== undefined) {
    if (/^postgres(ql)?:\/\//.test(named)) return named
    throw new CordonError('BadRequest', '--database takes a postgres:// URL.')
  }
  const data = chooseData(options)
  if (data !== null) return databaseFile(data)
  throw new CordonError('BadRequest', 'Say where the server keeps its data: --data DIR or --database URL.')
}

/** The log names who used the command line, as far as the system knows. */
function actorOf(verb: string): Omit<Actor, 'tenantId'> {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch (cause) {
    // A numeric user without an account, as in many containers.
    if (!(cause instanceof Error)) throw cause
  }
  return { id: 'cli', kind: 'system', name: `cordon ${verb} (${user})` }
}
