import type { Kysely } from 'kysely'
import type { Dialect } from '../db.ts'
import * as initial from './0001-initial.ts'
import * as names from './0002-names.ts'
import * as sources from './0003-sources.ts'
import * as actors from './0004-actors.ts'

/** One step of the schema. Forward only; never edited after a release. */
export interface Migration {
  /** @param say is told of what takes long */
  readonly up: (db: Kysely<unknown>, dialect: Dialect, say: (text: string) => void) => Promise<void>
}

/** Every migration in order, listed by hand so that a stray file never runs. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-names': names,
  '0003-sources': sources,
  '0004-actors': actors,
}
