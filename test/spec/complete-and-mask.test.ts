import assert from 'node:assert/strict'
import { test } from 'node:test'
import { propertiesOf } from '../../src/model/edm.ts'
import type { Alert } from '../../src/model/generated.ts'
import { completeEntity, hasHidden, maskHidden } from '../../src/model/graph-validate.ts'

const now = '2026-01-02T03:04:05.0000000Z'

function completeAlert(): Alert {
  return completeEntity(
    'alert',
    {
      id: 'a1',
      title: 't',
      severity: 'high',
      evidence: [
        { '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web01' },
        {
          '@odata.type': '#microsoft.graph.security.hostLogonSessionEvidence',
          account: { '@odata.type': '#microsoft.graph.security.userEvidence', userAccount: { accountName: 'kai' } },
        },
      ],
      additionalData: { '@odata.type': '#microsoft.graph.security.ipEvidence', raw: 1 },
    },
    now,
  )
}

test('a completed entity has every declared property but navigations', () => {
  for (const type of ['incident', 'alert'] as const) {
    const whole = completeEntity(type, { id: '1' }, now)
    const declared = propertiesOf(type).filter((property) => property.kind !== 'navigation')

    assert.deepEqual(Object.keys(whole).sort(), declared.map((property) => property.name).sort())
  }
})

test('what was not given is null, [], {} or the default of the contract', () => {
  const alert = completeAlert()

  assert.equal(alert.status, 'new')
  assert.equal(alert.serviceSource, 'unknown')
  assert.equal(alert.severity, 'high')
  assert.equal(alert.classification, null)
  assert.equal(alert.createdDateTime, null)
  assert.deepEqual(alert.comments, [])
  assert.deepEqual(alert.customDetails, {})
})

test('evidence is completed as the type it names, at every depth', () => {
  const [device, session] = completeAlert().evidence

  assert.ok(device?.['@odata.type'] === '#microsoft.graph.security.deviceEvidence')
  assert.equal(device.hostName, 'web01')
  assert.equal(device.mdeDeviceId, null)
  assert.deepEqual([device.verdict, device.remediationStatus, device.createdDateTime], ['unknown', 'none', now])
  assert.deepEqual([device.roles, device.ipInterfaces, device.loggedOnUsers], [[], [], []])
  assert.ok(session?.['@odata.type'] === '#microsoft.graph.security.hostLogonSessionEvidence')
  assert.equal(session.host, null)
  assert.equal(session.account?.verdict, 'unknown')
  assert.deepEqual(session.account?.userAccount?.resourceAccessEvents, [])
})

test('a dictionary is left alone, even when it looks like evidence', () => {
  assert.deepEqual(completeAlert().additionalData, { '@odata.type': '#microsoft.graph.security.ipEvidence', raw: 1 })
})

test('two completed entities share no list', () => {
  assert.notEqual(completeAlert().comments, completeAlert().comments)
})

test('completing does not change what it was given and is done after once', () => {
  const once = completeAlert()

  assert.deepEqual(completeEntity('alert', once, '2027-01-01T00:00:00.0000000Z'), once)
})

test('a task without its response action type is a mistake of the program, not filled with a guess', () => {
  assert.throws(() => completeEntity('incidentTask', { id: '1' }, now), /actionType/)
})

test('hidden members are masked at every depth', () => {
  const alert: Alert = {
    ...completeAlert(),
    serviceSource: 'microsoftSentinel',
    detectionSource: 'securityCopilot',
    evidence: completeAlert().evidence.map((evidence) => ({ ...evidence, remediationStatus: 'active' as const })),
  }

  const masked = maskHidden('alert', alert)

  assert.equal(masked.serviceSource, 'unknownFutureValue')
  assert.equal(masked.detectionSource, 'unknownFutureValue')
  assert.deepEqual(
    masked.evidence.map((evidence) => evidence.remediationStatus),
    ['unknownFutureValue', 'unknownFutureValue'],
  )
  assert.ok(hasHidden('alert', alert))
  assert.ok(!hasHidden('alert', masked))
})

test('masking reaches evidence inside evidence and leaves the original as it was', () => {
  const [, session] = completeAlert().evidence
  assert.ok(session?.['@odata.type'] === '#microsoft.graph.security.hostLogonSessionEvidence' && session.account)
  const alert = { evidence: [{ ...session, account: { ...session.account, remediationStatus: 'running' } }] }

  const masked = maskHidden('alert', alert)

  assert.equal(masked.evidence[0]?.account.remediationStatus, 'unknownFutureValue')
  assert.equal(alert.evidence[0]?.account.remediationStatus, 'running')
})

test('masking reaches expanded alerts of an incident and the incident of a task', () => {
  const alerts = [completeAlert(), { ...completeAlert(), serviceSource: 'microsoftSentinel' }]
  const incident = { status: 'awaitingAction', alerts }

  assert.equal(maskHidden('incident', incident).status, 'unknownFutureValue')
  assert.equal(maskHidden('incident', incident).alerts[1]?.serviceSource, 'unknownFutureValue')
  assert.equal(maskHidden('incident', incident).alerts[0], alerts[0])
  assert.ok(hasHidden('incidentTask', { incident: { id: '1', status: 'awaitingAction' } }))
})

test('without a hidden member the same object comes back', () => {
  const alert = completeAlert()

  assert.equal(maskHidden('alert', alert), alert)
  assert.ok(!hasHidden('incidentTask', { incident: { id: '1' } }))
})

test('dictionaries are never masked', () => {
  assert.ok(!hasHidden('alert', { additionalData: { serviceSource: 'microsoftSentinel', status: 'awaitingAction' } }))
})
