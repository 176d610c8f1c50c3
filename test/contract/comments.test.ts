import assert from 'node:assert/strict'
import { assertError, instantPattern } from '../support/answers.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const type = 'microsoft.graph.security.alertComment'

/** The two things that take comments, in both versions. */
async function givePaths(tenant: Tenant): Promise<{ incident: string; alert: string }> {
  const incident = await tenant.incident()
  return {
    incident: `/v1.0/security/incidents/${incident}`,
    alert: `/beta/security/alerts_v2/${await tenant.alert(incident)}`,
  }
}

tenantTestOnEach('answers 200 with the whole list, the new comment at its end', async (tenant) => {
  const responder = await tenant.as('responder')
  const paths = await givePaths(tenant)
  for (const path of Object.values(paths)) {
    await responder.post(`${path}/comments`, { '@odata.type': type, comment: 'first' })
    await responder.post(`${path}/comments`, { '@odata.type': `#${type}`, comment: 'second' })

    const answer = await responder.post(`${path}/comments`, { comment: ' third ' })

    assert.equal(answer.status, 200, answer.text)
    const [entity = '', id = ''] = path.split('/').slice(-2)
    assert.ok(answer.body['@odata.context'].endsWith(`/$metadata#security/${entity}('${id}')/comments`))
    assert.deepEqual(
      answer.body.value.map((item: { comment: string }) => item.comment),
      ['first', 'second', ' third '],
    )
    const newest = answer.body.value.at(-1)
    assert.deepEqual(Object.keys(newest).sort(), ['@odata.type', 'comment', 'createdByDisplayName', 'createdDateTime'])
    assert.equal(newest['@odata.type'], `#${type}`)
    assert.equal(newest.createdByDisplayName, 'API-App:responder test')
    assert.match(newest.createdDateTime, instantPattern)
    assert.deepEqual((await responder.get(path)).body.comments, answer.body.value)
  }
})

tenantTest('takes several comments for an alert, as an array and wrapped', async (tenant) => {
  const responder = await tenant.as('responder')
  const { alert, incident } = await givePaths(tenant)
  const two = [{ comment: 'a' }, { '@odata.type': type, comment: 'b' }]

  const array = await responder.post(`${alert}/comments`, two)
  const wrapped = await responder.post(`${alert}/comments`, { value: two })
  const onIncident = await responder.post(`${incident}/comments`, two)

  assert.equal(array.body.value.length, 2)
  assert.deepEqual(
    wrapped.body.value.map((item: { comment: string }) => item.comment),
    ['a', 'b', 'a', 'b'],
  )
  assertError(onIncident, 400, { code: 'BadRequest' })
})

tenantTest('moves lastUpdateDateTime and names who did it', async (tenant) => {
  const responder = await tenant.as('responder')
  const { incident } = await givePaths(tenant)
  const before = (await responder.get(incident)).body

  await responder.post(`${incident}/comments`, { comment: 'x' })

  const after = (await responder.get(incident)).body
  assert.ok(after.lastUpdateDateTime > before.lastUpdateDateTime)
  assert.equal(after.lastModifiedBy, 'API-App:responder test')
})

tenantTest('refuses what is no comment, and leaves the list as it is', async (tenant) => {
  const responder = await tenant.as('responder')
  const paths = await givePaths(tenant)
  const wrong = [
    {},
    { '@odata.type': type },
    { comment: null },
    { comment: '' },
    { comment: ' \t\n' },
    { comment: 7 },
    { comment: ['x'] },
    { comment: 'x'.repeat(30_001) },
    { comment: 'x', '@odata.type': 'microsoft.graph.security.alert' },
    { comment: 'x', createdByDisplayName: 'the chief' },
    { comment: 'x', createdDateTime: '2020-01-01T00:00:00Z' },
    { comment: 'x', extra: true },
    [],
    [[{ comment: 'x' }]],
    { value: [] },
    'x',
    null,
  ]
  for (const path of Object.values(paths)) {
    for (const body of wrong) {
      assertError(await responder.post(`${path}/comments`, body), 400, { code: 'BadRequest' })
    }
    assertError(await responder.post(`${path}/comments`), 400, { code: 'BadRequest' })
    assert.deepEqual((await responder.get(path)).body.comments, [])
  }
})

tenantTest('takes 30 000 characters and stores them verbatim', async (tenant) => {
  const responder = await tenant.as('responder')
  const { incident } = await givePaths(tenant)
  const comment = '<script>alert(1)</script>'.padEnd(30_000, 'é')

  const answer = await responder.post(`${incident}/comments`, { comment })

  assert.equal(answer.status, 200)
  assert.equal(answer.body.value[0].comment, comment)
})

tenantTest('lists and deletes no comments', async (tenant) => {
  const responder = await tenant.as('responder')
  const paths = await givePaths(tenant)
  for (const path of Object.values(paths)) {
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const answer = await responder.send(method, `${path}/comments`)

      assertError(answer, 405, { code: 'Request_BadRequest' })
      assert.equal(answer.headers.allow, 'POST, OPTIONS')
    }
  }
})
