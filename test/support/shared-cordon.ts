import { type TestContext, test } from 'node:test'
import { wholeFile } from './cleanup.ts'
import { type Cordon, startCordon } from './cordon.ts'
import { type DatabaseKind, databaseKinds } from './databases.ts'
import { giveTenant, type Tenant } from './given.ts'
import { receiverTls } from './receiver.ts'

const running = new Map<DatabaseKind, Promise<Cordon>>()

/** The file's own server on that database, started when it is first asked for and stopped after the last test of the file. */
export function shareCordon(databaseKind: DatabaseKind = 'sqlite'): Promise<Cordon> {
  let cordon = running.get(databaseKind)
  if (cordon === undefined) {
    // Notifications may go to receivers of the test, which have an address of their own.
    cordon = receiverTls().then(({ ca }) =>
      startCordon(wholeFile, { databaseKind, outbound: { allow: ['127.0.0.2/32:*'], ca } }),
    )
    running.set(databaseKind, cordon)
  }
  return cordon
}

/** What a test on the shared server works with. */
export type TenantTest = (tenant: Tenant, cordon: Cordon, t: TestContext) => Promise<void>

/** A test on the file's server, in a tenant of its own. */
export function tenantTest(name: string, body: TenantTest): void {
  test(name, (t) => runIn('sqlite', t, body))
}

/** The same test on every database. */
export function tenantTestOnEach(name: string, body: TenantTest): void {
  for (const kind of databaseKinds) test(`${name} (${kind})`, (t) => runIn(kind, t, body))
}

async function runIn(kind: DatabaseKind, t: TestContext, body: TenantTest): Promise<void> {
  const cordon = await shareCordon(kind)
  await body(await giveTenant(cordon), cordon, t)
}
