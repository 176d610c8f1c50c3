import assert from 'node:assert/strict'
import { refuseCommand } from '../../src/agent/execute.ts'
import { openPackageFolder } from '../../src/agents/evidence/package-folder.ts'
import { type AgentChannel, openAgentChannel } from '../../src/agents/open.ts'
import { type RuleOrder, submitRule, withdrawRule } from '../../src/agents/rules.ts'
import { instantOf, randomIds, systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { Report } from '../../src/protocol/messages.ts'
import { messageLimits } from '../../src/protocol/version.ts'
import { waitUntil } from '../support/answers.ts'
import type { Cordon } from '../support/cordon.ts'
import { enrolDevice, type FakeDevice, makeResult, readCommands } from '../support/device.ts'
import { fittingAction, type Tenant } from '../support/given.ts'
import { tenantTest, tenantTestOnEach } from '../support/shared-cordon.ts'

const capabilities = ['submitIocRule', 'isolateDevice'].map((actionType) => ({ actionType, supported: true }))

function enrol(cordon: Cordon, tenant: Tenant, hostname: string): Promise<FakeDevice> {
  return enrolDevice(cordon, tenant.id, hostname, { capabilities })
}

/** Blocks an address on every host of the tenant, without waiting for any. */
async function block(tenant: Tenant, address: string): Promise<string> {
  const responseAction = fittingAction('submitIocRule', address) as never
  const taskId = await tenant.task(await tenant.incident(), { actionType: 'submitIocRule', responseAction })
  const responder = await tenant.as('responder')
  const accepted = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  assert.equal(accepted.status, 204, accepted.text)
  return taskId
}

/** Polls until the server lets the host begin so many commands. */
async function awaitGiven(device: FakeDevice, count: number = 1): Promise<Command[]> {
  const reply = await waitUntil(
    () => device.poll(),
    ({ status, body }) => status === 200 && body.commands.length >= count,
    60,
  )
  const commands = readCommands(reply)
  assert.deepEqual(
    reply.body.begin,
    commands.map(({ commandId }) => commandId),
  )
  return commands
}

function firstOf<T>(list: readonly T[]): T {
  return list[0] ?? assert.fail('nothing there')
}

function reportOf(command: Command): Report {
  return { journalSeq: 7, result: makeResult(command) }
}

async function readStates(cordon: Cordon, device: FakeDevice): Promise<string[]> {
  const query = cordon.store.read.selectFrom('commands').select('state').where('agent_id', '=', device.id)
  return (await query.orderBy('seq').execute()).map(({ state }) => state)
}

/** The queue of commands as another server on the same database would open it. */
async function openQueue(cordon: Cordon): Promise<AgentChannel> {
  const { commandKey } = await loadKeys(cordon.dataDir)
  const parts = { store: cordon.store, clock: systemClock, ids: randomIds, log: createLog('fatal'), commandKey }
  return openAgentChannel({ ...parts, packages: openPackageFolder(cordon.dataDir) })
}

function ruleOrder(tenant: Tenant): RuleOrder {
  const inAnHour = instantOf(Date.now() + 3_600_000)
  return {
    ...{ tenantId: tenant.id, executionId: randomIds.guid(), taskId: randomIds.guid(), epoch: 1, notAfter: inAnHour },
    ...{ actor: { id: 'ada', kind: 'user' }, reason: 'test', approvals: null, mode: 'block', until: inAnHour },
    indicator: { kind: 'ipv4', value: '203.0.113.7/32', url: null },
    allowInfrastructure: false,
  }
}

tenantTestOnEach(
  'a host that begins what is listed tells with its next poll what became of a rule, and asks nothing before',
  async (tenant, cordon) => {
    const device = await enrol(cordon, tenant, 'begins-01')
    const taskId = await block(tenant, '203.0.113.7')

    const command = firstOf(await awaitGiven(device))
    const unanswered = await readStates(cordon, device)
    const again = readCommands(await device.poll())
    const reported = await device.poll([reportOf(command)])

    assert.deepEqual(unanswered, ['given'])
    assert.deepEqual(again, [command])
    assert.equal(reported.status, 204)
    assert.deepEqual(await readStates(cordon, device), ['succeeded'])
    const responder = await tenant.as('responder')
    await waitUntil(
      () => responder.get(`/beta/security/incidentTasks/${taskId}`),
      ({ body }) => body.actionStatus === 'completed',
      60,
    )
    const row = await cordon.store.read.selectFrom('commands').selectAll().where('id', '=', command.commandId).execute()
    assert.ok(row[0]?.acked_at, 'the report says that the command was recorded')
    const audit = cordon.store.read.selectFrom('audit').select(['action', 'details'])
    const entries = await audit.where('actor_id', '=', device.id).where('object_id', '=', command.commandId).execute()
    assert.deepEqual(
      entries.map(({ action }) => action),
      ['reportResult'],
    )
    assert.equal(JSON.parse(entries[0]?.details ?? '').journalSeq, 7)
  },
)

tenantTest('every report is judged by itself, and refused ones end the poll at once', async (tenant, cordon) => {
  const [device, other] = [await enrol(cordon, tenant, 'judged-01'), await enrol(cordon, tenant, 'judged-02')]
  await block(tenant, '203.0.113.8')
  const [mine, foreign] = [firstOf(await awaitGiven(device)), firstOf(await awaitGiven(other))]
  const made = { ...mine, commandId: 'nothing', executionId: 'nothing' }
  const path = '/commands?wait=250&begin=listed'

  const wrongEpoch = await device.post(path, { reports: [{ ...reportOf({ ...mine, epoch: 9 }) }] })
  const first = reportOf(mine)
  const mixed = await device.post(path, { reports: [reportOf(foreign), first, reportOf(made)] })
  const repeated = await device.poll([first])
  const against = await device.post(path, { reports: [{ ...first, result: { ...first.result, state: 'failed' } }] })

  assert.deepEqual(wrongEpoch.body.refused, [{ commandId: mine.commandId, status: 409, code: 'Conflict' }])
  assert.deepEqual(mixed.body.refused, [
    { commandId: foreign.commandId, status: 404, code: 'NotFound' },
    { commandId: 'nothing', status: 404, code: 'NotFound' },
  ])
  assert.equal(repeated.status, 204)
  assert.deepEqual(against.body.refused, [{ commandId: mine.commandId, status: 409, code: 'Conflict' }])
  assert.deepEqual([await readStates(cordon, device), await readStates(cordon, other)], [['succeeded'], ['given']])
  const refusals = await cordon.store.read
    .selectFrom('audit')
    .select('object_id')
    .where('actor_id', '=', device.id)
    .where('decision', '=', 'refused')
    .execute()
  assert.equal(refusals.length, 4)
})

tenantTest(
  'a poll whose reports are not understood is refused as a whole, and changes nothing',
  async (tenant, cordon) => {
    const device = await enrol(cordon, tenant, 'odd-01')
    await block(tenant, '203.0.113.9')
    const command = firstOf(await awaitGiven(device))
    const report = reportOf(command)
    const path = '/commands?wait=0&begin=listed'
    const bodies = [
      { reports: [{ ...report, more: 1 }] },
      { reports: [{ result: report.result }] },
      { reports: Array.from({ length: 17 }, () => report) },
      { reports: [{ ...report, result: { ...report.result, state: 'done' } }] },
      [],
    ]

    const replies: number[] = []
    for (const body of bodies) replies.push((await device.post(path, body)).status)
    const big = await device.post(path, { reports: [report], more: 'x'.repeat(messageLimits.reportsBytes) })
    const forged = await device.post(path, { reports: [] }, { sentBody: JSON.stringify({ reports: [report] }) })
    const unknownWord = await device.get('/commands?wait=0&begin=all')

    assert.deepEqual(replies, [400, 400, 400, 400, 400])
    assert.deepEqual([big.status, forged.status, unknownWord.status], [413, 401, 400])
    assert.deepEqual(await readStates(cordon, device), ['given'])
    assert.equal((await device.poll([report])).status, 204)
  },
)

tenantTest('a host that asks all the same, and an agent of before, are answered as ever', async (tenant, cordon) => {
  const [asking, before] = [await enrol(cordon, tenant, 'asks-01'), await enrol(cordon, tenant, 'before-01')]
  await block(tenant, '203.0.113.10')
  const given = firstOf(await awaitGiven(asking))
  const plain = await waitUntil(
    () => before.get('/commands?wait=0'),
    ({ status }) => status === 200,
    60,
  )
  const queued = firstOf(readCommands(plain))

  const asked = [await asking.acknowledge(given.commandId), await before.acknowledge(queued.commandId)]
  const recorded = [await readStates(cordon, asking), await readStates(cordon, before)]
  const told = [await asking.report(makeResult(given)), await before.report(makeResult(queued))]

  assert.equal(plain.body.begin, undefined)
  assert.deepEqual(
    [...asked, ...told].map(({ status }) => status),
    [204, 204, 200, 200],
  )
  assert.deepEqual(recorded, [['acked'], ['acked']])
  assert.deepEqual([await readStates(cordon, asking), await readStates(cordon, before)], [['succeeded'], ['succeeded']])
})

tenantTest('only rules are given: who isolates may think better of it until the host asks', async (tenant, cordon) => {
  const device = await enrol(cordon, tenant, 'isolates-01')
  const responseAction = fittingAction('isolateDevice', device.id)
  const taskId = await tenant.task(await tenant.incident(), { responseAction })
  const responder = await tenant.as('responder')
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)

  const reply = await waitUntil(
    () => device.poll(),
    ({ status }) => status === 200,
    60,
  )
  const command = firstOf(readCommands(reply))
  const early = await device.poll([reportOf(command)])
  await responder.post(`/api/v1/tasks/${taskId}/cancel`)

  assert.equal(reply.body.begin, undefined)
  assert.deepEqual(early.body.refused, [{ commandId: command.commandId, status: 409, code: 'Conflict' }])
  await waitUntil(
    () => readStates(cordon, device),
    ([state]) => state === 'cancelled',
    60,
  )
  assert.equal((await device.acknowledge(command.commandId)).status, 409)
})

tenantTest('a rule that was given is not cancelled, and its withdrawal comes after it', async (tenant, cordon) => {
  const device = await enrol(cordon, tenant, 'withdraws-01')
  const queue = await openQueue(cordon)
  const order = ruleOrder(tenant)
  await submitRule(queue, order, null)
  const command = firstOf(await awaitGiven(device))

  await withdrawRule(queue, { ...order, executionId: randomIds.guid() }, null)
  const both = await awaitGiven(device, 2)
  const reported = await device.poll(both.map(reportOf))

  assert.deepEqual(
    both.map(({ commandId, body }) => [commandId === command.commandId, body.action]),
    [
      [true, 'deny'],
      [false, 'allow'],
    ],
  )
  assert.equal(reported.status, 204)
  assert.deepEqual(await readStates(cordon, device), ['succeeded', 'succeeded'])
})

tenantTest(
  'a command that was given is repeated beyond its time, until its host says that it never had it',
  async (tenant, cordon) => {
    const [device, away] = [await enrol(cordon, tenant, 'late-01'), await enrol(cordon, tenant, 'late-02')]
    const queue = await openQueue(cordon)
    await submitRule(queue, ruleOrder(tenant), null)
    const command = firstOf(await awaitGiven(device))
    const past = instantOf(Date.now() - 1_000)
    await cordon.store.transaction((tx) =>
      tx.updateTable('commands').set({ not_after: past }).where('tenant_id', '=', tenant.id).execute(),
    )

    const late = readCommands(await device.poll())
    const never = await away.poll()
    const refusal = refuseCommand(command, 'Expired', 'its time is over', Date.now())
    const reported = await device.poll([{ journalSeq: 1, result: refusal }])

    assert.deepEqual(late, [command])
    assert.equal(never.status, 204)
    assert.equal(reported.status, 204)
    assert.deepEqual(await readStates(cordon, device), ['expired'])
  },
)
