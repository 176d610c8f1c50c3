import assert from 'node:assert/strict'
import { assertError, instantPattern } from '../support/answers.ts'
import type { Reply } from '../support/cordon.ts'
import { jobsDone, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const members = ['open', 'inProgress', 'completed', 'failed', 'notRelevant'] as const

async function giveTask(tenant: Tenant): Promise<string> {
  return `/beta/security/incidentTasks/${await tenant.task(await tenant.incident())}`
}

/** The task without what says how it was asked for. */
function entityOf(reply: Reply): Record<string, unknown> {
  const { '@odata.context': _context, ...entity } = reply.body
  return entity
}

tenantTestOnEach('sets any status from any other and answers the whole task', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)
  for (const from of members) {
    for (const to of members) {
      await responder.patch(path, { status: from })

      const answer = await responder.patch(path, { status: to })

      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.body.status, to)
      assert.equal(answer.body.actionStatus, 'notStarted')
      assert.equal(answer.body['@odata.type'], '#microsoft.graph.security.incidentTask')
      assert.match(answer.body['@odata.context'], /\/beta\/\$metadata#security\/incidentTasks\/\$entity$/)
    }
  }
})

tenantTest('names who changed the task and when, and never lets the time go back', async (tenant) => {
  const responder = await tenant.as('responder')
  const future = '2100-01-01T00:00:00.0000000Z'
  const id = await tenant.task(await tenant.incident(), { lastModifiedDateTime: future })

  const answer = await responder.patch(`/beta/security/incidentTasks/${id}`, { status: 'completed' })

  assert.equal(answer.body.lastModifiedByDisplayName, 'API-App:responder test')
  assert.match(answer.body.lastModifiedDateTime, instantPattern)
  assert.ok(answer.body.lastModifiedDateTime > future)
})

tenantTest(
  'changes nothing for the status it has, for the sentinel, for {} and for read-only properties',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const path = await giveTask(tenant)
    const before = entityOf(await responder.get(path))
    const bodies = [
      { status: 'open' },
      { status: 'unknownFutureValue' },
      {},
      { actionStatus: 'completed', displayName: 'x', id: 'other', createdDateTime: 'no date', incident: { id: '9' } },
      { '@odata.type': 'microsoft.graph.security.incidentTask', '@odata.etag': 'W/"9"' },
    ]
    for (const body of bodies) {
      const answer = await responder.patch(path, body)

      assert.equal(answer.status, 200, `${JSON.stringify(body)}: ${answer.text}`)
      assert.deepEqual(entityOf(answer), before)
    }
  },
)

tenantTest('takes the whole object back as SDKs send it and changes the status alone', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)
  const whole = (await responder.get(path)).body
  const cutToMilliseconds = { createdDateTime: `${whole.createdDateTime.slice(0, 23)}Z`, description: 'rewritten' }

  const answer = await responder.patch(path, { ...whole, ...cutToMilliseconds, status: 'Completed' })

  assert.equal(answer.status, 200, answer.text)
  const { status, lastModifiedDateTime: _at, lastModifiedByDisplayName: _by, ...rest } = entityOf(answer)
  assert.equal(status, 'completed')
  for (const [name, value] of Object.entries(rest)) assert.deepEqual(value, whole[name], name)
})

tenantTest('refuses a wrong status, whatever is wrong with it, and names the property', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)
  const before = entityOf(await responder.get(path))
  for (const status of ['done', 'completed ', '', null, 1, true, [], ['open'], {}, 'awaitingAction']) {
    const answer = await responder.patch(path, { status })

    assertError(answer, 400, { code: 'BadRequest', target: 'status', message: /status/ })
  }
  assert.deepEqual(entityOf(await responder.get(path)), before)
})

tenantTest('refuses a property the type does not declare, as a whole', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)
  for (const name of ['tenantId', 'approvedBy', 'Status', 'constructor', 'comment', 'x@y']) {
    const answer = await responder.patch(path, { status: 'completed', [name]: 'x' })

    assertError(answer, 400, { code: 'BadRequest', target: name })
  }
  const named = await responder.patch(path, {
    '@odata.type': '#microsoft.graph.security.incident',
    status: 'completed',
  })
  assertError(named, 400, { target: '@odata.type' })
  assert.equal((await responder.get(path)).body.status, 'open')
})

tenantTest(
  'keeps the status while an execution is live: another one is 409, the same one and read-only ones are 200',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const state = { status: 'inProgress', actionStatus: 'inProgress' } as const
    const id = await tenant.task(await tenant.incident(), state)
    await tenant.execution(id, 'running')
    const path = `/beta/security/incidentTasks/${id}`
    const before = entityOf(await responder.get(path))

    const other = await responder.patch(path, { status: 'notRelevant' })
    const invalid = await responder.patch(path, { status: 'done' })
    const same = await responder.patch(path, { status: 'inProgress' })
    const readOnly = await responder.patch(path, { actionStatus: 'completed' })

    assertError(other, 409, { code: 'Conflict' })
    assertError(invalid, 400, { code: 'BadRequest' })
    assert.deepEqual(entityOf(same), before)
    assert.deepEqual(entityOf(readOnly), before)
  },
)

tenantTest('answers 204 without a body to return=minimal', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)

  const answer = await responder.patch(path, { status: 'completed' }, { Prefer: 'return=minimal' })

  assert.equal(answer.status, 204)
  assert.equal(answer.text, '')
  assert.equal(answer.headers['content-type'], undefined)
  assert.equal(answer.headers['preference-applied'], 'return=minimal')
  assert.equal((await responder.get(path)).body.status, 'completed')
})

tenantTestOnEach('honours If-Match: a stale version is 412, any version and the present one pass', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await giveTask(tenant)
  const etag = String((await responder.get(path)).headers.etag)
  assert.match(etag, /^W\/"\d+"$/)

  const first = await responder.patch(path, { status: 'inProgress' }, { 'If-Match': etag })
  const stale = await responder.patch(path, { status: 'completed' }, { 'If-Match': etag })
  const listed = await responder.patch(path, { status: 'failed' }, { 'If-Match': `"x", ${first.headers.etag}` })
  const any = await responder.patch(path, { status: 'completed' }, { 'If-Match': '*' })
  const malformed = await responder.patch(path, { status: 'open' }, { 'If-Match': 'abc' })
  const none = await responder.patch(path, { status: 'open' }, { 'If-None-Match': '*' })

  assert.equal(first.status, 200)
  assert.notEqual(first.headers.etag, etag)
  assertError(stale, 412, { code: 'PreconditionFailed', inner: 'resourceModified' })
  assert.equal(listed.status, 200, listed.text)
  assert.equal(any.status, 200, any.text)
  assertError(malformed, 400, { code: 'BadRequest' })
  assertError(none, 412, { code: 'PreconditionFailed' })
  assert.equal((await responder.get(path)).body.status, 'completed')
})

tenantTestOnEach(
  'leaves awaitingAction with the last guided task, and returns when one is reopened',
  async (tenant, cordon) => {
    const responder = await tenant.as('responder')
    const incident = await tenant.incident({ status: 'awaitingAction' })
    const [first, second] = [await tenant.task(incident), await tenant.task(incident)]
    const show = { Prefer: 'include-unknown-enum-members' }
    const statusAfter = async (task: string, status: string): Promise<string> => {
      await responder.patch(`/beta/security/incidentTasks/${task}`, { status })
      await jobsDone(cordon, tenant)
      return (await responder.get(`/beta/security/incidents/${incident}`, show)).body.status
    }

    assert.equal(await statusAfter(first, 'completed'), 'awaitingAction')
    assert.equal(await statusAfter(second, 'notRelevant'), 'inProgress')
    assert.equal(await statusAfter(first, 'open'), 'awaitingAction')
  },
)
