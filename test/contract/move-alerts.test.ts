import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const move = '/v1.0/security/alerts_v2/moveAlerts'
const one = (id: string): string => `/beta/security/incidents/${id}`

/** Sends an alert about hosts, as a sensor would; returns its id and the incident it was put into. */
async function sendAlert(
  client: Client,
  hosts: readonly string[],
  severity: string,
  title: string,
): Promise<{ id: string; incidentId: string }> {
  const evidence = hosts.map((hostName) => ({ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName }))
  const answer = await client.post('/v1.0/security/alerts_v2', { title, severity, evidence, detectorId: title })
  assert.equal(answer.status, 201, answer.text)
  return { id: answer.body.id, incidentId: answer.body.incidentId }
}

function moved(client: Client, alertIds: readonly string[], more = {}, path = move): Promise<Reply> {
  return client.post(path, { alertIds, ...more })
}

async function countOf(cordon: Cordon, id: string): Promise<number | undefined> {
  const row = await cordon.store.read
    .selectFrom('incidents')
    .select('alert_count')
    .where('id', '=', Number(id))
    .executeTakeFirst()
  return row?.alert_count
}

tenantTestOnEach('moves alerts and states both incidents anew', async (tenant, cordon) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const low = await sendAlert(responder, ['lap-1'], 'low', 'Odd logon')
  const high = await sendAlert(responder, ['lap-1'], 'high', 'Credential dumping')
  assert.equal(high.incidentId, low.incidentId)
  const target = await sendAlert(responder, ['srv-9'], 'informational', 'Port scan')
  const before = (await expert.get(`/v1.0/security/alerts_v2/${high.id}`)).body.lastUpdateDateTime

  const answer = await moved(expert, [high.id], {
    incidentId: target.incidentId,
    alertComment: 'belongs there',
    newCorrelationReasons: 'sameAsset,temporalProximity',
  })

  assert.equal(answer.status, 200, answer.text)
  assert.match(answer.body['@odata.context'], /#microsoft\.graph\.security\.mergeResponse$/)
  assert.equal(answer.body.targetIncidentId, target.incidentId)
  const [left, there] = [await expert.get(one(low.incidentId)), await expert.get(one(target.incidentId))]
  assert.deepEqual([left.body.severity, left.body.displayName], ['low', 'Odd logon on lap-1'])
  assert.equal(there.body.severity, 'high')
  assert.match(there.body.displayName, /^Credential dumping and Port scan on/)
  assert.equal(there.body.comments.at(-1).comment, 'belongs there')
  assert.deepEqual([await countOf(cordon, low.incidentId), await countOf(cordon, target.incidentId)], [1, 2])
  assert.equal((await expert.get(`/v1.0/security/alerts_v2/${high.id}`)).body.incidentId, target.incidentId)
  const since = await expert.get(
    `/v1.0/security/alerts_v2?$filter=lastUpdateDateTime%20gt%20${before}&$orderby=lastUpdateDateTime`,
  )
  assert.deepEqual(
    since.body.value.map((item: { id: string; incidentId: string }) => [item.id, item.incidentId]).at(-1),
    [high.id, target.incidentId],
  )
})

tenantTestOnEach('moves into a new incident when none is named', async (tenant, cordon) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const first = await sendAlert(responder, ['lap-1'], 'low', 'Odd logon')
  const second = await sendAlert(responder, ['lap-1'], 'high', 'Credential dumping')
  for (const more of [{}, { incidentId: null }]) {
    const answer = await moved(expert, [second.id], { ...more, alertComment: 'apart' })

    assert.equal(answer.status, 200, answer.text)
    const id = answer.body.targetIncidentId
    assert.notEqual(id, first.incidentId)
    const { status, severity, displayName, classification, comments } = (await expert.get(one(id))).body
    assert.deepEqual(
      { status, severity, displayName, classification },
      { status: 'active', severity: 'high', displayName: 'Credential dumping on lap-1', classification: 'unknown' },
    )
    assert.equal(comments.length, 1)
    assert.equal(await countOf(cordon, id), 1)
  }
  const events = await cordon.store.read
    .selectFrom('outbox')
    .select(['change', 'resource', 'object_id'])
    .where('tenant_id', '=', tenant.id)
    .where('change', '=', 'created')
    .where('resource', '=', 'incident')
    .execute()
  assert.equal(events.length, 3)
})

tenantTestOnEach('leaves an emptied incident as it is', async (tenant, cordon) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const alert = await sendAlert(responder, ['lap-1'], 'high', 'Credential dumping')
  const before = (await expert.get(one(alert.incidentId))).body

  const answer = await moved(expert, [alert.id])

  const after = (await expert.get(one(alert.incidentId))).body
  const { lastUpdateDateTime, lastModifiedBy, ...rest } = after
  assert.deepEqual({ ...before, lastUpdateDateTime, lastModifiedBy }, { ...rest, lastUpdateDateTime, lastModifiedBy })
  assert.equal(await countOf(cordon, alert.incidentId), 0)
  // What it was about has gone along.
  const later = await sendAlert(responder, ['lap-1'], 'low', 'Odd logon')
  assert.equal(later.incidentId, answer.body.targetIncidentId)
})

tenantTestOnEach('does not tie together again what a person took apart', async (tenant) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  const first = await sendAlert(responder, ['lap-1'], 'low', 'Odd logon')
  const second = await sendAlert(responder, ['lap-1', 'srv-2'], 'high', 'Credential dumping')
  assert.equal(second.incidentId, first.incidentId)
  const { targetIncidentId } = (await moved(expert, [second.id])).body

  const shared = await sendAlert(responder, ['lap-1'], 'medium', 'Service installed')
  const own = await sendAlert(responder, ['srv-2'], 'medium', 'Service installed')

  assert.equal(shared.incidentId, first.incidentId)
  assert.equal(own.incidentId, targetIncidentId)
  assert.equal((await expert.get(one(targetIncidentId))).body.status, 'active')
})

tenantTestOnEach('keeps why an alert was where it was and who moved it', async (tenant, cordon) => {
  const [expert, responder] = [await tenant.as('expert'), await tenant.as('responder')]
  await sendAlert(responder, ['lap-1'], 'low', 'Odd logon')
  const alert = await sendAlert(responder, ['lap-1'], 'low', 'Other logon')

  const { targetIncidentId } = (await moved(expert, [alert.id], { newCorrelationReasons: 'SameActor' })).body

  const join = await cordon.store.read
    .selectFrom('alert_joins')
    .selectAll()
    .where('tenant_id', '=', tenant.id)
    .where('alert_id', '=', alert.id)
    .executeTakeFirst()
  assert.equal(String(join?.incident_id), targetIncidentId)
  assert.equal(join?.rule, 'movedByPerson')
  const reason = JSON.parse(join?.reason ?? '{}')
  assert.equal(reason.text, `Moved from incident ${alert.incidentId} by API-App:expert test (sameActor).`)
  assert.match(reason.before, /^Shares device lap-1/)
})

tenantTestOnEach(
  'takes a merged target for its survivor; alerts that stand there already change nothing',
  async (tenant) => {
    const expert = await tenant.as('expert')
    const [survivor, gone, source] = [await tenant.incident(), await tenant.incident(), await tenant.incident()]
    await expert.post('/v1.0/security/incidents/mergeIncidents', { incidentIds: [survivor, gone] })
    const alert = await tenant.alert(source)

    const answer = await moved(expert, [alert], { incidentId: gone })
    const etag = (await expert.get(one(survivor))).headers.etag
    const again = await moved(expert, [alert], { incidentId: gone, alertComment: 'twice' })

    assert.equal(answer.body.targetIncidentId, survivor)
    assert.equal(again.status, 200, again.text)
    assert.equal(again.body.targetIncidentId, survivor)
    assert.equal((await expert.get(one(survivor))).headers.etag, etag)
  },
)

tenantTest('makes a resolved incident active again when an open alert comes, and only then', async (tenant) => {
  const expert = await tenant.as('expert')
  const source = await tenant.incident()
  const [open, resolved] = [await tenant.alert(source), await tenant.alert(source, { status: 'resolved' })]
  const target = await tenant.incident({ status: 'resolved' })

  await moved(expert, [resolved], { incidentId: target })
  const still = (await expert.get(one(target))).body.status
  await moved(expert, [open], { incidentId: target })

  assert.equal(still, 'resolved')
  assert.equal((await expert.get(one(target))).body.status, 'active')
})

tenantTest('takes both spellings on both versions', async (tenant) => {
  const expert = await tenant.as('expert')
  const alert = await tenant.alert(await tenant.incident())
  for (const version of ['v1.0', 'beta']) {
    for (const name of ['moveAlerts', 'microsoft.graph.security.moveAlerts']) {
      const incidentId = await tenant.incident()
      const answer = await moved(expert, [alert], { incidentId }, `/${version}/security/alerts_v2/${name}`)
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.body.targetIncidentId, incidentId)
      assertError(await expert.get(`/${version}/security/alerts_v2/${name}`), 405)
    }
  }
})

tenantTestOnEach(
  'refuses what names no alerts or target of the tenant, and then changes nothing',
  async (tenant, cordon) => {
    const expert = await tenant.as('expert')
    const [incident, target] = [await tenant.incident(), await tenant.incident()]
    const alert = await tenant.alert(incident)
    const foreigners = await cordon.as('expert', await cordon.createTenant('foreign'))
    const wrong: [unknown, number][] = [
      [{}, 400],
      [{ alertIds: [] }, 400],
      [{ alertIds: [alert, alert] }, 400],
      [{ alertIds: [7] }, 400],
      [{ alertIds: Array.from({ length: 1001 }, (_, index) => `a${index}`) }, 400],
      [{ alertIds: [alert], incidentId: Number(target) }, 400],
      [{ alertIds: [alert], newCorrelationReasons: 'sameDay' }, 400],
      [{ alertIds: [alert], newCorrelationReasons: 1 }, 400],
      [{ alertIds: [alert, 'unknown'], incidentId: target }, 404],
      [{ alertIds: [alert], incidentId: '999999999999' }, 404],
      [{ alertIds: [alert], incidentId: '' }, 404],
    ]
    for (const [body, status] of wrong) {
      assertError(await expert.post(move, body), status, { code: status === 404 ? 'NotFound' : 'BadRequest' })
    }
    assertError(await moved(foreigners, [alert]), 404, { code: 'NotFound' })
    assert.equal((await expert.get(`/v1.0/security/alerts_v2/${alert}`)).body.incidentId, incident)
  },
)

tenantTest('needs SecurityData.Manage.All', async (tenant) => {
  const alert = await tenant.alert(await tenant.incident())
  for (const role of ['reader', 'responder', 'approver', 'auditor'] as const) {
    assertError(await moved(await tenant.as(role), [alert]), 403, { code: 'Forbidden' })
  }
  assert.equal((await moved(await tenant.as('admin'), [alert])).status, 200)
})

tenantTestOnEach('moves a thousand alerts at once', async (tenant, cordon) => {
  const expert = await tenant.as('expert')
  const [source, target] = [await tenant.incident(), await tenant.incident()]
  const first = await tenant.alert(source)
  const row = await cordon.store.read.selectFrom('alerts').selectAll().where('id', '=', first).executeTakeFirstOrThrow()
  const ids = Array.from({ length: 1000 }, (_, index) => `many-${tenant.id}-${index}`)
  await cordon.store.transaction(async (tx) => {
    for (let at = 0; at < ids.length; at += 100) {
      const rows = ids.slice(at, at + 100).map((id) => ({
        ...row,
        id,
        provider_alert_id: id,
        doc: JSON.stringify({ ...JSON.parse(row.doc), id }),
      }))
      await tx.insertInto('alerts').values(rows).execute()
    }
  })

  const answer = await moved(expert, ids, { incidentId: target })

  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual([await countOf(cordon, source), await countOf(cordon, target)], [1, 1000])
})
