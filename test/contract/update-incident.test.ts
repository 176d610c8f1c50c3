import assert from 'node:assert/strict'
import { assertError } from '../support/answers.ts'
import type { Reply } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const show = { Prefer: 'include-unknown-enum-members' }

async function givePath(tenant: Tenant, draft: Parameters<Tenant['incident']>[0] = {}): Promise<string> {
  return `/v1.0/security/incidents/${await tenant.incident(draft)}`
}

function entityOf(reply: Reply): Record<string, unknown> {
  const { '@odata.context': _context, ...entity } = reply.body
  return entity
}

tenantTestOnEach('changes what the body names, keeps the rest and answers the whole incident', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant, { systemTags: ['Defender Experts'], customTags: ['old'], assignedTo: 'kai' })
  const before = entityOf(await responder.get(path))
  const change = {
    assignedTo: 'david@contoso.example',
    classification: 'truePositive',
    customTags: ['demo', 'second'],
    description: 'What happened.',
    determination: 'multiStagedAttack',
    displayName: 'Renamed',
    resolvingComment: 'Done.',
    severity: 'high',
    status: 'resolved',
    summary: 'In short.',
  }

  const answer = await responder.patch(path, change)

  assert.equal(answer.status, 200, answer.text)
  assert.match(answer.body['@odata.context'], /\/v1\.0\/\$metadata#security\/incidents\/\$entity$/)
  const after = entityOf(answer)
  assert.ok(String(after.lastUpdateDateTime) > String(before.lastUpdateDateTime))
  const { lastUpdateDateTime } = after
  const lastModifiedBy = 'API-App:responder test'
  assert.deepEqual(after, { ...before, ...change, lastUpdateDateTime, lastModifiedBy })
  assert.deepEqual(entityOf(await responder.get(path)), after)
})

tenantTest('takes enum members in any case and answers the canonical ones', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)

  const answer = await responder.patch(path, { classification: 'TruePositive', determination: 'MultiStagedAttack' })

  assert.equal(answer.body.classification, 'truePositive')
  assert.equal(answer.body.determination, 'multiStagedAttack')
})

tenantTest('takes the older names of a determination and answers the present ones', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const names = {
    compromisedUser: 'compromisedAccount',
    clean: 'notMalicious',
    insufficientData: 'notEnoughDataToValidate',
    confirmedUserActivity: 'confirmedActivity',
  }
  for (const [older, present] of Object.entries(names)) {
    assert.equal((await responder.patch(path, { determination: older })).body.determination, present)
  }
})

tenantTest('takes the sentinel as absent, null as cleared and an empty owner as none', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant, { assignedTo: 'kai', classification: 'falsePositive', description: 'd' })

  const sentinel = await responder.patch(path, { severity: 'unknownFutureValue', classification: 'unknownFutureValue' })
  const cleared = await responder.patch(path, { classification: null, description: null, assignedTo: '' })

  assert.equal(sentinel.body.severity, 'medium')
  assert.equal(sentinel.body.classification, 'falsePositive')
  assert.equal(cleared.body.assignedTo, null)
  assert.equal(cleared.body.description, null)
  assert.equal(cleared.body.classification, null)
})

tenantTest('changes nothing for {}, for what is so already and for read-only properties', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant, { customTags: ['a'] })
  const before = entityOf(await responder.get(path))
  const bodies = [
    {},
    { status: 'active', severity: 'Medium', customTags: ['a'] },
    {
      id: '9',
      tenantId: 'x',
      redirectIncidentId: '1',
      comments: [],
      alerts: [],
      lastModifiedBy: 7,
      priorityScore: 'no',
    },
    { comment: 'one client sends this' },
    { '@odata.context': 'x', 'customTags@odata.type': '#Collection(String)' },
  ]
  for (const body of bodies) {
    const answer = await responder.patch(path, body)

    assert.equal(answer.status, 200, `${JSON.stringify(body)}: ${answer.text}`)
    assert.deepEqual(entityOf(answer), before)
  }
})

tenantTest('takes the whole object back, expanded alerts and all, and changes only what differs', async (tenant) => {
  const responder = await tenant.as('responder')
  const id = await tenant.incident({ customTags: ['a'] })
  await tenant.alert(id)
  const path = `/beta/security/incidents/${id}`
  const whole = (await responder.get(`${path}?$expand=alerts`)).body
  assert.equal(whole.alerts.length, 1)

  const answer = await responder.patch(path, { ...whole, severity: 'low' })

  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.severity, 'low')
  assert.deepEqual(answer.body.customTags, ['a'])
  assert.equal((await responder.get(`${path}?$expand=alerts`)).body.alerts.length, 1)
})

tenantTest(
  'refuses wrong values and undeclared properties, naming the property, and changes nothing',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const path = await givePath(tenant)
    const before = entityOf(await responder.get(path))
    const wrong: [string, unknown][] = [
      ['severity', null],
      ['severity', 'critical'],
      ['severity', 256],
      ['status', 'closed'],
      ['status', null],
      ['status', 'redirected'],
      ['status', ' active'],
      ['assignedTo', 5],
      ['assignedTo', 'x'.repeat(257)],
      ['displayName', ''],
      ['displayName', 'x'.repeat(513)],
      ['summary', 'x'.repeat(30_001)],
      ['customTags', 'a'],
      ['customTags', Array.from({ length: 101 }, (_, index) => `t${index}`)],
      ['approvedBy', 'me'],
      ['Severity', 'low'],
      ['recommendedAction', 'x'],
    ]
    for (const [name, value] of wrong) {
      const answer = await responder.patch(path, { assignedTo: 'mallory', [name]: value })

      assertError(answer, 400, { code: 'BadRequest', target: name, message: new RegExp(name) })
    }
    for (const item of [1, null, 'x'.repeat(257)]) {
      assertError(await responder.patch(path, { customTags: ['a', item] }), 400, { target: 'customTags[1]' })
    }
    assert.deepEqual(entityOf(await responder.get(path)), before)
  },
)

tenantTest('refuses bodies that are no JSON object', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const bodies = [
    '',
    'null',
    '[]',
    '"resolved"',
    '7',
    '{"status":"resolved"',
    '{"status":"resolved",}',
    '{"a":1,"a":2}',
  ]
  for (const body of bodies) {
    const answer = await responder.send('PATCH', path, body, { 'Content-Type': 'application/json' })

    assertError(answer, 400, { code: 'BadRequest' })
  }
})

tenantTest('lets only an expert set awaitingAction, and only one who knows the member', async (tenant) => {
  const [responder, expert] = [await tenant.as('responder'), await tenant.as('expert')]
  const path = await givePath(tenant)
  const body = { status: 'awaitingAction' }

  assertError(await responder.patch(path, body), 400, { code: 'BadRequest', target: 'status' })
  assertError(await expert.patch(path, body), 400, { code: 'BadRequest', target: 'status' })
  assertError(await responder.patch(path, body, show), 403, { code: 'Forbidden' })
  const set = await expert.patch(path, body, show)

  assert.equal(set.status, 200, set.text)
  assert.equal(set.body.status, 'awaitingAction')
  assert.equal(set.headers['preference-applied'], 'include-unknown-enum-members')
})

tenantTest(
  'refuses to change a merged incident, naming its target, and answers 200 where nothing would change',
  async (tenant) => {
    const responder = await tenant.as('responder')
    const target = await tenant.incident()
    const path = await givePath(tenant, { status: 'redirected', redirectIncidentId: target })

    const refused = await responder.patch(path, { severity: 'high' })
    const commented = await responder.post(`${path}/comments`, { comment: 'late' })
    const same = await responder.patch(path, { severity: 'medium', status: 'redirected' })

    assertError(refused, 409, { code: 'Conflict', message: new RegExp(target) })
    assertError(commented, 409, { code: 'Conflict' })
    assert.equal(same.status, 200, same.text)
    assert.equal((await responder.get(`/v1.0/security/incidents/${target}`)).body.severity, 'medium')
  },
)

tenantTest('answers 204 to return=minimal and honours If-Match', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const etag = String((await responder.get(path)).headers.etag)

  const minimal = await responder.patch(path, { severity: 'high' }, { Prefer: 'return=minimal', 'If-Match': etag })
  const stale = await responder.patch(path, { severity: 'low' }, { 'If-Match': etag })

  assert.equal(minimal.status, 204)
  assert.equal(minimal.text, '')
  assertError(stale, 412, { code: 'PreconditionFailed', inner: 'resourceModified' })
  assert.equal((await responder.get(path)).body.severity, 'high')
})

tenantTest('stores text verbatim', async (tenant) => {
  const responder = await tenant.as('responder')
  const path = await givePath(tenant)
  const text = `=cmd|'/C calc'!A0 <script>1</script> \u202e 𝔘 \t "quoted"`

  await responder.patch(path, { summary: text, customTags: [text] })

  const { summary, customTags } = (await responder.get(path)).body
  assert.equal(summary, text)
  assert.deepEqual(customTags, [text])
})
