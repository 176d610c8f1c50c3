import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

/** One entity of each kind that takes PATCH: its path, and two bodies that each change something. */
async function giveEntities(
  tenant: Tenant,
): Promise<readonly (readonly [path: string, first: object, second: object])[]> {
  const incident = await tenant.incident()
  const alert = await tenant.alert(incident)
  const task = await tenant.task(incident)
  return [
    [`/v1.0/security/incidents/${incident}`, { severity: 'high' }, { severity: 'low' }],
    [`/v1.0/security/alerts_v2/${alert}`, { status: 'inProgress' }, { status: 'new' }],
    [`/beta/security/incidentTasks/${task}`, { status: 'notRelevant' }, { status: 'open' }],
  ]
}

tenantTestOnEach('changes an entity only when it is the one that was read', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const [path, first, second] of await giveEntities(tenant)) {
    const etag = String((await responder.get(path)).headers.etag)
    assert.match(etag, /^W\/"\d+"$/)

    const changed = await responder.patch(path, first, { 'If-Match': etag })
    const stale = await responder.patch(path, second, { 'If-Match': etag })
    const unchanged = await responder.patch(path, {}, { 'If-Match': etag })
    const strong = await responder.patch(path, second, { 'If-Match': String(changed.headers.etag).slice(2) })

    assert.equal(changed.status, 200, changed.text)
    assert.notEqual(changed.headers.etag, etag)
    assertError(stale, 412, { code: 'PreconditionFailed', inner: 'resourceModified' })
    assertError(unchanged, 412, { code: 'PreconditionFailed' })
    assert.equal(strong.status, 200, strong.text)
    assert.equal((await responder.get(path)).headers.etag, strong.headers.etag)
  }
})

tenantTest('takes any of several tags, and * for whatever there is', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const [path, first, second] of await giveEntities(tenant)) {
    const etag = String((await responder.get(path)).headers.etag)

    const listed = await responder.patch(path, first, { 'If-Match': `"other", ${etag} , W/"99"` })
    const star = await responder.patch(path, second, { 'If-Match': '*' })

    assert.equal(listed.status, 200, listed.text)
    assert.equal(star.status, 200, star.text)
  }
})

tenantTest('refuses malformed tags, a wish for absence, and what names another version', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const [path, change] of await giveEntities(tenant)) {
    const before = (await responder.get(path)).text
    for (const tag of ['3', 'W/3', '"3', 'w/"1"', '', '"1" "2"', '*, "1"', "W/'1'"]) {
      assertError(await responder.patch(path, change, { 'If-Match': tag }), 400, {
        code: 'BadRequest',
        target: 'If-Match',
      })
    }
    for (const tag of ['W/"999"', '"abc"', '""', 'W/"1e0"', 'W/"01"']) {
      assertError(await responder.patch(path, change, { 'If-Match': tag }), 412, { code: 'PreconditionFailed' })
    }
    assertError(await responder.patch(path, change, { 'If-None-Match': '*' }), 412, { code: 'PreconditionFailed' })
    assert.equal((await responder.get(path)).text, before)
  }
})

tenantTest('looks for the entity before its version', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const path of [
    '/v1.0/security/incidents/999999',
    '/v1.0/security/alerts_v2/x',
    '/beta/security/incidentTasks/999',
  ]) {
    assertError(await responder.patch(path, {}, { 'If-Match': 'W/"1"' }), 404, { code: 'NotFound' })
  }
})

tenantTest('shows a tag on single entities only, and none in the body', async (tenant) => {
  const reader = await tenant.as('reader')
  for (const [path] of await giveEntities(tenant)) {
    const one = await reader.get(path)
    const list = await reader.get(path.slice(0, path.lastIndexOf('/')))

    assert.ok(one.headers.etag)
    assert.equal(list.headers.etag, undefined)
    assert.doesNotMatch(one.text + list.text, /odata\.etag/)
  }
})

tenantTestOnEach('gives two changes of one version to one of them', async (tenant) => {
  const responder = await tenant.as('responder')
  for (const [path, first] of await giveEntities(tenant)) {
    const etag = String((await responder.get(path)).headers.etag)

    const answers = await Promise.all([1, 2, 3].map(() => responder.patch(path, first, { 'If-Match': etag })))

    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 412, 412])
  }
})
