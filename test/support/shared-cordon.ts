import { test } from 'node:test'
import { wholeFile } from './cleanup.ts'
import { type Cordon, startCordon } from './cordon.ts'
import { type DatabaseKind, databaseKinds } from './databases.ts'
import { giveTenant, type Tenant } from './given.ts'

const running = new Map<DatabaseKind, Promise<Cordon>>()

/** The file's own server on that database, started when it is first asked for and stopped after the last test of the file. */
export function shareCordon(databaseKind: DatabaseKind = 'sqlite'): Promise<Cordon> {
  let cordon = running.get(databaseKind)
  if (cordon === undefined) {
    cordon = startCordon(wholeFile, { databaseKind })
    running.set(databaseKind, cordon)
  }
  return cordon
}

/** What a test on the shared server works with. */
export type TenantTest = (tenant: Tenant, cordon: Cordon) => Promise<void>

/** A test on the file's server, in a tenant of its own. */
export function tenantTest(name: string, body: TenantTest): void {
  test(name, () => runIn('sqlite', body))
}

/** The same test on every database. */
export function tenantTestOnEach(name: string, body: TenantTest): void {
  for (const kind of databaseKinds) test(`${name} (${kind})`, () => runIn(kind, body))
}

async function runIn(kind: DatabaseKind, body: TenantTest): Promise<void> {
  const cordon = await shareCordon(kind)
  await body(await giveTenant(cordon), cordon)
}
