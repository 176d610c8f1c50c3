import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startCordon } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'

const run = promisify(execFile)

interface Exchange {
  readonly method: string
  readonly status: number
  readonly retryAfter: string | null
  readonly at: number
  readonly attempt: string | null
}

test('an unchanged microsoft-graph-client waits as long as Retry-After says after a 429, and then succeeds', async (t) => {
  const cordon = await startCordon(t, { rateLimits: { perCallerPerMinute: 20 } })
  const tenant = await giveTenant(cordon)
  const id = await tenant.incident()
  const { clientId, clientSecret } = await cordon.createClient('responder', tenant.id)
  const args = [cordon.url, tenant.id, clientId, clientSecret, id]

  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'graph-client-retry.ts'), ...args], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: cordon.caPath },
  })

  const { ids, updated, exchanges }: { ids: string[]; updated: { customTags: string[] }; exchanges: Exchange[] } =
    JSON.parse(stdout)
  const refused = exchanges.findIndex(({ status }) => status === 429)
  const [refusal, next] = exchanges.slice(refused, refused + 2)
  assert.ok(refusal !== undefined && next !== undefined, stdout)
  assert.match(refusal.retryAfter ?? '', /^[1-9]$/)
  assert.ok(next.at - refusal.at >= Number(refusal.retryAfter) * 1_000)
  assert.equal(next.attempt, '1')
  assert.equal(next.status, 200)
  assert.equal(ids.length, exchanges.filter(({ method, status }) => method === 'GET' && status === 200).length)
  assert.deepEqual([...new Set(ids)], [id])
  assert.deepEqual(updated.customTags, ['retried'])
  const changes = await cordon.store.read.selectFrom('audit').selectAll().where('object_id', '=', id).execute()
  assert.equal(changes.length, 1)
})
