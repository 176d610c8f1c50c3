import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const idsOf = (reply: Reply, name = 'value'): string[] => reply.body[name].map((item: { id: string }) => item.id)

/** Follows a link exactly as given. */
async function follow(client: Client, link: string): Promise<Reply> {
  const answer = await client.get(link.slice(new URL(link).origin.length))
  assert.equal(answer.status, 200, answer.text)
  return answer
}

/** Copies of one alert, written straight into the store: `count` of them, a second apart. */
async function giveMany(cordon: Cordon, tenant: Tenant, incident: string, count: number): Promise<string[]> {
  const first = await tenant.alert(incident, {
    id: `first-${tenant.id}`,
    createdDateTime: '2026-01-01T00:00:00.0000000Z',
  })
  const row = await cordon.store.read.selectFrom('alerts').selectAll().where('id', '=', first).executeTakeFirstOrThrow()
  const ids = Array.from({ length: count - 1 }, (_, index) => `${String(index).padStart(4, '0')}-${tenant.id}`)
  await cordon.store.transaction(async (tx) => {
    for (let at = 0; at < ids.length; at += 100) {
      const rows = ids.slice(at, at + 100).map((id, index) => {
        const created_at = new Date(Date.UTC(2026, 0, 2) + (at + index) * 1000).toISOString().replace('Z', '0000Z')
        const doc = JSON.stringify({ ...JSON.parse(row.doc), id, createdDateTime: created_at })
        return { ...row, id, provider_alert_id: id, created_at, doc }
      })
      await tx.insertInto('alerts').values(rows).execute()
    }
  })
  return [first, ...ids]
}

tenantTestOnEach('lists, counts and reads the alerts of one incident', async (tenant) => {
  const reader = await tenant.as('reader')
  const [incident, other] = [await tenant.incident(), await tenant.incident()]
  const mine = [await tenant.alert(incident, { severity: 'high' }), await tenant.alert(incident, { severity: 'low' })]
  const theirs = await tenant.alert(other, { severity: 'high' })
  for (const version of ['v1.0', 'beta']) {
    for (const owner of [`incidents/${incident}`, `incidents('${incident}')`]) {
      const path = `/${version}/security/${owner}/alerts`

      const all = await reader.get(`${path}?$count=true`)
      const high = await reader.get(`${path}?$filter=severity%20eq%20'high'&$select=id,title`)
      const one = await reader.get(`${path}/${mine[0]}`)

      assert.equal(all.status, 200, all.text)
      assert.match(all.body['@odata.context'], new RegExp(`#security/incidents\\('${incident}'\\)/alerts$`))
      assert.equal(all.body['@odata.count'], 2)
      assert.deepEqual(idsOf(all).sort(), [...mine].sort())
      assert.deepEqual(idsOf(high), [mine[0]])
      assert.equal((await reader.get(`${path}/$count?$filter=severity%20eq%20'high'`)).text, '1')
      assert.match(one.body['@odata.context'], /\/alerts\/\$entity$/)
      assert.equal(one.body.incidentId, incident)
      assert.ok(one.headers.etag)
      assertError(await reader.get(`${path}/${theirs}`), 404, { code: 'NotFound' })
    }
  }
})

tenantTestOnEach('pages the alerts of one incident over links that stay below it', async (tenant) => {
  const reader = await tenant.as('reader')
  const [incident, other] = [await tenant.incident(), await tenant.incident()]
  for (let index = 0; index < 5; index++) await tenant.alert(incident)
  await tenant.alert(other)
  const seen: string[] = []
  let page = await reader.get(`/v1.0/security/incidents/${incident}/alerts?$top=2&$orderby=title`)
  for (;;) {
    seen.push(...idsOf(page))
    const link: string | undefined = page.body['@odata.nextLink']
    if (link === undefined) break
    assert.ok(new URL(link).pathname.endsWith(`/v1.0/security/incidents/${incident}/alerts`), link)
    const elsewhere = link.slice(new URL(link).origin.length).replace(`/${incident}/`, `/${other}/`)
    assertError(await reader.get(elsewhere), 400, { target: '$skiptoken' })
    page = await follow(reader, link)
  }
  assert.equal(new Set(seen).size, 5)
  assert.equal(seen.length, 5)
})

tenantTestOnEach('adds comments below the incident', async (tenant) => {
  const responder = await tenant.as('responder')
  const [incident, other] = [await tenant.incident(), await tenant.incident()]
  const alert = await tenant.alert(incident)
  const path = `/v1.0/security/incidents/${incident}/alerts/${alert}/comments`

  const answer = await responder.post(path, [{ comment: 'first' }, { comment: 'second' }])

  assert.equal(answer.status, 200, answer.text)
  assert.match(answer.body['@odata.context'], /#security\/alerts_v2\('.+'\)\/comments$/)
  assert.equal(answer.body.value.length, 2)
  assert.equal((await responder.get(`/v1.0/security/alerts_v2/${alert}`)).body.comments.length, 2)
  const stray = path.replace(incident, other)
  assertError(await responder.post(stray, { comment: 'x' }), 404, { code: 'NotFound' })
  assertError(await (await tenant.as('reader')).post(path, { comment: 'x' }), 403)
  assertError(await responder.get(path), 405)
})

tenantTest('knows no alerts of incidents the tenant does not have', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const foreign = await cordon.as('reader', await cordon.createTenant('foreign'))
  const incident = await tenant.incident()
  const alert = await tenant.alert(incident)
  for (const path of ['alerts', 'alerts/$count', `alerts/${alert}`]) {
    assertError(await reader.get(`/v1.0/security/incidents/999999/${path}`), 404, { code: 'NotFound' })
    assertError(await foreign.get(`/v1.0/security/incidents/${incident}/${path}`), 404, { code: 'NotFound' })
  }
})

tenantTestOnEach("reads a task's incident", async (tenant) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  const alert = await tenant.alert(incident)
  const task = await tenant.task(incident)

  const answer = await reader.get(`/beta/security/incidentTasks/${task}/incident?$expand=alerts&$select=id,status`)

  assert.equal(answer.status, 200, answer.text)
  assert.match(
    answer.body['@odata.context'],
    new RegExp(
      `/beta/\\$metadata#security/incidentTasks\\('${task}'\\)/incident\\(id,status,alerts\\(\\)\\)/\\$entity$`,
    ),
  )
  assert.equal(answer.body.id, incident)
  assert.deepEqual(idsOf(answer, 'alerts'), [alert])
  assertError(await reader.get(`/beta/security/incidentTasks/999/incident`), 404, { message: 'taskId 999 not found' })
  assertError(await reader.get(`/v1.0/security/incidentTasks/${task}/incident`), 404, { code: 'ResourceNotFound' })
})

tenantTestOnEach('expands a thousand alerts and links to the rest', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  const ids = await giveMany(cordon, tenant, incident, 1203)
  const few = await tenant.incident()
  await tenant.alert(few)
  const nested = "$select=id;$filter=severity%20eq%20'medium';$orderby=createdDateTime;$count=true"

  const answer = await reader.get(`/v1.0/security/incidents/${incident}?$expand=alerts(${nested})`)
  const link = answer.body['alerts@odata.nextLink']
  const rest = await follow(reader, link)
  const listed = await reader.get(`/v1.0/security/incidents?$expand=alerts($select=id)&$orderby=id`)
  const top = await reader.get(`/v1.0/security/incidents/${incident}?$expand=alerts($top=5)`)

  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body['alerts@odata.count'], 1203)
  assert.match(new URL(link).pathname, new RegExp(`^/v1\\.0/security/incidents/${incident}/alerts$`))
  assert.doesNotMatch(new URL(link).search, /[/{}+#' ]/)
  assert.deepEqual([...idsOf(answer, 'alerts'), ...idsOf(rest)], ids)
  assert.deepEqual(Object.keys(rest.body.value[0]), ['id'])
  assert.equal(rest.body['@odata.nextLink'], undefined)
  assert.equal(rest.body['@odata.count'], 1203)
  assert.ok(listed.body.value[0]['alerts@odata.nextLink'])
  assert.equal(listed.body.value[1]['alerts@odata.nextLink'], undefined)
  assert.equal(top.body.alerts.length, 5)
  assert.equal(top.body['alerts@odata.nextLink'], undefined)
})
