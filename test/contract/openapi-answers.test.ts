import assert from 'node:assert/strict'
import { systemClock } from '../../src/io/clock.ts'
import { makeKeyPair } from '../../src/protocol/jws.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { enrolDevice, giveEnrolmentToken, makeResult, sendEnrolment } from '../support/device.ts'
import { knownDevice } from '../support/given.ts'
import { assertFits, type Document, readDocument } from '../support/openapi.ts'
import { startReceiver } from '../support/receiver.ts'
import { tenantTest } from '../support/shared-cordon.ts'

/** Sends a request and compares its answer with the document. */
async function ask(
  document: Document,
  client: Client,
  method: string,
  path: string,
  status: number,
  body?: unknown,
): Promise<Reply> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const headers = text === undefined ? {} : { 'Content-Type': 'application/json' }
  const answer = await client.send(method, path, text, headers)
  assert.equal(answer.status, status, answer.text)
  assertFits(document, method, path, answer)
  return answer
}

tenantTest('batches answer what the OpenAPI document says', async (tenant) => {
  const document = await readDocument()
  const incident = await tenant.incident()
  const responder = await tenant.as('responder')
  const requests = [
    { id: '1', method: 'GET', url: `/security/incidents/${incident}` },
    {
      id: '2',
      method: 'PATCH',
      url: `/security/incidents/${incident}`,
      body: { severity: 'low' },
      headers: { Prefer: 'return=minimal', 'Content-Type': 'application/json' },
    },
    { id: '3', method: 'GET', url: '/security/incidents/x', dependsOn: ['2'] },
  ]

  const answer = await ask(document, responder, 'POST', '/v1.0/$batch', 200, { requests })

  assert.deepEqual(answer.body.responses.map(({ status }: { status: number }) => status).sort(), [200, 204, 404])
  await ask(document, responder, 'POST', '/beta/$batch', 400, { requests: [] })
})

tenantTest('delta rounds answer what the OpenAPI document says', async (tenant) => {
  const document = await readDocument()
  const incident = await tenant.incident()
  const responder = await tenant.as('responder')
  const path = "/v1.0/security/incidents/delta?$filter=severity eq 'medium'".replaceAll(' ', '%20')
  const whole = await ask(document, responder, 'GET', path, 200)
  const link = new URL(whole.body['@odata.deltaLink'])

  await responder.patch(`/v1.0/security/incidents/${incident}`, { severity: 'high' })
  const changed = await ask(document, responder, 'GET', link.pathname + link.search, 200)

  assert.equal(whole.body.value[0].id, incident)
  assert.deepEqual(changed.body.value, [{ id: incident, '@removed': { reason: 'changed' } }])
  await ask(document, responder, 'GET', '/beta/security/incidentTasks/delta', 200)
  await ask(document, responder, 'GET', '/beta/security/alerts_v2/delta?$deltatoken=x', 400)
})

tenantTest('subscriptions answer what the OpenAPI document says', async (tenant, _cordon, t) => {
  const document = await readDocument()
  const receiver = await startReceiver(t)
  const reader = await tenant.as('reader')
  const expirationDateTime = new Date(Date.now() + 3_600_000).toISOString()
  const notificationUrl = `${receiver.origin}/hook`
  const draft = { changeType: 'created,updated', notificationUrl, resource: 'security/incidents', expirationDateTime }

  const made = await ask(document, reader, 'POST', '/v1.0/subscriptions', 201, draft)
  const one = `/v1.0/subscriptions/${made.body.id}`

  await ask(document, reader, 'GET', '/v1.0/subscriptions', 200)
  await ask(document, reader, 'GET', one, 200)
  await ask(document, reader, 'PATCH', one, 200, { expirationDateTime })
  await ask(document, reader, 'POST', `${one}/reauthorize`, 204)
  await ask(document, reader, 'DELETE', one, 204)
  await ask(document, reader, 'GET', one, 404)
  await ask(document, reader, 'POST', '/v1.0/subscriptions', 400, {})
  assert.equal(receiver.received[0]?.path, '/hook')
})

tenantTest('intake and sign-in answer what the OpenAPI document says', async (tenant, cordon) => {
  const document = await readDocument()
  const responder = await tenant.as('responder')
  const sent = `${JSON.stringify({ title: 'x', severity: 'low' })}\n{`
  const credentials = await cordon.createClient('reader', tenant.id)
  const form = (secret: string) =>
    new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credentials.clientId,
      client_secret: secret,
      scope: 'x',
    }).toString()
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const token = `/${tenant.id}/oauth2/v2.0/token`

  const report = await ask(document, responder, 'POST', '/api/v1/intake/graph', 202, sent)
  const issued = await cordon.anonymous.send('POST', token, form(credentials.clientSecret), type)
  const refused = await cordon.anonymous.send('POST', token, form('wrong'), type)

  assert.deepEqual([report.body.accepted, report.body.rejected.length], [1, 1])
  assert.deepEqual([issued.status, refused.status], [200, 401])
  assertFits(document, 'POST', token, issued)
  assertFits(document, 'POST', token, refused)
  const { anonymous } = cordon
  await ask(document, anonymous, 'GET', `/${tenant.id}/v2.0/.well-known/openid-configuration`, 200)
  await ask(document, anonymous, 'GET', `/${tenant.id}/discovery/v2.0/keys`, 200)
  await ask(document, anonymous, 'GET', `/nobody/discovery/v2.0/keys`, 400)
  await ask(document, anonymous, 'GET', '/api/v1/openapi.json', 200)
  await ask(document, anonymous, 'GET', '/healthz', 200)
  await ask(document, anonymous, 'GET', '/readyz', 200)
  await ask(document, anonymous, 'GET', '/v1.0/', 200)
})

tenantTest('the agent channel, executions and undo answer what the OpenAPI document says', async (tenant, cordon) => {
  const document = await readDocument()
  const responder = await tenant.as('responder')
  const key = makeKeyPair()
  const enrolled = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, tenant.id), key)
  assertFits(document, 'POST', '/api/v1/agent/enroll', enrolled)
  const device = await enrolDevice(cordon, tenant.id, knownDevice)
  const task = await tenant.task(await tenant.incident())
  await ask(document, responder, 'POST', `/beta/security/incidentTasks/${task}/executeResponseAction`, 204)
  const waiting = await waitUntil(
    () => device.get('/commands?wait=0'),
    ({ status }) => status === 200,
  )
  const [command] = await device.fetch()
  assert.ok(command)

  const acknowledged = await device.acknowledge(command.commandId)
  const reported = await device.report(makeResult(command))
  const carried = await device.post('/commands?wait=0', {
    reports: [{ journalSeq: 1, result: makeResult(command, { epoch: 9 }) }],
  })
  const heard = await device.post('/heartbeat', heartbeat)
  const executions = `/api/v1/tasks/${task}/executions`
  await waitUntil(
    () => responder.get(executions),
    ({ body }) => body.value[0].state === 'succeeded',
  )
  const listed = await ask(document, responder, 'GET', executions, 200)

  assert.deepEqual([acknowledged.status, reported.status, heard.status], [204, 200, 204])
  assertFits(document, 'GET', '/api/v1/agent/commands', waiting)
  assertFits(document, 'POST', '/api/v1/agent/commands', carried)
  assert.equal(carried.body.refused[0].code, 'Conflict')
  assertFits(document, 'POST', '/api/v1/agent/ack', acknowledged)
  assertFits(document, 'POST', '/api/v1/agent/results', reported)
  assertFits(document, 'POST', '/api/v1/agent/heartbeat', heard)
  assert.equal(listed.body.value[0].result.proof.level, 'observed')
  const { body: whole } = await ask(document, responder, 'GET', `/api/v1/executions/${listed.body.value[0].id}`, 200)
  assert.deepEqual(
    whole.steps.map(({ state }: { state: string }) => state),
    ['dispatching', 'delivered', 'running', 'verifying', 'succeeded'],
  )
  assert.equal(whole.orderCount, 1)
  assert.equal(whole.orders[0].request.body.action, 'contain')
  assert.equal(whole.orders[0].response.proof.level, 'observed')
  assert.ok(!JSON.stringify(whole).includes('jws'), 'what was signed is shown, the signature is not')
  await ask(document, responder, 'POST', `/api/v1/tasks/${task}/undo`, 202)
  await ask(document, responder, 'POST', `/api/v1/tasks/${task}/undo`, 409)
})

const heartbeat = {
  time: systemClock.now(),
  bootId: 'boot-1',
  agentVersion: '0.1.0',
  journalDepth: 0,
  host: {
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.1',
    hostname: knownDevice,
    fqdn: null,
    machineId: '0'.repeat(32),
    addresses: ['192.0.2.7'],
    interfaces: [],
    loggedOnUsers: [],
  },
  state: { isolated: true, until: null, restricted: false, iocVersion: 0 },
  tamper: [],
}
