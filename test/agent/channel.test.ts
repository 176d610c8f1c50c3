import assert from 'node:assert/strict'
import test from 'node:test'
import { queueCommand } from '../../src/agents/commands.ts'
import { openPackageFolder } from '../../src/agents/evidence/package-folder.ts'
import { createEnrolmentToken, revokeDevice } from '../../src/agents/identity/enroll.ts'
import { openAgentChannel } from '../../src/agents/open.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { createLog } from '../../src/io/log.ts'
import { loadKeys } from '../../src/io/secrets.ts'
import { makeKeyPair, readPrivateKey } from '../../src/protocol/jws.ts'
import { waitUntil } from '../support/answers.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { enrolDevice, type FakeDevice, giveEnrolmentToken, makeResult, sendEnrolment } from '../support/device.ts'

const minute = 60_000

/** Orders an isolation of a device the way the engine does, from another process on the same database. */
async function orderIsolation(cordon: Cordon, device: FakeDevice, tenantId: string, lifeMs = minute): Promise<string> {
  const { commandKey } = await loadKeys(cordon.dataDir)
  const log = createLog('fatal')
  const packages = openPackageFolder(cordon.dataDir)
  const channel = openAgentChannel({
    store: cordon.store,
    clock: systemClock,
    ids: randomIds,
    log,
    commandKey,
    packages,
  })
  const executionId = randomIds.guid()
  await queueCommand(channel, {
    tenantId,
    agentId: device.id,
    executionId,
    taskId: 'task-1',
    epoch: 1,
    notAfter: new Date(Date.now() + lifeMs).toISOString().replace('Z', '0000Z'),
    actor: { id: 'ada', kind: 'user' },
    reason: 'test',
    action: { actionType: 'isolateDevice', permitted: undefined },
    dryRun: false,
    leaseSeconds: null,
    approvals: null,
  })
  return executionId
}

async function stateOf(cordon: Cordon, commandId: string): Promise<string | undefined> {
  const query = cordon.store.read.selectFrom('commands').select('state').where('id', '=', commandId)
  return (await query.executeTakeFirst())?.state
}

test('enrolment takes a token once, from the holder of the named key, and makes a device of the token’s tenant', async (t) => {
  const cordon = await startCordon(t)
  const tenantId = await cordon.createTenant('other')
  const token = await giveEnrolmentToken(cordon, tenantId)
  const pair = makeKeyPair()

  const forged = await sendEnrolment(cordon, token, pair, {}, { key: readPrivateKey(makeKeyPair().privateKeyPem) })
  const malformed = await sendEnrolment(cordon, token, pair, { hostname: '../etc' })
  const first = await sendEnrolment(cordon, token, pair)
  const second = await sendEnrolment(cordon, token, makeKeyPair())
  const unknown = await sendEnrolment(cordon, 'nonsense', makeKeyPair())
  const agents = await cordon.store.read.selectFrom('agents').selectAll().execute()

  assert.deepEqual(
    [forged, malformed, first, second, unknown].map(({ status }) => status),
    [401, 400, 201, 401, 401],
  )
  assert.deepEqual(
    agents.map(({ id, tenant_id }) => [id, tenant_id]),
    [[first.body.deviceId, tenantId]],
  )
  assert.equal(first.body.commandKeys.length, 1)
  assert.equal(JSON.stringify(agents).includes(first.body.token), false)
})

test('an enrolment token ends with its time', async (t) => {
  const cordon = await startCordon(t)
  const past = { ...systemClock, nowMs: () => Date.now() - 61_000 }
  const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const
  const { token } = await createEnrolmentToken({ store: cordon.store, clock: past }, actor, 60)

  const reply = await sendEnrolment(cordon, token, makeKeyPair())

  assert.equal(reply.status, 401)
})

test('a device that enrols again with its key becomes a new device and the old one ends', async (t) => {
  const cordon = await startCordon(t)
  const pair = makeKeyPair()
  const first = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, cordon.tenantId), pair)
  const second = await sendEnrolment(cordon, await giveEnrolmentToken(cordon, cordon.tenantId), pair)

  const rows = await cordon.store.read.selectFrom('agents').select(['id', 'revoked_at']).execute()
  const inForce = rows.filter(({ revoked_at }) => revoked_at === null).map(({ id }) => id)

  assert.notEqual(first.body.deviceId, second.body.deviceId)
  assert.deepEqual(inForce, [second.body.deviceId])
})

test('a request counts only with its token, its signature, a rising number and the protocol version', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const other = await enrolDevice(cordon, cordon.tenantId, 'web-02')
  const poll = '/commands?wait=0'
  assert.equal((await device.get(poll)).status, 204)
  const used = device.lastSeq()

  const replies = [
    await device.get(poll, { token: 'wrong' }),
    await device.get(poll, { key: other.key }),
    await device.get(poll, { kid: other.id }),
    await device.get(poll, { token: other.token }),
    await device.get(poll, { headers: { 'x-signature': '' } }),
    await device.get(poll, { headers: { 'x-seq': '99999' } }),
    await device.post('/ack', { commandId: 'x', journalSeq: 1 }, { sentBody: '{"commandId":"y","journalSeq":1}' }),
  ]
  const replayed = await device.get(poll, { seq: used })
  const version = await device.get(poll, { headers: { 'x-agent-protocol': '2' } })

  for (const reply of replies) assert.equal(reply.status, 401)
  assert.equal(replayed.status, 401)
  assert.equal(replayed.body.error.innerError.code, 'StaleSequence')
  assert.equal(version.status, 400)
  assert.equal((await device.get(poll)).status, 204)
})

test('a revoked device is heard no more', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const actor = { tenantId: cordon.tenantId, id: 'test', kind: 'system', name: 'test' } as const

  await revokeDevice({ store: cordon.store, clock: systemClock }, actor, device.id)

  assert.equal((await device.get('/commands?wait=0')).status, 401)
})

for (const kind of databaseKinds) {
  test(`a held poll is answered with a command another process queued, long before it ends by itself (${kind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind: kind })
    const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
    const held = device.get('/commands?wait=250')
    await untilHeard(cordon, device)

    const start = performance.now()
    await orderIsolation(cordon, device, cordon.tenantId)
    const reply = await held

    assert.equal(reply.status, 200)
    assert.equal(reply.body.commands.length, 1)
    const tookMs = Math.round(performance.now() - start)
    // It is looked for once a second; the rest is what a busy machine adds.
    assert.ok(tookMs < 60_000, `only after ${tookMs} ms`)
    t.diagnostic(`answered after ${tookMs} ms`)
  })

  test(`numbers of one device rise, also when its requests arrive together (${kind})`, async (t) => {
    const cordon = await startCordon(t, { databaseKind: kind })
    const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')

    const replies = await Promise.all([5, 5, 5, 5].map((seq) => device.get('/commands?wait=0', { seq })))

    assert.deepEqual(replies.map(({ status }) => status).sort(), [204, 401, 401, 401])
  })
}

test('a poll ends without an answer after the asked time, and at once when the server stops', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const start = performance.now()
  assert.equal((await device.get('/commands?wait=1')).status, 204)
  const oneSecond = performance.now() - start

  const held = device.get('/commands?wait=250')
  await untilHeard(cordon, device)
  const stopping = performance.now()
  await cordon.server.stop()

  // What a poll is held for beyond is what a busy machine takes; held to its limit, each would last minutes.
  assert.ok(oneSecond >= 950 && oneSecond < 60_000, `${oneSecond} ms`)
  assert.equal((await held).status, 204)
  assert.ok(performance.now() - stopping < 60_000)
})

test('a command is delivered until it is acknowledged, and a second acknowledgement is taken like the first', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const commandId = await orderIsolation(cordon, device, cordon.tenantId)

  const seen = [await device.fetch(), await device.fetch()].map((commands) => commands.map((one) => one.commandId))
  const acks = [await device.acknowledge(commandId), await device.acknowledge(commandId)]

  assert.deepEqual(seen, [[commandId], [commandId]])
  assert.deepEqual(
    acks.map(({ status }) => status),
    [204, 204],
  )
  assert.deepEqual(await device.fetch(), [])
})

test('a command past its deadline is not delivered, and its acknowledgement is refused', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const commandId = await orderIsolation(cordon, device, cordon.tenantId, -1_000)

  assert.deepEqual(await device.fetch(), [])
  assert.equal((await device.acknowledge(commandId)).status, 409)
  assert.equal(await stateOf(cordon, commandId), 'expired')
})

test('a result counts once, only from its own device, and never against an earlier one', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const rogue = await enrolDevice(cordon, cordon.tenantId, 'web-02')
  const commandId = await orderIsolation(cordon, device, cordon.tenantId)
  const [command] = await device.fetch()
  assert.ok(command)
  const result = makeResult(command)

  const unacknowledged = await device.report(result)
  await device.acknowledge(commandId)
  const foreign = await rogue.report(result)
  const foreignAck = await rogue.acknowledge(commandId)
  const wrongEpoch = await device.report({ ...result, epoch: 2 })
  const first = await device.report(result)
  const again = await device.report(result)
  const contradiction = await device.report(makeResult(command, { state: 'failed' }))
  const unknown = await device.report({ ...result, commandId: 'nothing', executionId: 'nothing' })
  const odd = await device.post('/results', { ...result, state: 'done' })
  const big = await device.post('/results', { ...result, artifacts: [{ x: 'y'.repeat(300_000) }] })

  const statuses = [unacknowledged, foreign, foreignAck, wrongEpoch, first, again, contradiction, unknown, odd, big]
  assert.deepEqual(
    statuses.map(({ status }) => status),
    [409, 404, 404, 409, 200, 200, 409, 404, 400, 413],
  )
  assert.equal(await stateOf(cordon, commandId), 'succeeded')
  const refusals = await cordon.store.read
    .selectFrom('audit')
    .select(['actor_id', 'action'])
    .where('decision', '=', 'refused')
    .where('object_type', '=', 'command')
    .execute()
  assert.equal(refusals.length, 6)
  assert.equal(refusals.filter(({ actor_id }) => actor_id === rogue.id).length, 2)
})

test('a claimed success whose proof does not hold is stored as unverified', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const lies: ((command: Parameters<typeof makeResult>[0]) => ReturnType<typeof makeResult>)[] = [
    (command) => makeResult(command, { proof: null }),
    (command) => makeResult(command, { after: { isolated: true, mode: 'full', rulesetSha256: 'other' } }),
    (command) => makeResult(command, { after: { isolated: false } }),
    (command) => withProof(command, { level: 'attested' }),
    (command) => withProof(command, { checks: [] }),
    (command) =>
      withProof(command, {
        checks: [...(makeResult(command).proof?.checks ?? []), { name: 'forbidden6', want: 'fail', got: 'reached' }],
      }),
  ]

  for (const lie of lies) {
    const commandId = await orderIsolation(cordon, device, cordon.tenantId)
    const [command] = await device.fetch()
    assert.ok(command)
    await device.acknowledge(commandId)
    assert.equal((await device.report(lie(command))).status, 200)
    assert.equal(await stateOf(cordon, commandId), 'unverified')
  }
})

test('a heartbeat is kept without what a device may not say, and tampering goes into the audit log', async (t) => {
  const cordon = await startCordon(t)
  const device = await enrolDevice(cordon, cordon.tenantId, 'web-01')
  const at = systemClock.now()
  const host = {
    os: 'Debian',
    kernel: '6.1',
    hostname: 'web-01',
    fqdn: 'web-01.example.org',
    machineId: '0'.repeat(32),
    addresses: ['10.0.0.1'],
    interfaces: [{ name: 'eth0', mac: null, addresses: ['10.0.0.1/24'] }],
    loggedOnUsers: ['ada'],
  }
  const heartbeat = {
    time: at,
    bootId: 'b',
    agentVersion: '0.1.0',
    journalDepth: 0,
    host,
    state: { isolated: false, until: null, restricted: false, iocVersion: 0 },
    tamper: [{ kind: 'IsolationRemoved', at, detail: 'x' }],
    labels: { critical: true },
  }

  const reply = await device.post('/heartbeat', heartbeat)
  const tooBig = await device.post('/heartbeat', { ...heartbeat, labels: 'x'.repeat(70_000) })

  const agent = await cordon.store.read.selectFrom('agents').selectAll().executeTakeFirstOrThrow()
  const audit = await cordon.store.read
    .selectFrom('audit')
    .select('code')
    .where('action', '=', 'reportTampering')
    .execute()
  assert.deepEqual([reply.status, tooBig.status], [204, 413])
  assert.equal(agent.fqdn, 'web-01.example.org')
  assert.equal(JSON.parse(agent.facts).host.loggedOnUsers[0], 'ada')
  assert.equal(agent.facts.includes('critical'), false)
  assert.deepEqual(
    audit.map(({ code }) => code),
    ['IsolationRemoved'],
  )
})

function withProof(
  command: Parameters<typeof makeResult>[0],
  changes: Partial<NonNullable<ReturnType<typeof makeResult>['proof']>>,
): ReturnType<typeof makeResult> {
  const result = makeResult(command)
  return result.proof === null ? result : { ...result, proof: { ...result.proof, ...changes } }
}

/** Waits until the server has taken the last request of the device, which it may hold. */
async function untilHeard(cordon: Cordon, device: FakeDevice): Promise<void> {
  const query = cordon.store.read.selectFrom('agents').select('last_seq').where('id', '=', device.id)
  await waitUntil(
    () => query.executeTakeFirst(),
    (row) => row?.last_seq === device.lastSeq(),
  )
}
