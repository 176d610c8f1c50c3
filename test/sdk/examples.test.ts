import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Cordon } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest } from '../support/shared-cordon.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, 'examples')

/** What the README tells its reader to put into the environment. */
async function giveEnvironment(tenant: Tenant, cordon: Cordon): Promise<Record<string, string>> {
  const { clientId, clientSecret } = await cordon.createClient('reader', tenant.id)
  return {
    PATH: process.env.PATH ?? '',
    CORDON_URL: cordon.url,
    CORDON_TENANT: tenant.id,
    CORDON_CLIENT_ID: clientId,
    CORDON_CLIENT_SECRET: clientSecret,
    CORDON_CA: cordon.caPath,
  }
}

async function giveIncident(tenant: Tenant): Promise<string> {
  const incident = await tenant.incident({ displayName: 'Beacon of web-07', severity: 'high' })
  await tenant.alert(incident, { title: 'Known bad address', severity: 'high' })
  await tenant.task(incident, { displayName: 'Isolate web-07' })
  return incident
}

function expectedLines(incident: string): string[] {
  return [
    `${incident} high active: Beacon of web-07`,
    '  alert high: Known bad address',
    '  task isolateDevice open: Isolate web-07',
  ]
}

tenantTest('the TypeScript example lists incidents with their alerts and tasks', async (tenant, cordon) => {
  const env = await giveEnvironment(tenant, cordon)
  const incident = await giveIncident(tenant)

  const { stdout } = await run(process.execPath, [join(folder, 'list-incidents.ts')], {
    env: { ...env, NODE_EXTRA_CA_CERTS: cordon.caPath },
  })

  assert.deepEqual(stdout.trimEnd().split('\n'), expectedLines(incident))
})

tenantTest('the Python example lists incidents with their alerts and tasks', async (tenant, cordon) => {
  const env = await giveEnvironment(tenant, cordon)
  const incident = await giveIncident(tenant)

  // The system's Python is the one that has Debian's python3-msal.
  const { stdout } = await run('/usr/bin/python3', [join(folder, 'list_incidents.py')], { env })

  assert.deepEqual(stdout.trimEnd().split('\n'), expectedLines(incident))
})

tenantTest('the curl example prints the JSON of incidents and open tasks', async (tenant, cordon) => {
  const env = await giveEnvironment(tenant, cordon)
  const incident = await giveIncident(tenant)

  const { stdout } = await run('sh', [join(folder, 'list-incidents.sh')], { env })

  const [incidents, tasks] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).value)
  assert.equal(incidents[0].id, incident)
  assert.equal(incidents[0].alerts[0].title, 'Known bad address')
  assert.equal(tasks[0].displayName, 'Isolate web-07')
})

tenantTest('the examples fail when the secret is wrong, and say so', async (tenant, cordon) => {
  const env = { ...(await giveEnvironment(tenant, cordon)), CORDON_CLIENT_SECRET: 'wrong' }

  const script = run('sh', [join(folder, 'list-incidents.sh')], { env })

  await assert.rejects(script, /401/)
})
