import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertError } from '../support/answers.ts'
import { startCordon } from '../support/cordon.ts'
import { giveTenant } from '../support/given.ts'

test('answers 429 with whole seconds in Retry-After to every method, and lets others in', async (t) => {
  const cordon = await startCordon(t, { rateLimits: { perCallerPerMinute: 2 } })
  const tenant = await giveTenant(cordon)
  const incident = `/v1.0/security/incidents/${await tenant.incident()}`
  const [busy, quiet] = [await tenant.as('responder'), await tenant.as('reader')]
  const before = (await quiet.get(incident)).body
  for (let count = 0; count < 2; count++) assert.equal((await busy.get(incident)).status, 200)

  const refused = [
    await busy.get('/v1.0/security/incidents'),
    await busy.get('/beta/security/incidentTasks/$count'),
    await busy.patch(incident, { severity: 'high' }),
    await busy.post(`${incident}/comments`, { comment: 'x' }),
    await busy.get('/api/v1/tasks/1/executions'),
  ]

  for (const answer of refused) {
    assertError(answer, 429, { code: 'TooManyRequests', inner: null })
    const seconds = String(answer.headers['retry-after'])
    assert.match(seconds, /^[1-9]\d*$/)
    assert.ok(Number(seconds) <= 30)
  }
  const head = await busy.send('HEAD', incident)
  assert.deepEqual([head.status, head.text], [429, ''])
  assert.deepEqual((await quiet.get(incident)).body, before)
  const refusals = await cordon.store.read.selectFrom('audit').selectAll().where('decision', '=', 'refused').execute()
  assert.deepEqual(refusals, [])
})

test('counts the items of a batch singly', async (t) => {
  const cordon = await startCordon(t, { rateLimits: { perTenantPerMinute: 3 } })
  const reader = await cordon.as('reader')
  const requests = ['1', '2', '3', '4', '5'].map((id) => ({ id, method: 'GET', url: '/security/incidents' }))

  const answer = await reader.post('/v1.0/$batch', { requests })

  assert.equal(answer.status, 200, answer.text)
  const items: { status: number; headers: Record<string, string> }[] = answer.body.responses
  assert.deepEqual(items.map((item) => item.status).sort(), [200, 200, 200, 429, 429])
  for (const item of items) {
    if (item.status === 429) assert.match(item.headers['Retry-After'] ?? '', /^[1-9]\d*$/)
  }
})
