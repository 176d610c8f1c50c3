import assert from 'node:assert/strict'
import type { Draft } from '../../src/model/edm.ts'
import type { Alert } from '../../src/model/generated.ts'
import { assertError } from '../support/answers.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const show = { Prefer: 'include-unknown-enum-members' }
const list = '/v1.0/security/incidents'

function statusesOf(body: { value: { status: string }[] }): string[] {
  return body.value.map((incident) => incident.status).sort()
}

tenantTestOnEach(
  'shows unknownFutureValue for a hidden member, and the member itself to who asks for it',
  async (tenant) => {
    const reader = await tenant.as('reader')
    const id = await tenant.incident({ status: 'awaitingAction' })

    const [hidden, shown] = [await reader.get(`${list}/${id}`), await reader.get(`${list}/${id}`, show)]
    const [listed, shownInList] = [await reader.get(list), await reader.get(list, show)]

    assert.equal(hidden.body.status, 'unknownFutureValue')
    assert.equal(hidden.headers['preference-applied'], undefined)
    assert.equal(shown.body.status, 'awaitingAction')
    assert.equal(shown.headers['preference-applied'], 'include-unknown-enum-members')
    assert.deepEqual(statusesOf(listed.body), ['unknownFutureValue'])
    assert.deepEqual(statusesOf(shownInList.body), ['awaitingAction'])
  },
)

tenantTestOnEach('filters by what the caller can see', async (tenant) => {
  const reader = await tenant.as('reader')
  await tenant.incident({ status: 'active' })
  await tenant.incident({ status: 'awaitingAction' })
  const find = async (filter: string, headers = {}) =>
    reader.get(`${list}?$filter=${encodeURIComponent(filter)}`, headers)

  assertError(await find("status eq 'awaitingAction'"), 400, { code: 'BadRequest', message: /Invalid filter clause/ })
  assertError(await find("status in ('active','awaitingAction')"), 400)
  assert.deepEqual(statusesOf((await find("status eq 'awaitingAction'", show)).body), ['awaitingAction'])
  assert.deepEqual(statusesOf((await find("status in ('active','awaitingAction')", show)).body), [
    'active',
    'awaitingAction',
  ])
  assert.deepEqual(statusesOf((await find("status eq 'unknownFutureValue'")).body), ['unknownFutureValue'])
  assert.deepEqual(statusesOf((await find("status eq 'unknownFutureValue'", show)).body), [])
  assert.deepEqual(statusesOf((await find("status lt 'unknownFutureValue'")).body), ['active'])
  assert.deepEqual(statusesOf((await find("status ne 'active'")).body), ['unknownFutureValue'])
})

tenantTest('sorts by number, whatever is shown', async (tenant) => {
  const reader = await tenant.as('reader')
  for (const status of ['awaitingAction', 'resolved', 'active', 'inProgress'] as const)
    await tenant.incident({ status })

  const hidden = await reader.get(`${list}?$orderby=status`)
  const shown = await reader.get(`${list}?$orderby=status desc`.replace(' ', '%20'), show)

  const statuses = (body: { value: { status: string }[] }): string[] => body.value.map((incident) => incident.status)
  assert.deepEqual(statuses(hidden.body), ['active', 'resolved', 'inProgress', 'unknownFutureValue'])
  assert.deepEqual(statuses(shown.body), ['awaitingAction', 'inProgress', 'resolved', 'active'])
})

tenantTest('masks at every depth: sources and the evidence of an alert, alone and expanded', async (tenant) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  const draft: Draft<Alert> = {
    serviceSource: 'microsoftSentinel',
    detectionSource: 'scheduledAlerts',
    evidence: [
      { '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-07', remediationStatus: 'active' },
    ],
  }
  const alert = await tenant.alert(incident, draft)
  const facts = ({ serviceSource, detectionSource, evidence }: Alert) => [
    serviceSource,
    detectionSource,
    evidence[0]?.remediationStatus,
  ]

  const single = await reader.get(`/v1.0/security/alerts_v2/${alert}`)
  const shown = await reader.get(`/v1.0/security/alerts_v2/${alert}`, show)
  const expanded = await reader.get(`${list}/${incident}?$expand=alerts`)
  const expandedShown = await reader.get(`${list}/${incident}?$expand=alerts`, show)

  const masked = ['unknownFutureValue', 'unknownFutureValue', 'unknownFutureValue']
  const real = ['microsoftSentinel', 'scheduledAlerts', 'active']
  assert.deepEqual(facts(single.body), masked)
  assert.deepEqual(facts(shown.body), real)
  assert.deepEqual(facts(expanded.body.alerts[0]), masked)
  assert.deepEqual(facts(expandedShown.body.alerts[0]), real)
})

tenantTest('masks the answers of a PATCH too, and keeps what is stored', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = `${list}/${await tenant.incident({ status: 'awaitingAction' })}`

  const answer = await responder.patch(path, { severity: 'high' })

  assert.equal(answer.body.status, 'unknownFutureValue')
  assert.equal((await responder.get(path, show)).body.status, 'awaitingAction')
})

tenantTest('leaves a hidden status alone when a client sends back what it was shown', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = `${list}/${await tenant.incident({ status: 'awaitingAction' })}`
  const shown = (await responder.get(path)).body

  const answer = await responder.patch(path, { ...shown, assignedTo: 'kai' })

  assert.equal(answer.status, 200, answer.text)
  assert.equal((await responder.get(path, show)).body.status, 'awaitingAction')
})

tenantTest('reads the preference beside others, in repeated headers and in any case', async (tenant) => {
  const reader = await tenant.as('reader')
  await tenant.incident({ status: 'awaitingAction' })
  for (const prefer of [
    'return=representation, Include-Unknown-Enum-Members',
    'odata.maxpagesize=5,include-unknown-enum-members',
  ]) {
    const answer = await reader.get(list, { Prefer: prefer })

    assert.deepEqual(statusesOf(answer.body), ['awaitingAction'])
    assert.match(String(answer.headers['preference-applied']), /include-unknown-enum-members/)
  }
})
