import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeDeltaToken } from '../../src/api/odata/delta-token.ts'
import { noPreferences } from '../../src/api/odata/prefer.ts'
import { readDeltaQuery } from '../../src/api/odata/read-query.ts'
import { describeIncidents } from '../../src/api/odata/resources.ts'
import { systemClock } from '../../src/io/clock.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { recordChange } from '../../src/store/record.ts'
import { assertError } from '../support/answers.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import { giveTenant, type Tenant } from '../support/given.ts'
import { shareCordon, tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const incidentsDelta = '/v1.0/security/incidents/delta'

/** What a client that follows links has seen. */
interface Walk {
  readonly rows: Reply['body'][]
  readonly deltaLink: string
  readonly pages: number
}

async function follow(cordon: Cordon, client: Client, start: string): Promise<Walk> {
  const rows: Reply['body'][] = []
  let path = start
  for (let pages = 1; ; pages++) {
    const reply = await client.get(path)
    assert.equal(reply.status, 200, reply.text)
    rows.push(...reply.body.value)
    const link: string | undefined = reply.body['@odata.nextLink'] ?? reply.body['@odata.deltaLink']
    if (link === undefined) throw new Error(`no link: ${reply.text}`)
    assert.ok(link.startsWith(`${cordon.url}/`), link)
    path = link.slice(cordon.url.length)
    assert.doesNotMatch(path.slice(path.indexOf('?')), /[/{}+#' ]/)
    if (reply.body['@odata.deltaLink'] !== undefined) {
      assert.equal(reply.body['@odata.nextLink'], undefined)
      return { rows, deltaLink: path, pages }
    }
  }
}

const idsOf = (walk: Walk): string[] => walk.rows.map((row) => row.id)

async function touch(client: Client, id: string, tag: string): Promise<void> {
  const reply = await client.patch(`/v1.0/security/incidents/${id}`, { customTags: [tag] })
  assert.equal(reply.status, 200, reply.text)
}

tenantTestOnEach(
  'answers all rows in pages, then each changed row once, whole and in order of change',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.push(await tenant.incident())
    const [first = '', second = '', third = ''] = ids

    const all = await follow(cordon, responder, `${incidentsDelta}?$top=2`)
    const nothing = await follow(cordon, responder, all.deltaLink)
    await touch(responder, third, 'a')
    await touch(responder, first, 'b')
    await touch(responder, third, 'c')
    await touch(responder, second, 'd')
    const changed = await follow(cordon, responder, nothing.deltaLink)
    const again = await follow(cordon, responder, changed.deltaLink)

    assert.deepEqual(idsOf(all).sort(), [...ids].sort())
    assert.equal(all.pages, 3)
    assert.deepEqual(nothing.rows, [])
    assert.deepEqual(idsOf(changed), [first, third, second])
    assert.equal(changed.pages, 2)
    assert.deepEqual(
      changed.rows.map((row) => row.customTags),
      [['b'], ['c'], ['d']],
    )
    assert.deepEqual(changed.rows[0], withoutContext((await responder.get(`/v1.0/security/incidents/${first}`)).body))
    assert.deepEqual(again.rows, [])
    // The same link again answers the same: a client that lost the answer asks again.
    assert.deepEqual(idsOf(await follow(cordon, responder, nothing.deltaLink)), [first, third, second])
  },
)

function withoutContext(entity: Reply['body']): unknown {
  const { '@odata.context': _context, ...rest } = entity
  return rest
}

tenantTestOnEach(
  'what changes while all rows are read comes with the first round of changes',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    for (let count = 0; count < 3; count++) await tenant.incident()

    const page = await responder.get(`${incidentsDelta}?$top=2`)
    const shown: string = page.body.value[0].id
    await touch(responder, shown, 'later')
    const rest = await follow(cordon, responder, page.body['@odata.nextLink'].slice(cordon.url.length))
    const changes = await follow(cordon, responder, rest.deltaLink)

    assert.equal(page.body.value.length + rest.rows.length, 3)
    assert.deepEqual(idsOf(changes), [shown])
  },
)

tenantTestOnEach('a round ends though changes go on, and those come with the next', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const ids: string[] = []
  for (let count = 0; count < 3; count++) ids.push(await tenant.incident())
  const { deltaLink } = await follow(cordon, responder, `${incidentsDelta}?$top=2&$deltatoken=latest`)
  for (const id of ids) await touch(responder, id, 'one')

  const page = await responder.get(deltaLink)
  await touch(responder, ids[0] ?? '', 'two')
  const rest = await follow(cordon, responder, page.body['@odata.nextLink'].slice(cordon.url.length))
  const next = await follow(cordon, responder, rest.deltaLink)

  assert.deepEqual(
    page.body.value.map((row: { id: string }) => row.id),
    ids.slice(0, 2),
  )
  assert.deepEqual(idsOf(rest), ids.slice(2))
  assert.deepEqual(idsOf(next), ids.slice(0, 1))
})

tenantTestOnEach(
  'a row that no longer fits the filter is removed as changed, one that is gone as deleted',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const [leaving, staying, gone] = [await tenant.incident(), await tenant.incident(), await tenant.incident()]
    const query = "$filter=status%20eq%20'active'&$select=status"
    const start = await follow(cordon, responder, `${incidentsDelta}?${query}`)

    await responder.patch(`/v1.0/security/incidents/${leaving}`, { status: 'resolved' })
    await touch(responder, staying, 'x')
    await removeIncident(cordon, tenant, gone)
    const changes = await follow(cordon, responder, start.deltaLink)
    await responder.patch(`/v1.0/security/incidents/${leaving}`, { status: 'active' })
    const back = await follow(cordon, responder, changes.deltaLink)

    assert.equal(start.rows.length, 3)
    assert.deepEqual(changes.rows, [
      { id: leaving, '@removed': { reason: 'changed' } },
      { status: 'active', id: staying },
      { id: gone, '@removed': { reason: 'deleted' } },
    ])
    assert.deepEqual(back.rows, [{ status: 'active', id: leaving }])
  },
)

/** What retention does. */
async function removeIncident(cordon: Cordon, tenant: Tenant, id: string): Promise<void> {
  const actor = { tenantId: tenant.id, id: 'retention', kind: 'system', name: 'Retention' } as const
  await cordon.store.transaction(async (tx) => {
    await tx.deleteFrom('incidents').where('tenant_id', '=', tenant.id).where('id', '=', Number(id)).execute()
    await recordChange(tx, {
      at: systemClock.now(),
      actor,
      audit: { action: 'retention', objectType: 'incident', objectId: id, decision: 'allowed' },
      events: [{ change: 'deleted', resource: 'incident', objectId: id }],
    })
  })
}

tenantTestOnEach('alerts and tasks are followed as well', async (tenant, cordon) => {
  const responder = await tenant.as('responder')
  const incident = await tenant.incident()
  const alert = await tenant.alert(incident)
  const task = await tenant.task(incident)
  const starts = [
    '/beta/security/alerts_v2/delta()',
    '/v1.0/Security/Alerts_v2/Delta',
    '/beta/security/incidentTasks/delta',
  ]
  const walks = await Promise.all(starts.map((start) => follow(cordon, responder, start)))

  await responder.patch(`/v1.0/security/alerts_v2/${alert}`, { status: 'inProgress' })
  await responder.patch(`/beta/security/incidentTasks/${task}`, { status: 'inProgress' })
  const changes = await Promise.all(walks.map((walk) => follow(cordon, responder, walk.deltaLink)))

  assert.deepEqual(walks.map(idsOf), [[alert], [alert], [task]])
  assert.deepEqual(
    changes.map((walk) => walk.rows.map((row) => [row.id, row.status])),
    [[[alert, 'inProgress']], [[alert, 'inProgress']], [[task, 'inProgress']]],
  )
  assertError(await responder.get('/v1.0/security/incidentTasks/delta'), 404)
})

tenantTest('latest answers an empty page, and every page says what it is', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  await tenant.incident()

  const latest = await reader.get(`${incidentsDelta}?$deltatoken=latest`)
  const all = await reader.get(`${incidentsDelta}?$select=id,status`)

  assert.deepEqual(latest.body.value, [])
  assert.equal(latest.body['@odata.context'], `${cordon.url}/v1.0/$metadata#security/incidents/$delta`)
  assert.equal(all.body['@odata.context'], `${cordon.url}/v1.0/$metadata#security/incidents(id,status)/$delta`)
  assert.equal(all.body.value.length, 1)
})

tenantTest('other options, forged tokens and tokens of something else are refused', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  await tenant.incident()
  await tenant.incident()
  const { deltaLink } = await follow(cordon, reader, incidentsDelta)
  const token = new URLSearchParams(deltaLink.slice(deltaLink.indexOf('?'))).get('$deltatoken') ?? ''
  const rowsLink = (await reader.get(`${incidentsDelta}?$top=1`)).body['@odata.nextLink']
  const skipToken = new URL(rowsLink).searchParams.get('$skiptoken') ?? ''
  const listLink = (await reader.get('/v1.0/security/incidents?$top=1')).body['@odata.nextLink']
  const listToken = new URL(listLink).searchParams.get('$skiptoken') ?? ''
  const other = await (await giveTenant(cordon)).as('reader')

  const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  const refused = [
    ...['$orderby=id', '$expand=alerts', '$skip=1', '$count=true', '$search=x', '$format=json', '$top=0', '$top=51'],
    ...[`$deltatoken=${forged}`, '$deltatoken=x', '$deltatoken=', `$skiptoken=${token}`, `$deltatoken=${skipToken}`],
    ...[`$skiptoken=${listToken}`, `$deltatoken=${token}&$skiptoken=${skipToken}`],
    `$deltatoken=${token}&$filter=status%20eq%20'active'`,
  ]
  for (const query of refused) assertError(await reader.get(`${incidentsDelta}?${query}`), 400, { code: 'BadRequest' })
  assertError(await other.get(deltaLink), 400)
  assertError(await reader.get(`/v1.0/security/alerts_v2/delta?$deltatoken=${token}`), 400)
  assertError(await reader.get(`/v1.0/security/incidents?$deltatoken=${token}`), 400, { target: '$deltatoken' })
  assertError(await cordon.anonymous.get(deltaLink), 401)
  assert.equal((await reader.get(deltaLink.replace('/v1.0/', '/beta/'))).status, 200)
})

tenantTest('a token older than 30 days, or of a time the database no longer has, is 410', async (tenant, cordon) => {
  const reader = await tenant.as('reader')
  await tenant.incident()
  const { pagingKey } = await loadKeys(cordon.dataDir)
  const scope = { tenantId: tenant.id, resource: 'security/incidents/delta' }
  const query = readDeltaQuery('', describeIncidents('v1.0'), noPreferences)
  const now = systemClock.nowMs()
  const dayMs = 24 * 3600 * 1000
  const ask = (since: number, ageDays: number): Promise<Reply> => {
    const place = { kind: 'changes', since, until: null } as const
    const token = writeDeltaToken(pagingKey, scope, query, { place, atMs: now - ageDays * dayMs })
    return reader.get(`${incidentsDelta}?$deltatoken=${token}`)
  }

  assert.equal((await ask(0, 29.9)).status, 200)
  assertError(await ask(0, 30.1), 410, { code: 'SyncStateNotFound' })
  assertError(await ask(1_000_000, 0), 410, { code: 'SyncStateNotFound' })
})

test('on PostgreSQL a change whose transaction ends after a later one is not lost', async () => {
  const cordon = await shareCordon('postgres')
  const tenant = await giveTenant(cordon)
  const responder = await tenant.as('responder')
  const [slow, quick] = [await tenant.incident(), await tenant.incident()]
  const start = await follow(cordon, responder, `${incidentsDelta}?$deltatoken=latest`)
  const actor = { tenantId: tenant.id, id: 'slow', kind: 'system', name: 'slow' } as const
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let drawn = (): void => undefined
  const hasDrawn = new Promise<void>((resolve) => {
    drawn = resolve
  })

  // The slow transaction takes its number first and commits last.
  const slowChange = cordon.store.transaction(async (tx) => {
    await recordChange(tx, {
      at: systemClock.now(),
      actor,
      audit: { action: 'test', objectType: 'incident', objectId: slow, decision: 'allowed' },
      events: [{ change: 'updated', resource: 'incident', objectId: slow }],
    })
    drawn()
    await held
  })
  await hasDrawn
  await touch(responder, quick, 'quick')
  const during = await follow(cordon, responder, start.deltaLink)
  release()
  await slowChange
  const after = await follow(cordon, responder, during.deltaLink)

  assert.deepEqual([...idsOf(during), ...idsOf(after)], [slow, quick])
})
