import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const evidence = [
  {
    '@odata.type': '#microsoft.graph.security.processEvidence',
    createdDateTime: '2026-01-02T00:00:00.0000000Z',
    verdict: 'suspicious',
    remediationStatus: 'none',
    remediationStatusDetails: null,
    roles: [],
    detailedRoles: [],
    tags: [],
    processId: 4780,
    parentProcessId: 9_007_199_254_740_991,
    imageFile: { fileName: 'a.exe', fileSize: 5_000_000_000 },
  },
]
const additionalData = { processId: 7, nested: { fileSize: 8 } }

async function give(tenant: Tenant): Promise<{ incident: string; alert: string; task: string }> {
  const incident = await tenant.incident()
  // The store takes what intake would have completed.
  const draft = { evidence, additionalData } as unknown as Parameters<Tenant['alert']>[1]
  return { incident, alert: await tenant.alert(incident, draft), task: await tenant.task(incident) }
}

/** The same wish in each of its spellings: query and headers. */
const asked = (parameters: string): [string, Record<string, string>][] => [
  [`$format=application/json;${parameters}`, {}],
  [`%24FORMAT=${encodeURIComponent(`application/json; ${parameters}`)}`, { Accept: '*/*' }],
  ['', { Accept: `application/json;${parameters}` }],
  ['', { Accept: `text/plain;q=0.9, application/json;odata.streaming=true;${parameters}` }],
  [`$format=application/json;${parameters}`, { Accept: 'application/json;odata.metadata=minimal' }],
]

function typeOf(metadata: string, ieee754 = false): string {
  return `application/json;odata.metadata=${metadata};odata.streaming=true;IEEE754Compatible=${ieee754};charset=utf-8`
}

tenantTest('answers without metadata but what a client needs to go on', async (tenant) => {
  const reader = await tenant.as('reader')
  await give(tenant)
  await give(tenant)
  for (const [query, headers] of asked('odata.metadata=none')) {
    const path = `/v1.0/security/incidents?$top=1&$count=true&$expand=alerts($count=true)&${query}`
    const answer = await reader.get(path, headers)

    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['content-type'], typeOf('none'))
    assert.equal(answer.body['@odata.count'], 2)
    assert.match(answer.body['@odata.nextLink'], /^https:/)
    const [incident] = answer.body.value
    assert.equal(incident['alerts@odata.count'], 1)
    assert.equal(incident.alerts[0].evidence[0].processId, 4780)
    assert.doesNotMatch(answer.text, /@odata\.(context|type|id|etag)/)
  }
})

tenantTestOnEach('says of every entity its type, address and version with full metadata', async (tenant) => {
  const reader = await tenant.as('reader')
  const { incident, alert, task } = await give(tenant)
  const full = '$format=application/json;odata.metadata=full'

  const one = await reader.get(`/beta/security/incidents/${incident}?$expand=alerts($select=id)&$select=status&${full}`)
  const tasks = await reader.get(`/beta/security/incidentTasks?${full}`)
  const expanded = await reader.get(`/beta/security/incidentTasks/${task}?$expand=incident&${full}`)

  assert.equal(one.headers['content-type'], typeOf('full'))
  const [root = ''] = String(one.body['@odata.context']).split('/$metadata')
  const about = (type: string, path: string): object => ({
    '@odata.type': `#microsoft.graph.security.${type}`,
    '@odata.id': `${root}/security/${path}`,
    '@odata.etag': 'W/"1"',
  })
  const { '@odata.context': _context, ...entity } = one.body
  assert.deepEqual(entity, {
    ...about('incident', `incidents/${incident}`),
    id: incident,
    status: 'active',
    alerts: [{ ...about('alert', `alerts_v2/${alert}`), id: alert }],
  })
  assert.equal(one.headers.etag, 'W/"1"')
  const [listed] = tasks.body.value
  assert.equal(listed['@odata.id'], `${root}/security/incidentTasks/${task}`)
  assert.equal(listed['@odata.etag'], 'W/"1"')
  assert.equal(listed.incident['@odata.id'], `${root}/security/incidents/${incident}`)
  assert.equal(expanded.body.incident['@odata.etag'], 'W/"1"')
  const found = await reader.get(listed['@odata.id'].slice(new URL(root).origin.length))
  assert.equal(found.body.id, task)
})

tenantTest('writes integers of 64 bits as strings where the client asks for it', async (tenant) => {
  const reader = await tenant.as('reader')
  const { alert } = await give(tenant)
  for (const parameter of ['IEEE754Compatible=true', 'ieee754compatible=TRUE;odata.metadata=minimal']) {
    for (const [query, headers] of asked(parameter)) {
      const answer = await reader.get(`/v1.0/security/alerts_v2?$count=true&${query}`, headers)

      assert.equal(answer.headers['content-type'], typeOf('minimal', true), query)
      assert.equal(answer.body['@odata.count'], '1')
      const [shown] = answer.body.value
      const [process] = shown.evidence
      assert.equal(shown.id, alert)
      assert.equal(process.processId, '4780')
      assert.equal(process.parentProcessId, '9007199254740991')
      assert.equal(process.imageFile.fileSize, '5000000000')
      assert.equal(process['@odata.type'], '#microsoft.graph.security.processEvidence')
      assert.deepEqual(shown.additionalData, additionalData)
    }
  }
  const plain = await reader.get('/v1.0/security/alerts_v2?$count=true')
  assert.equal(plain.headers['content-type'], typeOf('minimal'))
  assert.equal(plain.body['@odata.count'], 1)
  assert.equal(plain.body.value[0].evidence[0].processId, 4780)
})

tenantTest('writes answers to changes and actions in the format asked for', async (tenant) => {
  const expert = await tenant.as('expert')
  const { incident, alert } = await give(tenant)
  const none = { Accept: 'application/json;odata.metadata=none' }
  const full = { Accept: 'application/json;odata.metadata=full' }

  const patched = await expert.patch(`/v1.0/security/incidents/${incident}`, { severity: 'high' }, full)
  const commented = await expert.post(`/v1.0/security/alerts_v2/${alert}/comments`, { comment: 'x' }, none)
  const moved = await expert.post('/v1.0/security/alerts_v2/moveAlerts', { alertIds: [alert] }, none)

  assert.equal(patched.body['@odata.etag'], patched.headers.etag)
  assert.deepEqual(Object.keys(commented.body), ['value'])
  assert.equal(commented.body.value[0]['@odata.type'], undefined)
  assert.deepEqual(Object.keys(moved.body), ['targetIncidentId'])
})

tenantTest('refuses other metadata levels and other formats', async (tenant) => {
  const reader = await tenant.as('reader')
  const path = '/v1.0/security/incidents'
  for (const [query, headers] of asked('odata.metadata=verbose')) {
    assertError(await reader.get(`${path}?${query}`, headers), 400, { code: 'BadRequest', target: '$format' })
  }
  for (const format of ['xml', 'atom', 'application/xml', 'text/plain', 'application/json2']) {
    assertError(await reader.get(`${path}?$format=${format}`), 406, { code: 'NotAcceptable' })
  }
  assertError(await reader.get(`${path}?$format=`), 400)
  assertError(await reader.get(path, { Accept: 'application/xml' }), 406)
  assert.equal((await reader.get(`${path}?$format=json`)).headers['content-type'], typeOf('minimal'))
  const preferred = 'application/json;odata.metadata=none;q=0.1, application/json;odata.metadata=full'
  assert.equal((await reader.get(path, { Accept: preferred })).headers['content-type'], typeOf('full'))
})
