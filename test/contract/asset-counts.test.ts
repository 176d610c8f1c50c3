import assert from 'node:assert/strict'
import { giveTenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const device = '#microsoft.graph.security.deviceEvidence' as const
const user = '#microsoft.graph.security.userEvidence' as const

tenantTestOnEach('counts what the alerts of each incident name, as its list of assets has it', async (tenant) => {
  const reader = await tenant.as('reader')
  const some = await tenant.incident()
  await tenant.alert(some, {
    evidence: [
      { '@odata.type': device, hostName: 'web-01', deviceDnsName: 'web-01.contoso.example' },
      { '@odata.type': user, userAccount: { userPrincipalName: 'ada@contoso.example' } },
    ],
  })
  await tenant.alert(some, { evidence: [{ '@odata.type': device, hostName: 'WEB-01' }] })
  const many = await tenant.incident()
  for (let number = 0; number < 26; number++) {
    await tenant.alert(many, { evidence: [{ '@odata.type': device, hostName: `web-${number % 4}` }] })
  }
  const none = await tenant.incident()

  const { body } = await reader.get(`/api/v1/assets/counts?incidents=${[some, many, none, '999999999'].join()}`)
  const listed = await reader.get(`/api/v1/incidents/${some}/assets`)

  assert.deepEqual(body.value, [
    { incidentId: some, assets: 2, complete: true },
    { incidentId: many, assets: 4, complete: false },
    { incidentId: none, assets: 0, complete: true },
  ])
  assert.equal(listed.body.value.length, 2)
})

tenantTest('counts nothing of other tenants, and refuses what names no incidents', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const other = await (await giveTenant(cordon)).incident()

  const theirs = await reader.get(`/api/v1/assets/counts?incidents=${other}`)
  const refused = await Promise.all(
    [
      '',
      '?incidents=',
      '?incidents=1,x',
      '?incidents=1&incidents=2',
      '?incidents=1&top=2',
      `?incidents=${'1,'.repeat(50)}1`,
    ].map(async (search) => (await reader.get(`/api/v1/assets/counts${search}`)).status),
  )

  assert.deepEqual(theirs.body, { value: [] })
  assert.deepEqual(new Set(refused), new Set([400]))
})
