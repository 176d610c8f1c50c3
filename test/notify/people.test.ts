import assert from 'node:assert/strict'
import { msOf } from '../../src/io/clock.ts'
import { assertError, waitUntil } from '../support/answers.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import type { Tenant } from '../support/given.ts'
import { startMailServer } from '../support/mail-server.ts'
import { type SignedInPerson, signInPerson } from '../support/person.ts'
import { receiverTls } from '../support/receiver.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'
import { addChannel, giveGuidedTask, listDeliveries, mailSettings } from './people-world.ts'

const settingsPath = '/api/v1/notifications/settings'
const escalationPath = '/api/v1/notifications/escalation'

const wanted = {
  mail: 'ada@example.org',
  events: ['awaitingAction'],
  minSeverity: 'medium',
  quietHours: null,
}

function put(client: Client, path: string, body: object, ifMatch = '*'): Promise<Reply> {
  return client.send('PUT', path, JSON.stringify(body), { 'Content-Type': 'application/json', 'If-Match': ifMatch })
}

async function enter(
  cordon: Cordon,
  tenant: Tenant,
  role: 'reader' | 'responder' | 'monitor',
  changes: object = {},
  name = 'Ada',
): Promise<SignedInPerson> {
  const person = await signInPerson(cordon, tenant.id, role, name)
  const set = await put(person.client, settingsPath, { ...wanted, ...changes })
  if (role !== 'monitor') assert.equal(set.status, 200, set.text)
  return person
}

async function readAudit(tenant: Tenant, action: string): Promise<Record<string, unknown>[]> {
  const { body } = await (await tenant.as('admin')).get(`/api/v1/audit?action=${action}`)
  return body.value
}

/** Makes the steps of escalations due at once. */
async function hurryEscalation(cordon: Cordon, tenant: Tenant): Promise<void> {
  await cordon.store.transaction(async (tx) => {
    await tx
      .updateTable('jobs')
      .set({ run_at: '2000-01-01T00:00:00.0000000Z' })
      .where('tenant_id', '=', tenant.id)
      .where('kind', '=', 'escalate')
      .execute()
  })
}

tenantTestOnEach('a person sets for themselves what reaches them by mail', async (tenant, cordon, t) => {
  const mail = await startMailServer(t)
  const { ca } = await receiverTls()
  await addChannel(tenant, 'mail', mailSettings(mail, ca, { to: [], events: [] }))
  const ada = await enter(cordon, tenant, 'reader')
  await enter(cordon, tenant, 'reader', { mail: 'bo@example.org', minSeverity: 'high' }, 'Bo')
  const gone = await enter(cordon, tenant, 'reader', { mail: 'gone@example.org' }, 'Gone')
  await cordon.store.transaction(async (tx) => {
    await tx
      .updateTable('users')
      .set({ disabled_at: '2026-01-01T00:00:00.0000000Z' })
      .where('id', '=', gone.id)
      .execute()
  })

  await giveGuidedTask(tenant, { severity: 'low' })
  const { taskId } = await giveGuidedTask(tenant, { severity: 'medium' })
  await mail.wait(1)
  const deliveries = await listDeliveries(tenant)
  const shown = await ada.client.get(settingsPath)

  assert.deepEqual(
    mail.mails.map(({ to }) => to),
    [['ada@example.org']],
  )
  assert.ok(mail.mails[0]?.text.includes(taskId))
  assert.deepEqual(
    deliveries.map(({ personId }) => personId),
    [ada.id],
  )
  assert.deepEqual([shown.body.mail, shown.body.version, shown.headers.etag], ['ada@example.org', 2, 'W/"2"'])
  const [entry] = await readAudit(tenant, 'updateNotificationSettings')
  assert.doesNotMatch(JSON.stringify(entry), /example\.org/)
})

tenantTest(
  'quiet hours put a message off, and high severity comes through where that is wanted',
  async (tenant, cordon, t) => {
    const mail = await startMailServer(t)
    const { ca } = await receiverTls()
    await addChannel(tenant, 'mail', mailSettings(mail, ca, { to: [], events: [] }))
    const hour = (ahead: number): string =>
      `${String((new Date().getUTCHours() + ahead + 24) % 24).padStart(2, '0')}:30`
    const quietHours = { from: hour(-2), to: hour(3), timeZone: 'UTC', highBreaksThrough: true }
    await enter(cordon, tenant, 'reader', { quietHours })

    await giveGuidedTask(tenant, { severity: 'medium', displayName: 'Can wait' })
    await giveGuidedTask(tenant, { severity: 'high', displayName: 'Cannot wait' })
    await mail.wait(1)
    // That a message has gone is written down after its server took it.
    const deliveries = await waitUntil(
      () => listDeliveries(tenant),
      (all) => all.some(({ state }) => state === 'delivered'),
    )
    const waiting = deliveries.filter(({ state }) => state === 'waiting')
    const job = await cordon.store.read
      .selectFrom('jobs')
      .select('run_at')
      .where('id', '=', String(waiting[0]?.id))
      .executeTakeFirstOrThrow()

    assert.deepEqual([mail.mails.length, waiting.length], [1, 1])
    assert.match(mail.mails[0]?.text ?? '', /Cannot wait/)
    assert.equal(job.run_at.slice(11, 16), quietHours.to)
    assert.ok(msOf(job.run_at) > Date.now())
  },
)

tenantTest('settings are a person’s own, and two who change them at once are told', async (tenant, cordon) => {
  const ada = await enter(cordon, tenant, 'reader')
  const bo = await signInPerson(cordon, tenant.id, 'responder', 'Bo')
  const application = await tenant.as('admin')

  const fresh = await bo.client.get(settingsPath)
  const stale = await put(ada.client, settingsPath, wanted, 'W/"7"')
  const good = await put(ada.client, settingsPath, wanted, 'W/"2"')
  const blind = await ada.client.send('PUT', settingsPath, JSON.stringify(wanted), {
    'Content-Type': 'application/json',
  })
  const wrong = await put(ada.client, settingsPath, { ...wanted, mail: 'a\n@b' })
  const refused = [await application.get(settingsPath), await put(application, settingsPath, wanted)]
  const monitor = await (await tenant.as('monitor')).get(settingsPath)

  assert.deepEqual([fresh.body.mail, fresh.body.version], [null, 1])
  assertError(stale, 412)
  assert.equal(good.status, 200)
  assertError(blind, 400, { target: 'If-Match' })
  assertError(wrong, 400, { target: 'mail' })
  for (const reply of refused) assertError(reply, 400)
  assertError(monitor, 403)
})

tenantTestOnEach(
  'who opens an incident is written down once, and whoever takes it on has it',
  async (tenant, cordon) => {
    const incidentId = await tenant.incident({ severity: 'high' })
    const ada = await signInPerson(cordon, tenant.id, 'reader', 'Ada')
    const bo = await signInPerson(cordon, tenant.id, 'responder', 'Bo')
    const path = `/api/v1/incidents/${incidentId}`
    const application = await tenant.as('responder')

    const seen = [
      await ada.client.post(`${path}/seen`),
      await ada.client.post(`${path}/seen`),
      await application.post(`${path}/seen`),
    ]
    await bo.client.post(`${path}/seen`)
    const taken = await bo.client.post(`${path}/acknowledge`)
    const again = await bo.client.post(`${path}/acknowledge`)
    const attention = await ada.client.get(`${path}/attention`)
    const incident = (await ada.client.get(`/v1.0/security/incidents/${incidentId}`)).body
    const refused = [
      await ada.client.post(`${path}/acknowledge`),
      await application.post(`${path}/acknowledge`),
      await bo.client.post('/api/v1/incidents/999999/acknowledge'),
      await bo.client.post('/api/v1/incidents/999999/seen'),
      await bo.client.get('/api/v1/incidents/nonsense/attention'),
    ]

    assert.deepEqual(
      seen.map(({ status }) => status),
      [204, 204, 204],
    )
    assert.deepEqual([taken.status, again.status], [200, 200])
    assert.deepEqual(taken.body, again.body)
    assert.deepEqual(
      attention.body.seenBy.map(({ displayName }: { displayName: string }) => displayName),
      ['Ada', 'Bo'],
    )
    assert.deepEqual([attention.body.acknowledgedBy.displayName, incident.assignedTo], ['Bo', 'Bo'])
    assert.deepEqual(
      [(await readAudit(tenant, 'seeIncident')).length, (await readAudit(tenant, 'acknowledgeIncident')).length],
      [2, 1],
    )
    assert.deepEqual(
      refused.map(({ status }) => status),
      [403, 400, 404, 404, 404],
    )
  },
)

tenantTest('another tenant’s incident is no incident', async (tenant, cordon) => {
  const incidentId = await tenant.incident()
  const stranger = await signInPerson(cordon, cordon.tenantId, 'responder', 'Stranger')

  const replies = [
    await stranger.client.get(`/api/v1/incidents/${incidentId}/attention`),
    await stranger.client.post(`/api/v1/incidents/${incidentId}/seen`),
    await stranger.client.post(`/api/v1/incidents/${incidentId}/acknowledge`),
  ]

  for (const reply of replies) assertError(reply, 404)
})

tenantTestOnEach(
  'while nobody acknowledges, the next are told, step by step, until somebody does',
  async (tenant, cordon, t) => {
    const mail = await startMailServer(t)
    const { ca } = await receiverTls()
    const channel = await addChannel(tenant, 'mail', mailSettings(mail, ca, { events: [] }))
    const ada = await enter(cordon, tenant, 'reader', { events: [] })
    const bo = await signInPerson(cordon, tenant.id, 'responder', 'Bo')
    const step = { afterMinutes: 5, channels: [], people: [ada.id], ignoreQuietHours: false }
    const steps = [step, { ...step, afterMinutes: 15, channels: [channel], people: [] }, { ...step, afterMinutes: 30 }]
    const set = await put(await tenant.as('admin'), escalationPath, { minSeverity: 'medium', steps })
    const givenFromMs = Date.now()
    const { incidentId } = await giveGuidedTask(tenant, { severity: 'high', displayName: 'Nobody looks' })
    const path = `/api/v1/incidents/${incidentId}/attention`
    const read = async (): Promise<Reply['body']> => (await bo.client.get(path)).body.escalation

    const first = await waitUntil(read, (escalation) => escalation !== null)
    const givenToMs = Date.now()
    await hurryEscalation(cordon, tenant)
    await mail.wait(1)
    await waitUntil(read, (escalation) => escalation?.nextStep === 2)
    await hurryEscalation(cordon, tenant)
    await mail.wait(2)
    await waitUntil(read, (escalation) => escalation?.nextStep === 3)
    await bo.client.post(`/api/v1/incidents/${incidentId}/acknowledge`)
    const after = await read()
    await hurryEscalation(cordon, tenant)
    await waitUntil(
      () => cordon.store.read.selectFrom('jobs').select('id').where('tenant_id', '=', tenant.id).execute(),
      (jobs) => jobs.length === 0,
    )

    assert.equal(set.status, 200, set.text)
    assert.equal(first.nextStep, 1)
    const countedFromMs = msOf(first.nextDateTime) - 300_000
    assert.ok(countedFromMs >= givenFromMs && countedFromMs <= givenToMs, first.nextDateTime)
    assert.deepEqual(
      mail.mails.map(({ to }) => to),
      [['ada@example.org'], ['soc@example.org']],
    )
    assert.match(mail.mails[1]?.text ?? '', /Nobody has acknowledged this for 15 min \(step 2 of the escalation\)/)
    assert.equal(after, null)
    const [entry] = await readAudit(tenant, 'acknowledgeIncident')
    assert.equal(JSON.parse(JSON.stringify(entry)).details.endedEscalation, true)
  },
)

tenantTest(
  'an incident that is resolved or acknowledged wakes nobody, and unknown names are refused',
  async (tenant, cordon, t) => {
    const mail = await startMailServer(t)
    const { ca } = await receiverTls()
    const channel = await addChannel(tenant, 'mail', mailSettings(mail, ca, { events: [] }))
    const bo = await signInPerson(cordon, tenant.id, 'responder', 'Bo')
    const admin = await tenant.as('admin')
    const step = { afterMinutes: 5, channels: [channel], people: [], ignoreQuietHours: false }
    const unknown = { ...step, channels: ['00000000-0000-4000-8000-000000000000'] }

    const refused = await put(admin, escalationPath, { minSeverity: 'low', steps: [unknown] })
    await put(admin, escalationPath, { minSeverity: 'low', steps: [step] })
    const resolved = await giveGuidedTask(tenant, { severity: 'high' })
    await waitUntil(
      async () => (await bo.client.get(`/api/v1/incidents/${resolved.incidentId}/attention`)).body.escalation,
      (escalation) => escalation !== null,
    )
    await bo.client.patch(`/v1.0/security/incidents/${resolved.incidentId}`, { status: 'resolved' })
    await hurryEscalation(cordon, tenant)
    const acknowledged = await tenant.incident({ severity: 'high' })
    await bo.client.post(`/api/v1/incidents/${acknowledged}/acknowledge`)
    const expert = await tenant.as('expert')
    const optIn = { Prefer: 'include-unknown-enum-members' }
    const awaiting = await expert.patch(`/v1.0/security/incidents/${acknowledged}`, { status: 'awaitingAction' }, optIn)
    await waitUntil(
      () => cordon.store.read.selectFrom('jobs').select('kind').where('tenant_id', '=', tenant.id).execute(),
      (jobs) => jobs.length === 0,
    )
    const state = await cordon.store.read
      .selectFrom('escalations')
      .select(['incident_id', 'state'])
      .where('tenant_id', '=', tenant.id)
      .execute()

    assertError(refused, 400, { target: 'steps[0].channels' })
    assert.equal(awaiting.status, 200, awaiting.text)
    assert.deepEqual(state, [{ incident_id: Number(resolved.incidentId), state: 'closed' }])
    assert.equal(mail.mails.length, 0)
  },
)

tenantTest('a flood of incidents does not become a flood of mail', async (tenant, cordon, t) => {
  const mail = await startMailServer(t)
  const { ca } = await receiverTls()
  const channel = await addChannel(tenant, 'mail', mailSettings(mail, ca, { events: ['awaitingAction'] }))
  const now = new Date().toISOString().replace('Z', '0000Z')
  await cordon.store.transaction(async (tx) => {
    for (let index = 0; index < 99; index += 1) {
      const row = {
        tenant_id: tenant.id,
        id: `earlier-${index}`,
        connector_id: channel,
        recipient: '',
        event: 'awaitingAction',
      }
      const rest = {
        incident_id: 1,
        message: '{}',
        state: 'delivered',
        attempts: 1,
        last_error: null,
        finished_at: now,
      }
      await tx
        .insertInto('deliveries')
        .values({ ...row, ...rest, created_at: now })
        .execute()
    }
  })

  await giveGuidedTask(tenant, { displayName: 'The hundredth' })
  await mail.wait(1)
  await giveGuidedTask(tenant, { displayName: 'One too many' })
  await waitUntil(
    () => cordon.store.read.selectFrom('jobs').select('kind').where('tenant_id', '=', tenant.id).execute(),
    (jobs) => jobs.length === 0,
  )

  assert.equal(mail.mails.length, 1)
  assert.match(mail.mails[0]?.text ?? '', /message 100 within an hour: further ones are only in the portal/)
})
