import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startCordon } from '../support/cordon.ts'

const run = promisify(execFile)
const program = `
  import { ClientSecretCredential } from '@azure/identity'
  const [tenant, id, secret, authorityHost] = process.argv.slice(1)
  const credential = new ClientSecretCredential(tenant, id, secret, { authorityHost, disableInstanceDiscovery: true })
  try {
    console.log((await credential.getToken('https://graph.microsoft.com/.default')).token)
  } catch (error) {
    console.log(error.name + ' ' + error.message)
  }
`

test('an unchanged @azure/identity gets a token by tenant id and by domain, and shows a refusal in our words', async (t) => {
  const cordon = await startCordon(t)
  await cordon.store.transaction((tx) =>
    tx.updateTable('tenants').set({ domain: 'contoso.onmicrosoft.com' }).where('id', '=', cordon.tenantId).execute(),
  )
  const { tenantId, clientId, clientSecret } = await cordon.createClient('reader')
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: cordon.caPath }
  const getToken = async (tenant: string, secret: string): Promise<string> => {
    const args = ['--input-type=module', '-e', program, tenant, clientId, secret, cordon.url]
    return (await run(process.execPath, args, { env })).stdout.trim()
  }

  const [byId, byDomain, refused] = await Promise.all([
    getToken(tenantId, clientSecret),
    getToken('contoso.onmicrosoft.com', clientSecret),
    getToken(tenantId, 'wrong'),
  ])

  for (const token of [byId, byDomain]) {
    const answer = await cordon.withToken(token).get('/v1.0/security/incidents')
    assert.equal(answer.status, 200, `${token} ${answer.text}`)
  }
  assert.match(refused, /^Authentication\w*Error invalid_client: .*AADSTS7000215: Invalid client secret/s)
})
