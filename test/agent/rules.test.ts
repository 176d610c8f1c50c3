import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { writeSubmitIocRule } from '../../src/protocol/bodies/submitIocRule.ts'
import { onEnd } from '../support/cleanup.ts'
import { makeCommand, sendCommand } from '../support/control-server.ts'
import { enrolDevice } from '../support/device.ts'
import { createEndpoint, waitForEnd as waitForExit } from '../support/endpoint.ts'
import { SERVICE_PORT, stop } from '../support/netns.ts'
import { createSite, execute, readExecutions, setPolicy, undo, waitUntil } from '../support/site.ts'

/** 45 seconds: enough for a busy machine to carry a rule out and look at it before it ends. */
const shortHours = 0.0125

/** A program nobody else runs: a copy of `sleep` with a few bytes behind its end. */
function makeProgram(t: TestContext): { readonly path: string; readonly sha256: string; readonly sha1: string } {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-program-'))
  onEnd(t, () => rmSync(directory, { recursive: true }))
  const path = join(directory, 'miner')
  copyFileSync('/bin/sleep', path)
  appendFileSync(path, `cordon ${directory}`)
  chmodSync(path, 0o755)
  const content = readFileSync(path)
  const digest = (algorithm: string): string => createHash(algorithm).update(content).digest('hex')
  return { path, sha256: digest('sha256'), sha1: digest('sha1') }
}

test('an address is blocked for the host and what it forwards, and undo leaves the firewall as it was', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, deviceId } = site
  const reaches = (from: string, to: string) => lab.reaches(from, to, SERVICE_PORT)
  await waitUntil(() => reaches(lab.container, lab.internet4))

  const { id, task, ms } = await execute(tenant, 'submitIocRule', lab.internet4)

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, task.status, run.state], ['completed', 'completed', 'succeeded'])
  assert.deepEqual(run.result.targets, [
    { ref: `device:${deviceId}`, displayName: 'web-01', state: 'succeeded', code: null, detail: null },
  ])
  assert.equal(run.result.proof.level, 'observed')
  assert.match(run.result.proof.checks[1].got, /^proved.*element listed.*probe refused/)
  assert.equal(await reaches(lab.endpoint, lab.internet4), false)
  assert.equal(await reaches(lab.container, lab.internet4), false)
  assert.equal(await reaches(lab.endpoint, lab.internet6), true)

  await undo(tenant, id)

  await waitUntil(() => reaches(lab.endpoint, lab.internet4))
  assert.equal(await lab.listRuleset(lab.endpoint), '')
  t.diagnostic(`request to completed task: ${ms} ms`)
})

test('an IPv6 network and the host of a URL are blocked, and what two tasks block stays until both are taken back', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant } = site
  const reaches = (to: string) => lab.reaches(lab.endpoint, to, SERVICE_PORT)

  const network = await execute(tenant, 'submitIocRule', 'FD13::/48')
  const first = await execute(tenant, 'submitIocRule', `https://${lab.internet4}/drop?x=1`)
  const second = await execute(tenant, 'submitIocRule', `${lab.internet4}/32`)

  assert.deepEqual(
    [network, first, second].map(({ task }) => task.actionStatus),
    ['completed', 'completed', 'completed'],
  )
  assert.deepEqual([await reaches(lab.internet4), await reaches(lab.internet6)], [false, false])

  await undo(tenant, first.id)

  assert.deepEqual([await reaches(lab.internet4), await reaches(lab.internet6)], [false, false])

  await undo(tenant, network.id)
  await undo(tenant, second.id)

  // A busy machine takes its time to connect.
  await waitUntil(async () => (await reaches(lab.internet4)) && (await reaches(lab.internet6)))
})

test('the server, the host itself and its gateway are never blocked, the gateway unless the policy says so', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant } = site
  const refusalOf = async (indicator: string) => {
    const { id, task } = await execute(tenant, 'submitIocRule', indicator)
    const [run] = await readExecutions(tenant, id)
    return [task.actionStatus, run.result.targets[0].code]
  }

  assert.deepEqual(await refusalOf(lab.control4), ['failed', 'Protected'])
  assert.deepEqual(await refusalOf('198.51.100.2'), ['failed', 'Protected'])
  assert.deepEqual(await refusalOf('198.51.0.0/16'), ['failed', 'Protected'])
  assert.deepEqual(await refusalOf('198.51.100.1'), ['failed', 'Protected'])
  const responder = await tenant.as('responder')
  const loopback = await tenant.task(await tenant.incident(), {
    actionType: 'submitIocRule',
    responseAction: {
      '@odata.type': '#microsoft.graph.security.incidentTaskResponseAction',
      identifierValue: '127.0.0.1',
    } as never,
  })
  const refused = await responder.post(`/beta/security/incidentTasks/${loopback}/executeResponseAction`)
  assert.deepEqual([refused.status, refused.body.error.innerError.code], [400, 'NoExecutor'])
  assert.equal(await lab.listRuleset(lab.endpoint), '')

  await setPolicy(tenant, 'indicators', { allowInfrastructure: true })
  const { task } = await execute(tenant, 'submitIocRule', '198.51.100.1')

  assert.equal(task.actionStatus, 'completed')
  assert.deepEqual(await refusalOf(lab.control4), ['failed', 'Protected'])
})

test('a domain no longer resolves, and undo gives the hosts file back byte by byte', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, agent, stateDirectory, startAgent } = site
  // `ip netns exec` shows the programs it starts this file as /etc/hosts.
  const folder = `/etc/netns/${lab.endpoint}`
  mkdirSync(folder, { recursive: true })
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const before = '127.0.0.1 localhost\n203.0.113.7 evil.example'
  writeFileSync(join(folder, 'hosts'), before)
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  await stop(agent)
  await startAgent(stateDirectory)
  const resolve = async () => (await lab.exec(lab.endpoint, 'getent', 'ahosts', 'bad.example')).stdout

  const { id, task } = await execute(tenant, 'submitIocRule', 'http://bad.example/payload')

  assert.equal(task.actionStatus, 'completed')
  assert.match(await resolve(), /^0\.0\.0\.0|^::/)
  const [run] = await readExecutions(tenant, id)
  assert.match(run.result.proof.checks[1].got, /resolver blocked/)

  await undo(tenant, id)

  assert.equal(readFileSync(join(folder, 'hosts'), 'utf8'), before)
  assert.equal(await resolve(), '')
})

test('processes of a blocked file are ended, those that start later as well, and audit only reports them', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, cordon } = site
  const [blocked, watched] = [makeProgram(t), makeProgram(t)]
  const running = lab.start(lab.endpoint, blocked.path, '300')
  const ended = once(running, 'exit')

  const { id, task } = await execute(tenant, 'submitIocRule', blocked.sha256)
  await ended
  const later = lab.start(lab.endpoint, blocked.path, '300')
  await once(later, 'exit')

  assert.equal(task.actionStatus, 'completed')
  assert.equal(running.signalCode, 'SIGKILL')
  assert.equal(later.signalCode, 'SIGKILL')

  await undo(tenant, id)
  await setPolicy(tenant, 'indicators', { mode: 'audit' })
  const seen = lab.start(lab.endpoint, watched.path, '300')
  await execute(tenant, 'submitIocRule', watched.sha1)
  const freed = lab.start(lab.endpoint, blocked.path, '300')

  await waitUntil(async () => {
    const rows = await cordon.store.read
      .selectFrom('audit')
      .select('reason')
      .where('action', '=', 'reportIndicator')
      .execute()
    return rows.some(({ reason }) => reason?.includes(`process ${seen.pid} `) === true && reason.endsWith('seen'))
  })
  assert.deepEqual([seen.signalCode, freed.signalCode], [null, null])
})

test('a file of an installed package is never blocked', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant } = site
  const running = lab.start(lab.endpoint, '/bin/sleep', '300')
  const sha256 = createHash('sha256').update(readFileSync('/bin/sleep')).digest('hex')

  const { id, task } = await execute(tenant, 'submitIocRule', sha256)

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, run.result.targets[0].code], ['failed', 'NotEffective'])
  assert.equal(running.signalCode, null)
})

test('a host that was away gets the rules in force when it comes back, and one that enrols gets them at once', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, agent, stateDirectory, startAgent, enrol, cordon } = site
  const reaches = () => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT)
  const away = await enrolDevice(cordon, tenant.id, 'db-01', {
    capabilities: [{ actionType: 'submitIocRule', supported: true }],
  })

  const { id, task } = await execute(tenant, 'submitIocRule', lab.internet4)

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, task.status], ['partiallyCompleted', 'inProgress'])
  assert.deepEqual(
    run.result.targets.map(({ displayName, state, code }: never) => [displayName, state, code]),
    [
      ['db-01', 'timedOut', 'Offline'],
      ['web-01', 'succeeded', null],
    ],
  )
  const [waiting] = await away.fetch()
  assert.equal(waiting?.taskId, id)
  assert.equal(await reaches(), false)

  await stop(agent)
  await lab.exec(lab.endpoint, 'nft', 'flush', 'ruleset')
  const fresh = await enrol('web-02')
  await startAgent(fresh.stateDirectory)
  await waitUntil(async () => !(await reaches()))

  await lab.exec(lab.endpoint, 'nft', 'flush', 'ruleset')
  await startAgent(stateDirectory)
  await waitUntil(async () => !(await reaches()))
})

test('a host that was away when a rule was taken back forgets it when it comes back', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, agent, stateDirectory, startAgent } = site
  const reaches = () => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT)
  const { id } = await execute(tenant, 'submitIocRule', lab.internet4)
  await stop(agent)
  const responder = await tenant.as('responder')

  const asked = await responder.post(`/api/v1/tasks/${id}/undo`)
  assert.ok(asked.status < 300, asked.text)
  await waitUntil(async () => (await readExecutions(tenant, id))[0].state === 'failed')

  const [withdrawal] = await readExecutions(tenant, id)
  assert.equal(withdrawal.result.targets[0].code, 'Offline')
  assert.equal(await reaches(), false)

  await startAgent(stateDirectory)

  await waitUntil(reaches)
})

test('what is done in part can be undone, and what a policy protects gets rules as well', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, cordon } = site
  await enrolDevice(cordon, tenant.id, 'db-01', { capabilities: [{ actionType: 'submitIocRule', supported: true }] })
  const admin = await tenant.as('admin')
  const { body: policy } = await admin.get('/api/v1/policies')
  const rule = { name: 'web', ids: [], names: ['web-*'], tags: [], actionTypes: null, reason: 'Customers are on it.' }
  const headers = { 'Content-Type': 'application/json', 'If-Match': '*' }
  await admin.send('PUT', '/api/v1/policies', JSON.stringify({ ...policy, protectedAssets: [rule] }), headers)

  const { id, task } = await execute(tenant, 'submitIocRule', lab.internet4)

  assert.equal(task.actionStatus, 'partiallyCompleted')
  assert.equal(await lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT), false)

  await undo(tenant, id)

  await waitUntil(() => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT))
})

test('what an audited address is met with is reported, and nothing is cut', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, cordon, agent, stateDirectory, startAgent } = site
  await setPolicy(tenant, 'indicators', { mode: 'audit' })
  const { task } = await execute(tenant, 'submitIocRule', `${lab.internet4}/24`)
  await waitUntil(() => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT))

  // The next turn tells; a new agent has one at once.
  await stop(agent)
  await startAgent(stateDirectory)

  assert.equal(task.actionStatus, 'completed')
  await waitUntil(async () => {
    const rows = await cordon.store.read
      .selectFrom('audit')
      .select('reason')
      .where('action', '=', 'reportIndicator')
      .execute()
    return rows.some(({ reason }) => /packets of 203\.0\.113\.0\/24/.test(reason ?? ''))
  })
})

test('the agent ends a rule about a name in time, also without its server', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, cordon, agent, stateDirectory, startAgent } = site
  const folder = `/etc/netns/${lab.endpoint}`
  mkdirSync(folder, { recursive: true })
  onEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  const before = '127.0.0.1 localhost\n'
  writeFileSync(join(folder, 'hosts'), before)
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  await stop(agent)
  const second = await startAgent(stateDirectory)
  await setPolicy(tenant, 'indicators', { expireAfterHours: shortHours })

  const name = await execute(tenant, 'submitIocRule', 'bad.example')
  await cordon.server.stop()

  assert.equal(name.task.actionStatus, 'completed')
  assert.notEqual(readFileSync(join(folder, 'hosts'), 'utf8'), before)
  await waitUntil(async () => readFileSync(join(folder, 'hosts'), 'utf8') === before)
  await stop(second)
})

test('the kernel ends a rule without the agent', async (t) => {
  const site = await createSite(t)
  if (site === undefined) return
  const { lab, tenant, agent } = site
  await setPolicy(tenant, 'indicators', { expireAfterHours: shortHours })

  const { task } = await execute(tenant, 'submitIocRule', lab.internet4)
  await stop(agent)

  assert.equal(task.actionStatus, 'completed')
  assert.equal(await lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT), false)
  await waitUntil(() => lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT))
})

for (const failpoint of ['after-begin', 'after-rule-recorded', 'after-rule-applied']) {
  test(`an agent that is killed ${failpoint} has the rule in force after its restart, and answers once`, async (t) => {
    const endpoint = await createEndpoint(t)
    if (endpoint === undefined) return
    const { control, lab } = endpoint
    const indicator = { kind: 'ipv4' as const, value: `${lab.internet4}/32`, url: null }
    const rule = { ruleId: 'r1', indicator, mode: 'block' as const, untilMs: Date.now() + 600_000 }
    const body = writeSubmitIocRule({ ...rule, withdraw: false, allowInfrastructure: false })
    sendCommand(control, makeCommand({ commandId: 'i1', seq: 1, family: 'ioc', body }))
    assert.equal(await waitForExit(endpoint.startDoomed(failpoint)), 'SIGKILL')

    await endpoint.start()
    const result = await control.resultOf('i1')

    assert.equal(result.state, 'succeeded')
    assert.deepEqual(result.before, { inForce: false })
    assert.equal(await lab.reaches(lab.endpoint, lab.internet4, SERVICE_PORT), false)
  })
}
