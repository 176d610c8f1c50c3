import assert from 'node:assert/strict'
import { assertError, instantPattern } from '../support/answers.ts'
import { giveTenant, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const list = '/v1.0/security/alerts_v2'

async function givePath(tenant: Tenant): Promise<string> {
  return `${list}/${await tenant.alert(await tenant.incident())}`
}

function alertBody(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    '@odata.type': '#microsoft.graph.security.alert',
    title: 'Connection to a known bad address',
    severity: 'high',
    providerAlertId: 'sensor-1',
    evidence: [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'db-01' }],
    ...change,
  }
}

tenantTestOnEach('changes what the body names and sets the time of resolution', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const before = (await responder.get(path)).body
  const change = {
    assignedTo: 'kai',
    classification: 'truePositive',
    determination: 'malware',
    status: 'resolved',
    customDetails: { ticket: 'INC-7' },
  }

  const resolved = await responder.patch(path, change)
  const reopened = await responder.patch(path, { status: 'inProgress', assignedTo: null })

  assert.equal(resolved.status, 200, resolved.text)
  assert.match(resolved.body['@odata.context'], /#security\/alerts_v2\/\$entity$/)
  const { lastUpdateDateTime, resolvedDateTime } = resolved.body
  assert.match(resolvedDateTime, instantPattern)
  assert.ok(lastUpdateDateTime > before.lastUpdateDateTime)
  const context = resolved.body['@odata.context']
  assert.deepEqual(resolved.body, {
    ...before,
    ...change,
    '@odata.context': context,
    lastUpdateDateTime,
    resolvedDateTime,
  })
  assert.equal(reopened.body.resolvedDateTime, null)
  assert.equal(reopened.body.assignedTo, null)
})

tenantTest('ignores read-only properties and refuses undeclared ones and wrong values', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const before = (await responder.get(path)).body

  const same = await responder.patch(path, { ...before, title: 'rewritten', severity: 'low', evidence: [{ x: 1 }] })
  const wrong: [string, unknown][] = [
    ['status', 'active'],
    ['status', null],
    ['comment', 'x'],
    ['classification', 20],
    ['customDetails', 'x'],
  ]

  assert.equal(same.status, 200, same.text)
  assert.deepEqual({ ...same.body, '@odata.context': '' }, { ...before, '@odata.context': '' })
  for (const [name, value] of wrong) {
    assertError(await responder.patch(path, { [name]: value }), 400, { code: 'BadRequest', target: name })
  }
})

tenantTestOnEach(
  'takes an alert in: 201 with its incident and all its properties, which can be read at once',
  async (tenant) => {
    const admin = await tenant.as('admin')

    const answer = await admin.post(
      list,
      alertBody({ incidentId: '5', tenantId: 'x', comments: [{ comment: 'forged' }] }),
    )

    assert.equal(answer.status, 201, answer.text)
    const { id, incidentId, createdDateTime } = answer.body
    assert.equal(new URL(String(answer.headers.location)).pathname, `${list}/${id}`)
    assert.equal(answer.body.tenantId, tenant.id)
    assert.deepEqual(answer.body.comments, [])
    assert.match(createdDateTime, instantPattern)
    const incident = await admin.get(`/v1.0/security/incidents/${incidentId}?$expand=alerts`)
    assert.equal(incident.body.severity, 'high')
    assert.equal(incident.body.status, 'active')
    assert.deepEqual(
      incident.body.alerts.map((alert: { id: string }) => alert.id),
      [id],
    )
    const { '@odata.context': _context, ...read } = (await admin.get(`${list}/${id}`)).body
    const { '@odata.context': _other, ...created } = answer.body
    assert.deepEqual(read, created)
  },
)

tenantTest('takes the same alert of the same sender once: 200 and up to date', async (tenant) => {
  const [admin, responder] = [await tenant.as('admin'), await tenant.as('responder')]
  const first = await admin.post(list, alertBody())

  const again = await admin.post(list, alertBody({ title: 'Connection seen again' }))
  const ofOther = await responder.post(list, alertBody())

  assert.equal(again.status, 200, again.text)
  assert.equal(again.headers.location, undefined)
  assert.equal(again.body.id, first.body.id)
  assert.equal(again.body.title, 'Connection seen again')
  assert.equal(ofOther.status, 201)
  assert.notEqual(ofOther.body.id, first.body.id)
})

tenantTest('refuses an alert that breaks the contract, naming the property, and stores nothing', async (tenant) => {
  const admin = await tenant.as('admin')
  const type = '#microsoft.graph.security.deviceEvidence'
  const wrong: [RegExp, Record<string, unknown>][] = [
    [/title/, { title: undefined }],
    [/title/, { title: '' }],
    [/severity/, { severity: undefined }],
    [/severity/, { severity: 'critical' }],
    [/severity/, { severity: 'unknownFutureValue' }],
    [/serviceSource/, { serviceSource: 'microsoftSentinel' }],
    [/evidence/, { evidence: [{ hostName: 'x' }] }],
    [/evidence/, { evidence: [{ '@odata.type': '#microsoft.graph.security.alertEvidence' }] }],
    [/evidence/, { evidence: [{ '@odata.type': type, foo: 1 }] }],
    [/evidence/, { evidence: [{ '@odata.type': type, roles: ['nobody'] }] }],
    [/foo/, { foo: 1 }],
    [/createdDateTime/, { createdDateTime: -1 }],
    [/createdDateTime/, { createdDateTime: 'yesterday' }],
  ]
  for (const [message, change] of wrong) {
    assertError(await admin.post(list, alertBody(change)), 400, { code: 'BadRequest', message })
  }
  assert.deepEqual((await admin.get(list)).body.value, [])
})

tenantTest(
  'keeps the alerts of two tenants apart, though the sensor and its ids are the same',
  async (tenant, cordon) => {
    const other = await giveTenant(cordon)
    const [mine, theirs] = [await tenant.as('admin'), await other.as('admin')]

    const first = await mine.post(list, alertBody())
    const second = await theirs.post(list, alertBody())

    assert.equal(second.status, 201)
    assert.notEqual(second.body.incidentId, first.body.incidentId)
    assert.equal((await mine.get(`${list}/$count`)).text, '1')
  },
)
