import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../test/support/postgres.ts'
import type { DatabaseName } from './run.ts'

/** One kind of database, and where it is measured. */
export interface OnDatabase {
  readonly name: DatabaseName
  readonly folder: string
  /** Maintenance database of a PostgreSQL that runs meanwhile; the embedded database without. */
  readonly cluster: string | undefined
}

/**
 * Does some work on each kind of database, one after the other.
 * @param folder of the databases, kept for the next run; a folder of its own, removed afterwards, without
 */
export async function eachDatabase(
  folder: string | undefined,
  names: readonly DatabaseName[],
  work: (on: OnDatabase) => Promise<void>,
): Promise<void> {
  const place = folder ?? mkdtempSync(join(tmpdir(), 'cordon-scale-'))
  mkdirSync(place, { recursive: true })
  // PostgreSQL runs as a user of its own, who must get through to its part.
  if (folder === undefined) chmodSync(place, 0o711)
  try {
    for (const name of names) {
      if (name === 'sqlite') await work({ name, folder: place, cluster: undefined })
      else await onPostgres(name, place, work)
    }
  } finally {
    if (folder === undefined) rmSync(place, { recursive: true, force: true })
  }
}

async function onPostgres(name: DatabaseName, folder: string, work: (on: OnDatabase) => Promise<void>): Promise<void> {
  const home = join(folder, 'postgres')
  mkdirSync(home, { recursive: true })
  const cluster = await startPostgres(home)
  try {
    await work({ name, folder, cluster: cluster.url })
  } finally {
    await cluster.stop()
  }
}
