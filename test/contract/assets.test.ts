import assert from 'node:assert/strict'
import { waitUntil } from '../support/answers.ts'
import type { Client } from '../support/cordon.ts'
import { enrolDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { assertFits, readDocument } from '../support/openapi.ts'
import { tenantTestOnEach } from '../support/shared-cordon.ts'

const type = (name: string) => `#microsoft.graph.security.${name}Evidence`
const host = (hostName: string, rest = {}) => ({ '@odata.type': type('device'), hostName, ...rest })
const account = (userAccount: object) => ({ '@odata.type': type('user'), userAccount })
const mailbox = (primaryAddress: string) => ({ '@odata.type': type('mailbox'), primaryAddress })

const guid = (at: number): string => `00000000-0000-4000-8000-abc${String(at).padStart(9, '0')}`

const ada = { accountName: 'ada', domainName: 'contoso', userPrincipalName: 'Ada@contoso.example' }

/** An alert by the way every alert comes, so that what it names becomes known. Returns its incident. */
async function report(tenant: Tenant, evidence: readonly object[]): Promise<string> {
  const sent = await (await tenant.as('admin')).post('/v1.0/security/alerts_v2', {
    title: 'Seen',
    severity: 'high',
    providerAlertId: `given-${Math.random()}`,
    evidence,
  })
  assert.equal(sent.status, 201, sent.text)
  return sent.body.incidentId
}

interface Listed {
  readonly kind: string
  readonly name: string
  readonly contained: readonly unknown[]
  readonly waiting: { readonly id: string } | null
}

const shortOf = ({ kind, name, contained, waiting }: Listed): unknown[] => [kind, name, contained, waiting?.id ?? null]

async function namesOf(reader: Client, path: string): Promise<string[]> {
  return (await reader.get(path)).body.value.map(({ name }: { name: string }) => name)
}

async function propose(tenant: Tenant, incidentId: string, target: string): Promise<string> {
  const task = await (await tenant.as('expert')).post('/beta/security/incidentTasks', {
    displayName: `Isolate ${target}`,
    description: 'It talks to a known bad address.',
    actionType: 'isolateDevice',
    incident: { id: incidentId },
    responseAction: fittingAction('isolateDevice', target),
  })
  assert.equal(task.status, 201, task.text)
  return task.body.id
}

tenantTestOnEach('lists what alerts name by name, each thing under its own name alone, in pages', async (tenant) => {
  await report(tenant, [account(ada), mailbox('Ada@contoso.example')])
  await report(tenant, [account({ accountName: 'bo' }), account({ userPrincipalName: 'cy@contoso.example' })])
  await report(tenant, [host('db-02', { deviceDnsName: 'db-02.contoso.example' }), host('web-07')])
  const reader = await tenant.as('reader')

  const users = await namesOf(reader, '/api/v1/assets/users')
  const begun = await namesOf(reader, '/api/v1/assets/users?beginning=ADA')
  const devices = await namesOf(reader, '/api/v1/assets/devices')
  const paged: string[] = []
  for (let next: string | null = '/api/v1/assets/users?$top=1'; next !== null; ) {
    const { body } = await reader.get(next)
    assert.ok(body.value.length <= 1)
    paged.push(...body.value.map(({ name }: { name: string }) => name))
    const link: string | undefined = body['@odata.nextLink']
    next = link === undefined ? null : link.slice(new URL(link).origin.length)
  }

  assert.deepEqual(users, ['ada@contoso.example', 'bo', 'cy@contoso.example'])
  assert.deepEqual(begun, ['ada@contoso.example'])
  assert.deepEqual(devices, ['db-02', 'web-07'])
  assert.deepEqual(paged, users)
  assert.deepEqual(await namesOf(reader, '/api/v1/assets/mailboxes'), ['ada@contoso.example'])
})

tenantTestOnEach(
  'says what holds a host, in whose name, by which run, and forgets it with the release',
  async (tenant, cordon) => {
    const document = await readDocument()
    const device = await enrolDevice(cordon, tenant.id, 'web-07')
    const incidentId = await report(tenant, [host('web-07'), account(ada)])
    const reader = await tenant.as('reader')
    const ask = async (path: string) => {
      const answer = await reader.get(path)
      assert.equal(answer.status, 200, answer.text)
      assertFits(document, 'GET', path, answer)
      return answer.body
    }
    const taskId = await propose(tenant, incidentId, 'web-07')
    const before = await ask(`/api/v1/incidents/${incidentId}/assets`)
    const responder = await tenant.as('responder')
    await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    const [command] = await waitUntil(
      () => device.fetch(),
      (commands) => commands.length > 0,
    )
    assert.ok(command)
    await device.acknowledge(command.commandId)
    await device.report(makeResult(command))
    const held = await waitUntil(
      () => ask('/api/v1/assets/devices/web-07'),
      ({ contained }) => contained.length > 0,
    )
    const now = await ask('/api/v1/assets/contained')
    const after = await ask(`/api/v1/incidents/${incidentId}/assets`)
    const listed = await ask('/api/v1/assets/devices?beginning=web')
    const byId = await ask(`/api/v1/assets/devices/${device.id}`)
    const user = await ask('/api/v1/assets/users/contoso%5Cada')

    assert.deepEqual(before.value.map(shortOf), [
      ['user', 'ada@contoso.example', [], null],
      ['device', 'web-07', [], taskId],
    ])
    const [hold] = held.contained
    assert.deepEqual(
      [hold.kind, hold.id, hold.name, hold.actionType, hold.taskId, hold.incidentId],
      ['device', device.id, 'web-07', 'isolateDevice', taskId, incidentId],
    )
    assert.equal(held.deviceId, device.id)
    assert.deepEqual(
      held.incidents.map(({ id }: { id: string }) => id),
      [incidentId],
    )
    assert.deepEqual(
      held.runs.map(({ id, state, holds }: { id: string; state: string; holds: boolean }) => [id, state, holds]),
      [[hold.executionId, 'succeeded', true]],
    )
    assert.deepEqual(now.value, [hold])
    // The incident itself goes on meanwhile: nothing waits in it any more.
    assert.deepEqual([byId.names, byId.contained, byId.runs], [held.names, held.contained, held.runs])
    const [, seen] = after.value
    assert.deepEqual([seen.contained, seen.waiting], [[hold], null])
    assert.deepEqual(listed.value[0].contained, [hold])
    assert.equal(user.name, 'ada@contoso.example')
    assert.deepEqual(user.contained, [])

    const undone = await responder.post(`/api/v1/tasks/${taskId}/undo`)
    assert.equal(undone.status, 202, undone.text)
    const [release] = await waitUntil(
      () => device.fetch(),
      (commands) => commands.length > 0,
    )
    assert.ok(release)
    await device.acknowledge(release.commandId)
    await device.report(makeResult(release))
    const free = await waitUntil(
      () => ask('/api/v1/assets/devices/web-07'),
      ({ contained }) => contained.length === 0,
    )

    assert.equal(free.runs.length, 2)
    assert.deepEqual((await ask('/api/v1/assets/contained')).value, [])
  },
)

tenantTestOnEach('says what people call the devices of some ids, in one answer', async (tenant, cordon) => {
  const [byAlert, twice, nobody] = [guid(1), guid(3), guid(4)]
  await report(tenant, [host('web-07', { mdeDeviceId: byAlert.toUpperCase() }), account(ada)])
  await report(tenant, [host('db-02', { azureAdDeviceId: twice })])
  await report(tenant, [{ '@odata.type': type('device'), mdeDeviceId: nobody }])
  const enrolled = await enrolDevice(cordon, tenant.id, 'app-03')
  const reader = await tenant.as('reader')
  const ask = (...ids: string[]) =>
    reader.get(`/api/v1/devices/names?${new URLSearchParams(ids.map((id): [string, string] => ['id', id]))}`)

  const answer = await ask(byAlert.toUpperCase(), byAlert, enrolled.id, twice, nobody, guid(5))
  const tooMany = await ask(...Array.from({ length: 201 }, (_, at) => guid(at)))

  assert.equal(answer.status, 200)
  assertFits(await readDocument(), 'GET', '/api/v1/devices/names', answer)
  assert.deepEqual(answer.body.value, [
    { id: byAlert.toUpperCase(), name: 'web-07' },
    { id: byAlert, name: 'web-07' },
    { id: enrolled.id, name: 'app-03' },
    { id: twice, name: 'db-02' },
  ])
  assert.equal(tooMany.status, 400)
})
