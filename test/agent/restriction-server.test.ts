import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { stateFiles } from '../../src/agent/state.ts'
import { onEnd } from '../support/cleanup.ts'
import { type Cordon, startCordon } from '../support/cordon.ts'
import { awaitCommand, enrolDevice, giveEnrolmentToken, makeResult } from '../support/device.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { createGuardedHost, eventually, type GuardedHost } from '../support/guarded-host.ts'
import { execute, readExecutions, setPolicy, undo, waitForEnd, waitUntil } from '../support/site.ts'

interface GuardedSite {
  readonly cordon: Cordon
  readonly tenant: Tenant
  readonly host: GuardedHost
  readonly deviceId: string
}

/** A real server and the running agent of a guarded host. @returns undefined when the test was skipped */
async function createGuardedSite(t: TestContext): Promise<GuardedSite | undefined> {
  const host = await createGuardedHost(t)
  if (host === undefined) return undefined
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const enrol = ['enroll', '--server', cordon.url, '--token', await giveEnrolmentToken(cordon, tenant.id)]
  const known = ['--ca', cordon.caPath, '--state', host.stateDirectory, '--name', 'web-01']
  const enrolled = await host.agent(...enrol, ...known)
  assert.equal(enrolled.code, 0, enrolled.stderr)
  const { deviceId } = JSON.parse(enrolled.stdout)
  host.startAgent()
  const query = cordon.store.read.selectFrom('agents').select('facts').where('id', '=', deviceId)
  await waitUntil(async () => (await query.executeTakeFirst())?.facts !== '{}')
  return { cordon, tenant, host, deviceId }
}

test('a task restricts the programs of a real host, completes with its proof, and undo lets them start again', async (t) => {
  const site = await createGuardedSite(t)
  if (site === undefined) return
  const { cordon, tenant, host, deviceId } = site
  const foreign = join(host.programs, 'foreign')
  const before = await host.listMounts()

  const { id, task, ms } = await execute(tenant, 'restrictAppExecution', 'WEB-01')

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, task.status, run.state], ['completed', 'completed', 'succeeded'])
  assert.equal(run.target.key, deviceId)
  assert.equal(run.result.proof.level, 'observed')
  assert.deepEqual(run.result.after.allowed, [join(host.programs, 'listed')])
  assert.equal(await host.tries(foreign), 'denied')
  assert.equal(await host.tries(join(host.programs, 'packaged')), 'ran')
  const admin = await tenant.as('admin')
  const restricted = async () => (await admin.get('/api/v1/agents')).body.value[0].restricted
  await waitUntil(async () => (await restricted()) === true)
  const denials = cordon.store.read.selectFrom('audit').select('code').where('action', '=', 'reportDeniedExecution')
  await waitUntil(async () => (await denials.execute()).length > 0)

  const start = performance.now()
  await undo(tenant, id)
  t.diagnostic(`request to completed task: restrict ${ms} ms, undo ${Math.round(performance.now() - start)} ms`)

  assert.equal(await host.tries(foreign), 'ran')
  assert.equal(await host.listMounts(), before)
  await waitUntil(async () => (await restricted()) === false)
})

test('undo of one task leaves programs restricted that another task still holds, and a release ends it', async (t) => {
  const site = await createGuardedSite(t)
  if (site === undefined) return
  const { tenant, host, deviceId } = site
  const foreign = join(host.programs, 'foreign')
  const first = await execute(tenant, 'restrictAppExecution', deviceId)
  const second = await execute(tenant, 'restrictAppExecution', deviceId)

  const kept = await undo(tenant, first.id)

  assert.equal(second.task.actionStatus, 'completed')
  assert.deepEqual(kept.result.after, { restricted: true, heldByTasks: [second.id] })
  assert.equal(await host.tries(foreign), 'denied')

  const responder = await tenant.as('responder')
  const responseAction = fittingAction('unRestrictAppExecution', deviceId) as never
  const release = await tenant.task(second.incidentId, { actionType: 'unRestrictAppExecution', responseAction })
  await responder.post(`/beta/security/incidentTasks/${release}/executeResponseAction`)
  const released = await waitForEnd(responder, release)

  assert.equal(released.actionStatus, 'completed')
  assert.equal(await host.tries(foreign), 'ran')
  const nothing = await execute(tenant, 'unRestrictAppExecution', deviceId)
  assert.equal((await readExecutions(tenant, nothing.id))[0].result.changed, false)
})

/** Puts a running program into a control group with the name systemd would give a service; null where none can be made. */
async function runAsService(t: TestContext, path: string): Promise<readonly string[] | null> {
  const root = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup'].find((folder) => existsSync(join(folder, 'cgroup.procs')))
  if (root === undefined) return null
  const service = `cordon-test-${process.pid}.service`
  try {
    mkdirSync(join(root, service))
  } catch (error) {
    t.diagnostic(`no control group can be made here: ${error}`)
    return null
  }
  const findPid = (): string | undefined =>
    readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && readExecutable(pid) === path)
  onEnd(t, () => {
    // A group goes away only when nothing is in it any more.
    for (const pid of readFileSync(join(root, service, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter(Boolean)) {
      writeFileSync(join(root, 'cgroup.procs'), pid)
    }
    rmdirSync(join(root, service))
  })
  await eventually(async () => findPid() !== undefined)
  writeFileSync(join(root, service, 'cgroup.procs'), findPid() ?? '')
  return [service]
}

function readExecutable(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    // It ended, or is a thread of the kernel.
    return undefined
  }
}

test('the preview says what would be denied and what is allowed, a policy is taken over at once, a dead guard is told', async (t) => {
  const site = await createGuardedSite(t)
  if (site === undefined) return
  const { cordon, tenant, host, deviceId } = site
  await host.exec('cp', '/usr/bin/sleep', join(host.programs, 'miner'))
  host.start(join(host.programs, 'miner'), '600')
  const services = await runAsService(t, join(host.programs, 'miner'))
  // What ran three days ago, as an agent of then wrote it down; the day may end before it is asked.
  const day = Math.floor(Date.now() / 86_400_000) - 3
  const memory = join(host.stateDirectory, stateFiles.programsSeen)
  writeFileSync(memory, JSON.stringify([{ path: join(host.programs, 'foreign'), day }]))
  const responder = await tenant.as('responder')
  const responseAction = fittingAction('restrictAppExecution', deviceId) as never
  const taskId = await tenant.task(await tenant.incident(), { actionType: 'restrictAppExecution', responseAction })
  let preview = await responder.post(`/api/v1/tasks/${taskId}/preview`)
  await eventually(async () => {
    // A busy machine may take longer than the two seconds a host is given.
    preview = await responder.post(`/api/v1/tasks/${taskId}/preview`)
    return preview.body.target.state?.programs !== undefined
  })

  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  await waitUntil(async () => (await readExecutions(tenant, taskId))[0].state === 'succeeded')
  await host.exec('kill', '-KILL', String(host.guardPid()))

  const { restricted, programs } = preview.body.target.state
  assert.deepEqual([restricted, programs.denied, programs.running], [false, 2, 1])
  assert.match(programs.listed[0], /miner \(owner 0, runs now\)/)
  assert.match(programs.listed[1], /foreign \(owner 0, ran [34] days ago\)/)
  if (services !== null) assert.deepEqual(programs.services, services)
  const reports = cordon.store.read.selectFrom('audit').select('code').where('action', '=', 'reportTampering')
  await waitUntil(async () => JSON.stringify(await reports.execute()).includes('GuardDied'))
  const [foreign, listed] = ['foreign', 'listed'].map((name) => join(host.programs, name)) as [string, string]
  assert.equal(await host.tries(foreign), 'denied')

  // A host takes a new policy over with its next command, at the latest with its next poll.
  const allow = async (allowed: readonly string[], shown: readonly string[]): Promise<void> => {
    await setPolicy(tenant, 'programs', { allowed })
    await eventually(async () => {
      const answer = await responder.post(`/api/v1/tasks/${taskId}/preview`)
      return JSON.stringify(answer.body.target.state?.programs?.allowed) === JSON.stringify(shown)
    })
  }
  await allow([foreign], [`${foreign} (policy)`, `${listed} (agent.conf)`])
  await eventually(async () => (await host.tries(foreign)) === 'ran')
  assert.equal(await host.tries(listed), 'ran')
  await allow([], [`${listed} (agent.conf)`])
  await eventually(async () => (await host.tries(foreign)) === 'denied')
})

test('a host that claims a restriction its guard did not decide about leaves its task open', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const capabilities = [{ actionType: 'restrictAppExecution', supported: true }]
  const device = await enrolDevice(cordon, tenant.id, 'web-09', { capabilities })
  const responseAction = fittingAction('restrictAppExecution', 'web-09') as never
  const taskId = await tenant.task(await tenant.incident(), { actionType: 'restrictAppExecution', responseAction })
  const responder = await tenant.as('responder')
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  const command = await awaitCommand(device)
  await device.acknowledge(command.commandId)

  await device.report(makeResult(command))
  await waitUntil(async () => (await readExecutions(tenant, taskId))[0].state === 'unknown')

  assert.equal((await responder.get(`/beta/security/incidentTasks/${taskId}`)).body.actionStatus, 'inProgress')
})
