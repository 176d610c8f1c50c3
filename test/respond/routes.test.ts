import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostIdentity } from '../../src/agents/devices.ts'
import { readOwnHost } from '../../src/connectors/endpoint/cordon-agent/devices.ts'
import { systemClock } from '../../src/io/clock.ts'
import { defaultPolicy, type SafetyPolicy } from '../../src/model/safety/policy.ts'
import type { Command } from '../../src/protocol/command.ts'
import { assertError, waitUntil } from '../support/answers.ts'
import type { Client, Cordon, Reply } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const json = { 'Content-Type': 'application/json' }

async function setPolicy(tenant: Tenant, sections: Partial<SafetyPolicy>): Promise<void> {
  const body = JSON.stringify({ ...defaultPolicy, ...sections })
  const answer = await (await tenant.as('admin')).send('PUT', '/api/v1/policies', body, { ...json, 'If-Match': '*' })
  assert.equal(answer.status, 200, answer.text)
}

const askOne: Partial<SafetyPolicy> = {
  fourEyes: {
    approvalHours: 24,
    rules: [{ name: 'all', actionTypes: null, assetGroup: null, minTier: null, approvals: 1 }],
  },
}

/** A host and a task that isolates it. */
async function giveTask(tenant: Tenant, cordon: Cordon, hostname: string) {
  const device = await enrolDevice(cordon, tenant.id, hostname)
  const responseAction = fittingAction('isolateDevice', device.id)
  const taskId = await tenant.task(await tenant.incident(), { responseAction })
  return { device, taskId }
}

function execute(client: Client, taskId: string) {
  return client.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
}

async function nextCommand(device: FakeDevice): Promise<Command> {
  const commands = await waitUntil(
    () => device.fetch(),
    (list) => list.length > 0,
  )
  return commands[0] ?? assert.fail()
}

async function carryOut(device: FakeDevice, command: Command): Promise<void> {
  assert.equal((await device.acknowledge(command.commandId)).status, 204)
  assert.equal((await device.report(makeResult(command))).status, 200)
}

async function statesOf(client: Client, taskId: string): Promise<string[]> {
  const executions: { state: string }[] = (await client.get(`/api/v1/tasks/${taskId}/executions`)).body.value
  return executions.map(({ state }) => state)
}

tenantTestOnEach(
  'with four eyes nothing reaches a host before a second person agreed to exactly that',
  async (tenant, cordon) => {
    const { device, taskId } = await giveTask(tenant, cordon, 'four-01')
    const [responder, approver] = [await tenant.as('responder'), await tenant.as('approver')]
    await setPolicy(tenant, askOne)

    const accepted = await execute(responder, taskId)

    assert.equal(accepted.status, 204, accepted.text)
    const waiting = (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body
    assert.deepEqual([waiting.status, waiting.actionStatus], ['inProgress', 'notStarted'])
    assertError(await execute(responder, taskId), 400, { inner: 'ActionAlreadyInProgress' })
    const patch = await responder.patch(`/beta/security/incidentTasks/${taskId}`, { status: 'completed' })
    assertError(patch, 409, { code: 'Conflict' })
    assert.deepEqual(await device.fetch(), [])
    const [approval] = (await approver.get('/api/v1/approvals')).body.value
    assert.equal(approval.seen.target.key, device.id)
    assertError(await responder.post(`/api/v1/approvals/${approval.id}/approve`, { digest: approval.digest }), 403, {
      code: 'Forbidden',
    })

    const approved = await approver.post(`/api/v1/approvals/${approval.id}/approve`, { digest: approval.digest })

    assert.equal(approved.body.state, 'approved', approved.text)
    const command = await nextCommand(device)
    assert.deepEqual(command.approvals, { required: 1, count: 1, digest: approval.digest })
    await carryOut(device, command)
    await waitUntil(
      () => statesOf(responder, taskId),
      ([state]) => state === 'succeeded',
    )
    assertError(await approver.post(`/api/v1/approvals/${approval.id}/approve`, { digest: approval.digest }), 409, {
      code: 'Conflict',
    })
  },
)

tenantTest('nobody sees or decides an approval of another tenant', async (tenant, cordon) => {
  const { taskId } = await giveTask(tenant, cordon, 'foreign-01')
  await setPolicy(tenant, askOne)
  await execute(await tenant.as('responder'), taskId)
  const [approval] = (await (await tenant.as('approver')).get('/api/v1/approvals')).body.value
  const stranger = await cordon.as('approver', await cordon.createTenant('strangers'))

  assert.deepEqual((await stranger.get('/api/v1/approvals?state=all')).body.value, [])
  assertError(await stranger.get(`/api/v1/approvals/${approval.id}`), 404, { code: 'NotFound' })
  const vote = { digest: approval.digest }
  assertError(await stranger.post(`/api/v1/approvals/${approval.id}/approve`, vote), 404, { code: 'NotFound' })
  assertError(await stranger.post(`/api/v1/approvals/${approval.id}/reject`, vote), 404, { code: 'NotFound' })
})

tenantTest('the lease of the policy stands in the signed command', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'lease-01')
  await setPolicy(tenant, {
    expiry: { ...defaultPolicy.expiry, isolation: { leaseSeconds: 900, releaseAfterHours: null } },
  })

  await execute(await tenant.as('responder'), taskId)

  assert.equal((await nextCommand(device)).safety.leaseSeconds, 900)
})

tenantTestOnEach(
  'the kill switch also holds back what a host that was away has not fetched',
  async (tenant, cordon) => {
    const { device, taskId } = await giveTask(tenant, cordon, 'kill-01')
    const [responder, admin] = [await tenant.as('responder'), await tenant.as('admin')]
    await execute(responder, taskId)
    await waitUntil(
      () => statesOf(responder, taskId),
      ([state]) => state === 'dispatching',
    )

    await admin.post('/api/v1/dispatch/pause', { reason: 'a drill' })
    assert.deepEqual(await device.fetch(), [])
    await admin.post('/api/v1/dispatch/resume')

    await carryOut(device, await nextCommand(device))
    await waitUntil(
      () => statesOf(responder, taskId),
      ([state]) => state === 'succeeded',
    )
  },
)

tenantTestOnEach('cancel takes a command back that its host has not fetched', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'cancel-01')
  const responder = await tenant.as('responder')
  await execute(responder, taskId)
  const command = await nextCommand(device)

  const answer = await responder.post(`/api/v1/tasks/${taskId}/cancel`)

  assert.deepEqual([answer.status, answer.body.state], [200, 'cancelled'], answer.text)
  assert.equal((await device.acknowledge(command.commandId)).status, 409)
  assert.deepEqual(await device.fetch(), [])
  const task = (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body
  assert.deepEqual([task.status, task.actionStatus], ['open', 'notStarted'])
})

tenantTestOnEach('cancel is too late for a command its host has recorded', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'late-01')
  const responder = await tenant.as('responder')
  await execute(responder, taskId)
  const command = await nextCommand(device)
  await device.acknowledge(command.commandId)

  assertError(await responder.post(`/api/v1/tasks/${taskId}/cancel`), 409, { message: /^Too late/ })

  await device.report(makeResult(command))
  await waitUntil(
    () => statesOf(responder, taskId),
    ([state]) => state === 'succeeded',
  )
})

/** The host answers a question as a real one would: what it would do, and what that would cut. */
async function answerDryRun(device: FakeDevice, command: Command): Promise<void> {
  await device.acknowledge(command.commandId)
  const connections = { total: 2, listed: ['tcp 10.0.0.5:22 -> 10.0.0.9:5000', 'tcp 10.0.0.5:443 -> 10.0.0.8:1'] }
  const target = {
    ref: `device:${device.id}`,
    state: 'succeeded',
    changed: false,
    code: 'DryRun',
    detail: 'x',
  } as const
  const before = { isolated: false, connections }
  await device.report(makeResult(command, { before, after: { isolated: false }, proof: null, targets: [target] }))
}

/** A preview beside a host that answers whatever it is asked meanwhile. */
async function previewWith(client: Client, taskId: string, device: FakeDevice): Promise<Reply> {
  let isOver = false
  const answerAll = async (): Promise<void> => {
    while (!isOver) {
      for (const command of await device.fetch()) {
        assert.equal(command.dryRun, true)
        await answerDryRun(device, command)
      }
      await sleep(15)
    }
  }
  const answering = answerAll()
  try {
    return await client.post(`/api/v1/tasks/${taskId}/preview`)
  } finally {
    isOver = true
    await answering
  }
}

tenantTestOnEach('preview asks the host without effect and says what would be cut', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'preview-01')
  const responder = await tenant.as('responder')
  const before = (await responder.get(`/beta/security/incidentTasks/${taskId}`)).body

  let preview = await previewWith(responder, taskId, device)
  // A question that nobody answers for two seconds is taken back, and a busy machine may take longer.
  for (let tries = 0; preview.body.target?.already === null && tries < 30; tries += 1) {
    preview = await previewWith(responder, taskId, device)
  }

  assert.equal(preview.status, 200, preview.text)
  assert.deepEqual(preview.body.answer, { accepted: true, state: 'queued' })
  assert.equal(preview.body.connector.name, 'cordon-agent')
  const { online, already, controlled, heldBy } = preview.body.target
  assert.deepEqual(
    { online, already, controlled, heldBy },
    { online: true, already: false, controlled: true, heldBy: [] },
  )
  assert.deepEqual([preview.body.connections.known, preview.body.connections.total], [true, 2])
  assert.deepEqual(preview.body.reversible, { possible: true, how: 'unIsolateDevice' })
  assert.deepEqual(await statesOf(responder, taskId), [])
  assert.deepEqual((await responder.get(`/beta/security/incidentTasks/${taskId}`)).body, before)
  const holds = await cordon.store.read
    .selectFrom('commands')
    .select('hold')
    .where('agent_id', '=', device.id)
    .execute()
  assert.ok(holds.length > 0 && holds.every(({ hold }) => hold === 0))
})

tenantTest('preview of a host that is away says so, and waits for nobody', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'away-01')
  const lastSeen = '2026-01-01T00:00:00.0000000Z'
  await cordon.store.transaction((tx) =>
    tx.updateTable('agents').set({ last_seen_at: lastSeen }).where('id', '=', device.id).execute(),
  )

  const { body } = await (await tenant.as('responder')).post(`/api/v1/tasks/${taskId}/preview`)

  assert.deepEqual([body.target.online, body.target.already, body.target.lastSeenAt], [false, null, lastSeen])
  assert.equal(body.connections.known, false)
  assert.match(body.connections.reason, /offline/)
  assert.deepEqual(await device.fetch(), [])
})

tenantTest('preview learns its duration from history, and names who holds the host', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'history-01')
  const responder = await tenant.as('responder')
  await execute(responder, taskId)
  await carryOut(device, await nextCommand(device))
  await waitUntil(
    () => statesOf(responder, taskId),
    ([state]) => state === 'succeeded',
  )
  const incident = await tenant.incident()
  const second = await tenant.task(incident, { responseAction: fittingAction('isolateDevice', device.id) })
  await cordon.store.transaction((tx) =>
    tx
      .updateTable('agents')
      .set({ last_seen_at: '2026-01-01T00:00:00.0000000Z' })
      .where('id', '=', device.id)
      .execute(),
  )

  const { body } = await responder.post(`/api/v1/tasks/${second}/preview`)

  assert.equal(body.expectedDuration.samples, 1)
  assert.ok(body.expectedDuration.p50Seconds > 0 && body.expectedDuration.p50Seconds < 60)
  assert.deepEqual(
    body.target.heldBy.map((holder: { taskId: string }) => holder.taskId),
    [taskId],
  )
})

tenantTest('what is refused by policy names the rule, and stands in the audit', async (tenant, cordon) => {
  const { device, taskId } = await giveTask(tenant, cordon, 'guarded-01')
  const rule = { name: 'guarded', ids: [], names: ['guarded-*'], tags: [], actionTypes: null, reason: 'Ask first.' }
  await setPolicy(tenant, { protectedAssets: [rule] })

  const answer = await execute(await tenant.as('responder'), taskId)

  assertError(answer, 403, {
    code: 'Forbidden',
    inner: 'ProtectedTarget',
    message: /protectedAssets: guarded.*Ask first/,
  })
  assert.deepEqual(await device.fetch(), [])
  const refused = await cordon.store.read
    .selectFrom('audit')
    .select('code')
    .where('tenant_id', '=', tenant.id)
    .where('decision', '=', 'refused')
    .execute()
  assert.deepEqual(refused, [{ code: 'ProtectedTarget' }])
})

tenantTest(
  'the host this server runs on is never cut off; another network stack of the same machine is',
  async (tenant, cordon) => {
    const own = readOwnHost()
    const { device, taskId } = await giveTask(tenant, cordon, 'own-01')
    await beat(device, own)
    const neighbour = await giveTask(tenant, cordon, 'neighbour-01')
    await beat(neighbour.device, { ...own, addresses: ['192.0.2.1'] })
    const responder = await tenant.as('responder')

    const answers = [await execute(responder, taskId), await execute(responder, neighbour.taskId)]

    assertError(answers[0] ?? assert.fail(), 403, {
      inner: 'ProtectedTarget',
      message: /the host this Cordon server runs on/,
    })
    assert.equal(answers[1]?.status, 204)
    assert.deepEqual(await device.fetch(), [])
  },
)

/** A heartbeat of a host that is one by its boot and addresses. */
async function beat(device: FakeDevice, { bootId, addresses }: HostIdentity): Promise<void> {
  const host = {
    os: 'Debian',
    kernel: '6.1',
    hostname: 'h',
    fqdn: null,
    machineId: '0'.repeat(32),
    addresses,
    interfaces: [],
    loggedOnUsers: [],
  }
  const state = { isolated: false, until: null, restricted: false, iocVersion: 0 }
  const time = systemClock.now()
  const reply = await device.post('/heartbeat', {
    time,
    bootId,
    agentVersion: '0.1.0',
    journalDepth: 0,
    host,
    state,
    tamper: [],
  })
  assert.equal(reply.status, 204, reply.text)
}
