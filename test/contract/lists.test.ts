import assert from 'node:assert/strict'
import { assertError, instantPattern } from '../support/answers.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { knownDevice, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const list = '/v1.0/security/incidents'

/** Follows the links as clients do: exactly as given. Returns the pages. */
async function walk(client: Client, path: string, headers = {}): Promise<Reply[]> {
  const pages: Reply[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: Reply = await client.get(next, headers)
    assert.equal(page.status, 200, page.text)
    pages.push(page)
    assert.ok(pages.length < 50, 'the links never end')
    const link: string | undefined = page.body['@odata.nextLink']
    next = link === undefined ? undefined : link.slice(new URL(link).origin.length)
  }
  return pages
}

function idsOf(pages: readonly Reply[]): string[] {
  return pages.flatMap((page) => page.body.value.map((entity: { id: string }) => entity.id))
}

/** 23 incidents of two severities, every third with an alert. */
async function giveMany(tenant: Tenant): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < 23; index++) {
    const severity = index % 2 === 0 ? 'high' : 'low'
    const second = String(index).padStart(2, '0')
    const createdDateTime = `2026-01-02T00:00:${second}.1230000Z`
    const id = await tenant.incident({ severity, createdDateTime, displayName: `it's #${index} + more & more` })
    if (index % 3 === 0) await tenant.alert(id, { title: `of ${id}` })
    ids.push(id)
  }
  return ids
}

tenantTestOnEach('walks all pages over links that keep filter, expand, select and order', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  await giveMany(tenant)
  const filter = "severity eq 'high' and contains(displayName,'''s #')"
  const query = {
    $filter: filter,
    $expand: 'alerts($select=id,title)',
    $select: 'id,severity',
    $orderby: 'createdDateTime desc',
    $top: '5',
    $count: 'true',
  }

  const pages = await walk(reader, `${list}?${new URLSearchParams(query)}`)

  assert.deepEqual(
    pages.map((page) => page.body.value.length),
    [5, 5, 2],
  )
  assert.equal(new Set(idsOf(pages)).size, 12)
  const created = idsOf(pages).map(Number)
  assert.deepEqual(
    created,
    [...created].sort((a, b) => b - a),
  )
  for (const page of pages) {
    assert.equal(page.body['@odata.count'], 12)
    const context = `${cordon.url}/v1.0/$metadata#security/incidents(id,severity,alerts(id,title))`
    assert.equal(page.body['@odata.context'], context)
    for (const incident of page.body.value) assert.deepEqual(Object.keys(incident).sort(), ['alerts', 'id', 'severity'])
    const link: string | undefined = page.body['@odata.nextLink']
    if (link === undefined) continue
    assert.ok(link.startsWith(`${cordon.url}${list}?`))
    assert.ok(!/[{}+#' ]|\/.*\//.test(link.slice(link.indexOf('?'))), link)
    for (const name of ['$filter=', '$expand=', '$select=', '$orderby=', '$top=', '$count=', '$skiptoken=']) {
      assert.ok(link.includes(name), `${name} in ${link}`)
    }
  }
})

tenantTestOnEach('gives each row once while rows come in and change', async (tenant) => {
  const [reader, responder] = [await tenant.as('reader'), await tenant.as('responder')]
  const ids = await giveMany(tenant)
  const seen: string[] = []
  let path: string | undefined = `${list}?$top=4`
  while (path !== undefined) {
    const page = await reader.get(path)
    seen.push(...idsOf([page]))
    await tenant.incident()
    await responder.patch(`${list}/${ids[0]}`, { severity: seen.length % 3 === 0 ? 'low' : 'medium' })
    const link: string | undefined = page.body['@odata.nextLink']
    path = link?.slice(new URL(link).origin.length)
  }

  assert.deepEqual([...seen].sort(), [...ids].sort())
})

tenantTest('pages by $skip and $top to a short page', async (tenant) => {
  const reader = await tenant.as('reader')
  const ids = await giveMany(tenant)
  const seen: string[] = []
  for (let skip = 0; ; skip += 10) {
    const page = await reader.get(`${list}?$orderby=lastUpdateDateTime%20asc&$skip=${skip}&$top=10`)
    seen.push(...idsOf([page]))
    if (page.body.value.length < 10) break
  }

  assert.deepEqual([...seen].sort(), [...ids].sort())
  const beyond = await reader.get(`${list}?$skip=999999`)
  assert.equal(beyond.status, 200)
  assert.deepEqual(beyond.body.value, [])
})

tenantTest('takes 50 and refuses 51 incidents a page in Graph words, clamps tasks and alerts', async (tenant) => {
  const reader = await tenant.as('reader')
  const text = `The query specified in the URI is not valid. The limit of '50' for Top query has been exceeded. The value from the incoming request is '51'.`

  assert.equal((await reader.get(`${list}?$top=50`)).status, 200)
  assertError(await reader.get(`${list}?$top=51`), 400, { message: text })
  assert.equal((await reader.get('/v1.0/security/alerts_v2?$top=2000')).status, 200)
  assert.equal((await reader.get('/beta/security/incidentTasks?$top=999')).status, 200)
})

tenantTest('counts all matches, in the list and alone as plain text', async (tenant) => {
  const reader = await tenant.as('reader')
  await giveMany(tenant)

  const inList = await reader.get(`${list}?$count=true&$top=1&$skip=3`)
  const alone = await reader.get(`${list}/$count`)
  const encoded = await reader.get(`${list}/%24count?$filter=${encodeURIComponent("severity eq 'low'")}`)
  const qualified = await reader.get(`${list}/$count`, { Accept: 'text/plain;q=0.9' })

  assert.deepEqual(Object.keys(inList.body).slice(0, 2), ['@odata.context', '@odata.count'])
  assert.equal(inList.body['@odata.count'], 23)
  assert.match(String(alone.headers['content-type']), /^text\/plain/)
  assert.equal(alone.text, '23')
  assert.equal(encoded.text, '11')
  assert.equal(qualified.text, '23')
})

tenantTestOnEach('expands the alerts of each incident and no others', async (tenant) => {
  const reader = await tenant.as('reader')
  const [first, second] = [await tenant.incident(), await tenant.incident()]
  const alerts = [await tenant.alert(first), await tenant.alert(first), await tenant.alert(second)]

  const plain = (await reader.get(list)).body.value
  const listed = (await reader.get(`${list}?$expand=alerts`)).body
  const single = (await reader.get(`${list}/${second}?$expand=alerts`)).body

  for (const incident of plain) assert.ok(!('alerts' in incident))
  const byId = new Map(
    listed.value.map((incident: { id: string; alerts: unknown[] }) => [incident.id, incident.alerts]),
  )
  const idsIn = (value: unknown): string[] => (value as { id: string }[]).map(({ id }) => id).sort()
  assert.deepEqual(idsIn(byId.get(first)), alerts.slice(0, 2).sort())
  assert.deepEqual(idsIn(byId.get(second)), alerts.slice(2))
  assert.match(listed['@odata.context'], /#security\/incidents\(alerts\(\)\)$/)
  assert.deepEqual(idsIn(single.alerts), alerts.slice(2))
  assert.equal(single.alerts[0].incidentId, second)
  assert.match(single['@odata.context'], /#security\/incidents\(alerts\(\)\)\/\$entity$/)
})

tenantTest(
  'shows a task its incident: the stub, the whole one on request, none when $select leaves it out',
  async (tenant) => {
    const reader = await tenant.as('reader')
    const incident = await tenant.incident({ displayName: 'Whole' })
    const path = `/beta/security/incidentTasks/${await tenant.task(incident)}`

    const stub = (await reader.get(path)).body
    const whole = (await reader.get(`${path}?$expand=incident`)).body
    const selected = (await reader.get(`${path}?$select=status`)).body

    assert.deepEqual(stub.incident, { '@odata.type': '#microsoft.graph.security.incident', id: incident })
    assert.equal(whole.incident.displayName, 'Whole')
    assert.deepEqual(Object.keys(selected).sort(), ['@odata.context', '@odata.type', 'id', 'status'])
  },
)

tenantTest('answers the filter of the public task poller and every documented alias', async (tenant) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  const lastModifiedDateTime = '2026-03-04T05:06:07.1234567Z'
  const id = await tenant.task(incident, { lastModifiedDateTime })
  await tenant.task(await tenant.incident(), { status: 'completed', actionType: 'text', responseAction: null })
  const filters = [
    `(status eq 'open' or status eq 'inProgress') and lastModifiedDateTime ge ${lastModifiedDateTime}`,
    `incidentId eq '${incident}'`,
    `incident/id eq '${incident}'`,
    `type eq 'isolateDevice'`,
    `actionType eq 'isolateDevice'`,
    `lastUpdateDateTime eq ${lastModifiedDateTime}`,
    `source eq 'defenderExpertsXDR' and id eq '${id}'`,
  ]
  for (const filter of filters) {
    const answer = await reader.get(`/beta/security/incidentTasks?$filter=${encodeURIComponent(filter)}`)

    assert.equal(answer.status, 200, `${filter}: ${answer.text}`)
    assert.deepEqual(idsOf([answer]), [id], filter)
  }
})

tenantTestOnEach('finds alerts by incident and by evidence', async (tenant) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  const type = '#microsoft.graph.security.deviceEvidence' as const
  const id = await tenant.alert(incident, { evidence: [{ '@odata.type': type, hostName: knownDevice }] })
  await tenant.alert(await tenant.incident())
  const evidence = `evidence/any(e:e/microsoft.graph.security.deviceEvidence/hostName eq '${knownDevice}')`
  for (const filter of [`incidentId eq '${incident}'`, `id eq '${id}'`, evidence]) {
    const answer = await reader.get(`/v1.0/security/alerts_v2?$filter=${encodeURIComponent(filter)}`)

    assert.deepEqual(idsOf([answer]), [id], `${filter}: ${answer.text}`)
  }
})

tenantTestOnEach('finds incidents by the source of any of their alerts', async (tenant) => {
  const reader = await tenant.as('reader')
  const incident = await tenant.incident()
  await tenant.alert(incident, { serviceSource: 'dataLossPrevention' })
  await tenant.alert(incident, { serviceSource: 'microsoftSentinel' })
  await tenant.alert(await tenant.incident(), { serviceSource: 'microsoftDefenderForEndpoint' })
  const sources = ['dataLossPrevention', 'unknownFutureValue']
  for (const version of ['v1.0', 'beta']) {
    for (const source of sources) {
      const filter = encodeURIComponent(`alerts/any(a:a/serviceSource eq '${source}')`)
      const answer = await reader.get(`/${version}/security/incidents?$filter=${filter}`)

      assert.deepEqual(idsOf([answer]), [incident], `${source}: ${answer.text}`)
    }
  }
})

tenantTest('writes every datetime with seven digits and finds a row by the text it wrote', async (tenant) => {
  const reader = await tenant.as('reader')
  const id = await tenant.incident({ lastUpdateDateTime: '2021-09-30T09:35:45.1133333Z' })
  await tenant.alert(id)
  await tenant.task(id)
  const texts = [
    (await reader.get(`${list}?$expand=alerts`)).text,
    (await reader.get('/beta/security/incidentTasks?$expand=incident')).text,
  ]
  for (const [, name, value] of texts.join().matchAll(/"(\w+DateTime)":"([^"]*)"/g)) {
    assert.match(String(value), instantPattern, name)
  }
  const filter = encodeURIComponent('lastUpdateDateTime ge 2021-09-30T09:35:45.1133333Z')
  assert.deepEqual(idsOf([await reader.get(`${list}?$filter=${filter}`)]), [id])
})

tenantTest(
  'refuses a skiptoken that is forged, of another query or of another tenant, and lets $top change',
  async (tenant, cordon) => {
    const reader = await tenant.as('reader')
    await giveMany(tenant)
    const link = (await reader.get(`${list}?$top=4`)).body['@odata.nextLink']
    const token = new URL(link).searchParams.get('$skiptoken') ?? ''
    const other = await cordon.as('reader')

    const again = await reader.get(`${list}?$top=4&$skiptoken=${token}&$top=7`)
    const alone = await reader.get(`${list}?$skipToken=${token}`)

    assert.equal(again.body.value.length, 7)
    assert.equal(alone.body.value.length, 19)
    assertError(await reader.get(`${list}?$skiptoken=${token}x`), 400, { target: '$skiptoken' })
    assertError(await reader.get(`${list}?$skiptoken=${token}&$filter=severity%20eq%20'low'`), 400)
    assertError(await reader.get(`/v1.0/security/alerts_v2?$skiptoken=${token}`), 400)
    assertError(await other.get(`${list}?$skiptoken=${token}`), 400)
  },
)

tenantTest('names position or property in what it refuses of a query', async (tenant) => {
  const reader = await tenant.as('reader')
  const message = `Invalid filter clause: Could not find a property named 'foo' on type 'microsoft.graph.security.incident'.`

  assertError(await reader.get(`${list}?$filter=foo%20eq%20'x'`), 400, { code: 'BadRequest', message })
  assertError(await reader.get(`${list}?$filter=(status%20eq%20'active'`), 400, {
    message: /Invalid filter clause: .*\d/,
  })
  const unsupported = [
    '$search=x',
    '$apply=x',
    '$compute=1',
    '$deltatoken=x',
    '$foo=1',
    '$levels=2',
    '$top=-1',
    '$count=1',
  ]
  for (const query of unsupported) assertError(await reader.get(`${list}?${query}`), 400, { code: 'BadRequest' })
  assert.equal((await reader.get(`${list}?foo=1&&access_token=x`)).status, 200)
})
