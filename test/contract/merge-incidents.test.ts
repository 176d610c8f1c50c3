import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Client, Reply } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const merge = '/v1.0/security/incidents/mergeIncidents'
const one = (id: string): string => `/beta/security/incidents/${id}`

function merged(client: Client, incidentIds: readonly string[], more = {}, path = merge): Promise<Reply> {
  return client.post(path, { incidentIds, ...more })
}

/** Sends an alert about a host, as a sensor would; returns the incident it was put into. */
async function sendAlert(client: Client, hostName: string, severity: string, title: string): Promise<string> {
  const evidence = [{ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName }]
  const answer = await client.post('/v1.0/security/alerts_v2', { title, severity, evidence, detectorId: title })
  assert.equal(answer.status, 201, answer.text)
  return answer.body.incidentId
}

async function giveThree(tenant: Tenant): Promise<[string, string, string]> {
  return [await tenant.incident(), await tenant.incident(), await tenant.incident()]
}

tenantTestOnEach('merges into the first incident named; the others lead to it', async (tenant) => {
  const expert = await tenant.as('expert')
  const [first, second, third] = await giveThree(tenant)
  const alert = await tenant.alert(second)
  const task = await tenant.task(third)
  const execution = await tenant.execution(task, 'running')

  const answer = await merged(expert, [second, first, third], {
    incidentComment: 'one campaign',
    mergeReasons: 'sameCampaign, sameActor',
  })

  assert.equal(answer.status, 200, answer.text)
  const { '@odata.context': context, ...body } = answer.body
  assert.match(context, /^https:\/\/localhost:\d+\/v1\.0\/\$metadata#microsoft\.graph\.security\.mergeResponse$/)
  assert.deepEqual(body, { targetIncidentId: second })
  const target = (await expert.get(`${one(second)}?$expand=alerts`)).body
  assert.equal(target.status, 'active')
  assert.equal(target.redirectIncidentId, null)
  assert.deepEqual(
    target.comments.map((item: { comment: string; createdByDisplayName: string }) => [
      item.comment,
      item.createdByDisplayName,
    ]),
    [['one campaign', 'API-App:expert test']],
  )
  assert.equal(target.lastModifiedBy, 'API-App:expert test')
  assert.deepEqual(
    target.alerts.map((item: { id: string }) => item.id),
    [alert],
  )
  for (const id of [first, third]) {
    const source = (await expert.get(`${one(id)}?$expand=alerts`)).body
    assert.deepEqual([source.status, source.redirectIncidentId, source.alerts], ['redirected', second, []])
  }
  assert.equal((await expert.get(`/beta/security/incidentTasks/${task}`)).body.incident.id, second)
  const again = await expert.post(`/beta/security/incidentTasks/${task}/executeResponseAction`)
  assertError(again, 400, { inner: 'ActionAlreadyInProgress' })
  assert.ok(execution)
})

tenantTestOnEach('shows what a merge moved to those who ask what changed since', async (tenant) => {
  const expert = await tenant.as('expert')
  const [first, second] = await giveThree(tenant)
  const [alert, task] = [await tenant.alert(second), await tenant.task(second)]
  const lists = [
    { path: '/v1.0/security/alerts_v2', id: alert, changed: 'lastUpdateDateTime' },
    { path: '/beta/security/incidentTasks', id: task, changed: 'lastModifiedDateTime' },
  ]
  const before = await Promise.all(lists.map(async ({ path, id }) => (await expert.get(`${path}/${id}`)).body))

  await merged(expert, [first, second])

  for (const [at, { path, id, changed }] of lists.entries()) {
    const seen = before[at][changed]
    const since = await expert.get(`${path}?$filter=${changed}%20gt%20${seen}`)
    assert.deepEqual(
      since.body.value.map((item: { id: string }) => item.id),
      [id],
    )
    const { body } = await expert.get(`${path}/${id}`)
    assert.ok(body[changed] > seen)
    assert.equal(since.body.value[0][changed], body[changed])
    const moved = { ...body, [changed]: seen, '@odata.context': '' }
    for (const name of ['incident', 'incidentId', 'incidentWebUrl', 'alertWebUrl']) {
      if (name in moved) moved[name] = before[at][name]
    }
    assert.deepEqual(moved, { ...before[at], '@odata.context': '' })
  }
})

tenantTestOnEach('records who merged what and why, and tells subscribers', async (tenant, cordon) => {
  const expert = await tenant.as('expert')
  const [target, source] = await giveThree(tenant)

  await merged(expert, [target, source], { mergeReasons: '1536' })

  const merges = await cordon.store.read
    .selectFrom('incident_merges')
    .selectAll()
    .where('tenant_id', '=', tenant.id)
    .execute()
  assert.equal(merges.length, 1)
  const [row] = merges
  assert.deepEqual(
    [String(row?.incident_id), String(row?.into_incident_id), row?.rule],
    [source, target, 'mergedByPerson'],
  )
  const reason = JSON.parse(row?.reason ?? '{}')
  assert.equal(reason.correlationReasons, 'sameActor,sameCampaign')
  assert.equal(reason.text, 'Merged by API-App:expert test (sameActor,sameCampaign).')
  const audit = await cordon.store.read.selectFrom('audit').selectAll().where('tenant_id', '=', tenant.id).execute()
  const written = audit.filter((entry) => entry.action === 'mergeIncidents')
  assert.deepEqual(written.map((entry) => entry.object_id).sort(), [target, source].sort())
  const events = await cordon.store.read.selectFrom('outbox').selectAll().where('tenant_id', '=', tenant.id).execute()
  assert.deepEqual(
    events.map((event) => `${event.change} ${event.object_id}`).sort(),
    [`updated ${target}`, `updated ${source}`].sort(),
  )
})

tenantTestOnEach('takes an earlier merged incident for its survivor; chains stay one long', async (tenant) => {
  const expert = await tenant.as('expert')
  const [a, b, c] = await giveThree(tenant)
  const d = await tenant.incident()
  await merged(expert, [b, a])

  const onward = await merged(expert, [c, a])
  const same = await merged(expert, [a, c, b], { incidentComment: 'nothing to do' })
  const last = await merged(expert, [a, d])

  assert.equal(onward.body.targetIncidentId, c)
  assert.equal(same.status, 200, same.text)
  assert.equal(same.body.targetIncidentId, c)
  assert.equal(last.body.targetIncidentId, c)
  for (const id of [a, b, d]) assert.equal((await expert.get(one(id))).body.redirectIncidentId, c)
  const survivor = (await expert.get(one(c))).body
  assert.equal(survivor.redirectIncidentId, null)
  assert.deepEqual(survivor.comments, [])
})

tenantTestOnEach('states title, severity and score anew, and keeps what a person set', async (tenant) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const low = await sendAlert(responder, 'lap-1', 'low', 'Odd logon')
  const high = await sendAlert(responder, 'srv-2', 'high', 'Credential dumping')
  const other = await sendAlert(responder, 'srv-3', 'high', 'Ransom note')
  await responder.patch(one(other), { displayName: 'Mine', severity: 'low', assignedTo: 'kai' })

  await merged(expert, [low, high])
  const stated = (await expert.get(one(low))).body
  await merged(expert, [other, low])
  const kept = (await expert.get(one(other))).body

  assert.equal(stated.severity, 'high')
  assert.match(stated.displayName, /Credential dumping and Odd logon on/)
  assert.ok(stated.priorityScore >= 70)
  assert.deepEqual([kept.displayName, kept.severity, kept.assignedTo], ['Mine', 'low', 'kai'])
  assert.equal((await expert.get(`/v1.0/security/alerts_v2/$count?$filter=incidentId%20eq%20'${other}'`)).text, '3')
})

tenantTestOnEach('puts later alerts of a merged incident into its survivor', async (tenant, cordon) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const target = await sendAlert(responder, 'lap-1', 'low', 'Odd logon')
  const source = await sendAlert(responder, 'srv-2', 'high', 'Credential dumping')
  await merged(expert, [target, source])

  const later = await sendAlert(responder, 'srv-2', 'medium', 'Service installed')

  assert.equal(later, target)
  const row = await cordon.store.read
    .selectFrom('incidents')
    .select('alert_count')
    .where('id', '=', Number(target))
    .executeTakeFirst()
  assert.equal(row?.alert_count, 3)
})

tenantTest('goes on where people were: the furthest status, the owner and all tags', async (tenant) => {
  const expert = await tenant.as('expert')
  const target = await tenant.incident({ customTags: ['a'] })
  const source = await tenant.incident({ status: 'inProgress', assignedTo: 'kai', customTags: ['b'] })

  await merged(expert, [target, source])

  const { status, assignedTo, customTags } = (await expert.get(one(target))).body
  assert.deepEqual(
    { status, assignedTo, customTags },
    { status: 'inProgress', assignedTo: 'kai', customTags: ['a', 'b'] },
  )
})

tenantTest('takes both spellings on both versions', async (tenant) => {
  const expert = await tenant.as('expert')
  const paths = [
    '/v1.0/security/incidents/mergeIncidents',
    '/beta/security/incidents/mergeIncidents',
    '/v1.0/security/incidents/microsoft.graph.security.mergeIncidents',
    '/beta/Security/Incidents/microsoft.graph.security.mergeIncidents',
  ]
  for (const path of paths) {
    const [target, source] = await giveThree(tenant)
    const answer = await merged(expert, [target, source], {}, path)
    assert.equal(answer.status, 200, `${path}: ${answer.text}`)
    assert.equal(answer.body.targetIncidentId, target)
  }
  for (const path of paths) {
    const answer = await expert.get(path)
    assertError(answer, 405, { code: 'Request_BadRequest' })
    assert.equal(answer.headers.allow, 'POST, OPTIONS')
  }
})

tenantTestOnEach(
  'refuses what names no two incidents of the tenant, and then changes nothing',
  async (tenant, cordon) => {
    const expert = await tenant.as('expert')
    const [first, second] = await giveThree(tenant)
    const foreign = await cordon.createTenant('foreign')
    const foreigners = await cordon.as('expert', foreign)
    const unknown = '999999999999'
    const wrong: [unknown, number][] = [
      [{}, 400],
      [{ incidentIds: null }, 400],
      [{ incidentIds: [] }, 400],
      [{ incidentIds: [first] }, 400],
      [{ incidentIds: [first, first] }, 400],
      [{ incidentIds: [first, Number(second)] }, 400],
      [{ incidentIds: `${first},${second}` }, 400],
      [{ incidentIds: Array.from({ length: 101 }, (_, index) => String(index + 1)) }, 400],
      [{ incidentIds: [first, second], mergeReasons: 'sameDay' }, 400],
      [{ incidentIds: [first, second], mergeReasons: 'unknownFutureValue' }, 400],
      [{ incidentIds: [first, second], mergeReasons: 1536 }, 400],
      [{ incidentIds: [first, second], comment: 'x' }, 400],
      [[first, second], 400],
      [{ incidentIds: [first, second, unknown] }, 404],
      [{ incidentIds: [first, ` ${second}`] }, 404],
      [{ incidentIds: [first, '0x1'] }, 404],
    ]
    for (const [body, status] of wrong) {
      assertError(await expert.post(merge, body), status, { code: status === 404 ? 'NotFound' : 'BadRequest' })
    }
    assertError(await merged(foreigners, [first, second]), 404, { code: 'NotFound' })
    for (const id of [first, second]) assert.equal((await expert.get(one(id))).body.status, 'active')
  },
)

tenantTest('needs SecurityData.Manage.All', async (tenant) => {
  const [target, source] = await giveThree(tenant)
  for (const role of ['reader', 'responder', 'approver', 'auditor'] as const) {
    const answer = await merged(await tenant.as(role), [target, source])
    assertError(answer, 403, { code: 'Forbidden', message: /API required roles: SecurityData\.Manage\.All,/ })
  }
  assert.equal((await merged(await tenant.as('admin'), [target, source])).status, 200)
})

tenantTestOnEach('merges at the same time in turns, and neither makes a chain', async (tenant) => {
  const expert = await tenant.as('expert')
  const [a, b, c] = await giveThree(tenant)

  const answers = await Promise.all([
    merged(expert, [a, b]),
    merged(expert, [b, c]),
    merged(expert, [c, a]),
    merged(expert, [b, a]),
  ])

  for (const answer of answers) assert.equal(answer.status, 200, answer.text)
  const all = await Promise.all([a, b, c].map(async (id) => (await expert.get(one(id))).body))
  const survivors = all.filter((incident) => incident.redirectIncidentId === null)
  assert.equal(survivors.length, 1)
  for (const incident of all) {
    if (incident.id !== survivors[0].id) assert.equal(incident.redirectIncidentId, survivors[0].id)
  }
})

tenantTestOnEach(
  'loses no alert that comes in, and none that is resolved, while incidents are merged',
  async (tenant, cordon) => {
    const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
    const incidents: string[] = []
    for (const host of ['h1', 'h2', 'h3', 'h4'])
      incidents.push(await sendAlert(responder, host, 'low', `First on ${host}`))
    const [target = ''] = incidents
    const alerts = (await responder.get('/v1.0/security/alerts_v2?$select=id')).body.value

    await Promise.all([
      ...incidents.slice(1).map((source) => merged(expert, [target, source])),
      ...['h1', 'h2', 'h3', 'h4'].flatMap((host) =>
        [1, 2, 3].map((round) => sendAlert(responder, host, 'medium', `Later ${round} on ${host}`)),
      ),
      ...alerts.map(({ id }: { id: string }) =>
        responder.patch(`/v1.0/security/alerts_v2/${id}`, { status: 'resolved' }),
      ),
    ])

    const rows = await cordon.store.read
      .selectFrom('incidents')
      .select(['id', 'redirect_incident_id', 'alert_count'])
      .where('tenant_id', '=', tenant.id)
      .execute()
    for (const { id, redirect_incident_id, alert_count } of rows) {
      const { text } = await responder.get(`/v1.0/security/incidents/${id}/alerts/$count`)
      assert.equal(Number(text), alert_count, `incident ${id}`)
      if (redirect_incident_id !== null) assert.equal(alert_count, 0)
    }
    assert.equal(
      rows.reduce((sum, row) => sum + row.alert_count, 0),
      16,
    )
    for (const id of incidents.slice(1)) assert.equal((await expert.get(one(id))).body.redirectIncidentId, target)
  },
)
