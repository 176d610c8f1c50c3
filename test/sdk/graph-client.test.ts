import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tenantTest } from '../support/shared-cordon.ts'

const run = promisify(execFile)

tenantTest(
  'an unchanged microsoft-graph-client with @azure/identity does the whole job over TLS',
  async (tenant, cordon) => {
    const ids: string[] = []
    for (let index = 0; index < 5; index++) {
      ids.push(await tenant.incident({ createdDateTime: `2026-01-0${index + 1}T00:00:00.0000000Z` }))
    }
    const [incident = ''] = ids
    const task = await tenant.task(incident)
    const running = await tenant.task(incident)
    // The turn of the device is taken, so the task's action stays under way.
    await tenant.execution(running, 'running', { targetKey: 'device:web-07' })
    const { clientId, clientSecret } = await cordon.createClient('responder', tenant.id)
    const args = [cordon.url, tenant.id, clientId, clientSecret, incident, task]

    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'graph-client.ts'), ...args], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: cordon.caPath },
    })

    const steps = new Map(stdout.trimEnd().split('\n').map(readStep))
    assert.deepEqual(steps.get('list'), ids)
    assert.equal(Number(steps.get('count')), 5)
    assert.equal(steps.get('get').id, incident)
    assert.equal(steps.get('update').status, 'inProgress')
    assert.deepEqual(steps.get('update').customTags, ['sdk'])
    assert.equal(steps.get('comment').value.at(-1).comment, 'from the SDK')
    assert.equal(steps.get('prefer').status, 'inProgress')
    assert.equal(steps.get('execute'), null)
    assert.deepEqual(steps.get('again'), {
      statusCode: 400,
      code: 'BadRequest',
      hasRequestId: true,
      message: 'Response action is already in progress.',
    })
    assert.equal(steps.get('task').actionStatus, 'inProgress')
    assert.equal(steps.get('task').incident.id, incident)
    assert.equal(steps.get('absent').statusCode, 404)
    assert.equal(steps.get('absent').code, 'NotFound')
    assert.match(steps.get('top').message, /The limit of '50' for Top query has been exceeded/)
    assert.deepEqual([...steps.get('batch')].sort(), [...Array(19).fill(200), 404])
  },
)

// biome-ignore lint/suspicious/noExplicitAny: each step reports something of its own
function readStep(line: string): [string, any] {
  const { step, result } = JSON.parse(line)
  return [step, result]
}
