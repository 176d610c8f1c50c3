import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, existsSync, linkSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { startCordon } from '../support/cordon.ts'
import { awaitCommand, enrolDevice, makeResult } from '../support/device.ts'
import { describeFile, isRunning, makeProgram, startSleeper } from '../support/file-host.ts'
import { createFileSite } from '../support/file-site.ts'
import { fittingAction, giveTenant, type Tenant } from '../support/given.ts'
import { setPolicy } from '../support/site.ts'

function quarantineOf(hash: string, deviceId: string) {
  return { ...fittingAction('stopAndQuarantineFile', hash), deviceId } as never
}

test('a task quarantines a running file on a real host, completes with its proof, and undo brings it back', async (t) => {
  const site = await createFileSite(t)
  if (site === undefined) return
  const path = join(site.folder, 'tool')
  const { sha1, sha256 } = makeProgram(path)
  const child = await startSleeper(t, path)
  const { mode, mtimeMs, uid } = lstatSync(path)
  const preview = await previewOf(site, sha1)

  const { taskId, task } = await site.execute('stopAndQuarantineFile', quarantineOf(sha1, 'WEB-01'))

  const [run] = await site.executions(taskId)
  assert.equal(task.actionStatus, 'completed', JSON.stringify(run))
  assert.equal(task.status, 'completed')
  assert.equal(run.result.proof.level, 'observed')
  assert.equal(run.target.kind, 'file')
  assert.equal(run.result.after.moved[0].sha256, sha256)
  assert.equal(existsSync(path), false)
  assert.equal(isRunning(child.pid ?? 0), false)
  assert.equal(preview.target.state.processes, 1)
  assert.deepEqual(preview.target.state.listedCopies, [path])

  const undone = await site.undo(taskId)

  assert.equal(undone.state, 'succeeded', JSON.stringify(undone))
  assert.equal(describeFile(path).sha256, sha256)
  const back = lstatSync(path)
  assert.deepEqual([back.mode, back.mtimeMs, back.uid], [mode, mtimeMs, uid])
  const status = (await site.responder.get(`/beta/security/incidentTasks/${taskId}`)).body.actionStatus
  assert.equal(status, 'completed')
})

test('what the host refuses or leaves behind stands on the task by its code', async (t) => {
  const site = await createFileSite(t)
  if (site === undefined) return
  copyFileSync('/usr/bin/sleep', join(site.folder, 'innocent'))
  const refused = await site.execute(
    'stopAndQuarantineFile',
    quarantineOf(describeFile('/usr/bin/sleep').sha256, site.deviceId),
  )
  const path = join(site.folder, 'tool')
  const { sha256 } = makeProgram(path)
  const outside = mkdtempSync(join(tmpdir(), 'cordon-outside-'))
  onEnd(t, () => rmSync(outside, { recursive: true }))
  linkSync(path, join(outside, 'tool'))

  const partly = await site.execute('stopAndQuarantineFile', quarantineOf(sha256, site.deviceId))

  assert.equal(refused.task.actionStatus, 'failed')
  assert.equal((await site.executions(refused.taskId))[0].reasonCode, 'Protected')
  assert.equal(partly.task.actionStatus, 'partiallyCompleted')
  assert.equal(partly.task.status, 'inProgress')
})

test('a file of an installed package goes when the policy and a second person say so, and comes back on undo', async (t) => {
  const site = await createFileSite(t)
  if (site === undefined) return
  const path = join(site.folder, 'setfacl')
  // The same content as a package brings is the package's, wherever it lies; nobody runs this one.
  copyFileSync('/usr/bin/setfacl', path)
  const { sha256 } = describeFile(path)
  const refused = await site.execute('stopAndQuarantineFile', quarantineOf(sha256, site.deviceId))
  const [first] = await site.executions(refused.taskId)
  assert.deepEqual([refused.task.actionStatus, first.reasonCode], ['failed', 'PackageFile'])
  await setPolicy(site.tenant, 'quarantine', { packageFiles: true })

  const preview = (await site.responder.post(`/api/v1/tasks/${refused.taskId}/preview`)).body
  const again = await site.responder.post(`/beta/security/incidentTasks/${refused.taskId}/executeResponseAction`)

  assert.deepEqual(
    [preview.policy.tier, preview.policy.approvals, preview.parameters],
    [3, 1, { deviceId: site.deviceId, packageFiles: true }],
  )
  assert.equal(again.status, 204, again.text)
  assert.equal(existsSync(path), true)
  const approver = await site.tenant.as('approver')
  const [waiting] = (await approver.get('/api/v1/approvals')).body.value
  assert.equal(waiting.seen.parameters.packageFiles, true)

  const approved = await approver.post(`/api/v1/approvals/${waiting.id}/approve`, { digest: waiting.digest })
  assert.ok(approved.status < 300, approved.text)
  const read = async () => (await site.responder.get(`/beta/security/incidentTasks/${refused.taskId}`)).body
  const task = await waitUntil(read, ({ actionStatus }) => actionStatus === 'completed', 60)

  assert.equal(task.status, 'completed')
  assert.equal(existsSync(path), false)

  await site.undo(refused.taskId)

  assert.equal(describeFile(path).sha256, sha256)
})

test('a file that alerts name on several hosts is quarantined on each, with an outcome for each, and undo brings it back on each', async (t) => {
  const site = await createFileSite(t)
  if (site === undefined) return
  const other = await site.addHost('web-02')
  const paths = [join(site.folder, 'tool'), join(other.folder, 'tool')] as const
  const { sha256 } = makeProgram(paths[0])
  copyFileSync(paths[0], paths[1])
  chmodSync(paths[1], 0o4751)
  const before = paths.map((path) => lstatSync(path, { bigint: true })).map(({ mode, mtimeNs }) => ({ mode, mtimeNs }))
  await nameTogether(site.tenant, sha256, ['web-01', 'web-02'])
  const everywhere = { ...fittingAction('stopAndQuarantineFile', sha256), deviceId: null } as never
  const preview = await previewOf(site, sha256, everywhere)

  const both = await site.execute('stopAndQuarantineFile', everywhere)

  const [run] = await site.executions(both.taskId)
  assert.equal(both.task.actionStatus, 'completed', JSON.stringify(run))
  assert.deepEqual(paths.map(existsSync), [false, false])
  assert.deepEqual(listOutcomes(run), [
    ['web-01', 'succeeded', null],
    ['web-02', 'succeeded', null],
  ])
  assert.equal(run.result.proof.level, 'observed')
  assert.deepEqual(
    preview.target.state.hosts.map((host: { deviceId: string }) => host.deviceId),
    [site.deviceId, other.deviceId].sort(),
  )

  const undone = await site.undo(both.taskId)

  assert.equal(undone.state, 'succeeded', JSON.stringify(undone))
  assert.deepEqual(
    paths.map((path) => describeFile(path).sha256),
    [sha256, sha256],
  )
  const after = paths.map((path) => lstatSync(path, { bigint: true })).map(({ mode, mtimeNs }) => ({ mode, mtimeNs }))
  assert.deepEqual(after, before)

  rmSync(paths[1])
  const one = await site.execute('stopAndQuarantineFile', everywhere)
  const [half] = await site.executions(one.taskId)

  assert.equal(one.task.actionStatus, 'partiallyCompleted', JSON.stringify(half))
  assert.deepEqual(listOutcomes(half).slice(0, 1), [['web-01', 'succeeded', null]])
  assert.equal(existsSync(paths[0]), false)

  await site.undo(one.taskId)

  assert.deepEqual(paths.map(existsSync), [true, false])
})

test('a file without a device goes to the host that an alert names with it', async (t) => {
  const cordon = await startCordon(t)
  const tenant = await giveTenant(cordon, cordon.tenantId)
  const device = await enrolDevice(cordon, tenant.id, 'web-09')
  await enrolDevice(cordon, tenant.id, 'web-10')
  const capabilities = JSON.stringify([{ actionType: 'stopAndQuarantineFile', supported: true }])
  await cordon.store.transaction((tx) => tx.updateTable('agents').set({ capabilities }).execute())
  const hash = 'ab'.repeat(32)
  const sensor = await tenant.as('admin')
  const sent = await sensor.post('/v1.0/security/alerts_v2', {
    title: 'Miner',
    severity: 'high',
    evidence: [
      { '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName: 'web-09' },
      {
        '@odata.type': '#microsoft.graph.security.fileEvidence',
        fileDetails: { fileName: 'tool', filePath: '/opt/x', fileSize: 4711, sha256: hash },
      },
    ],
  })
  assert.equal(sent.status, 201, sent.text)
  const responseAction = { ...fittingAction('stopAndQuarantineFile', hash), deviceId: null } as never
  const taskId = await tenant.task(await tenant.incident(), { actionType: 'stopAndQuarantineFile', responseAction })
  const responder = await tenant.as('responder')

  const reply = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  const command = await awaitCommand(device)

  assert.equal(reply.status, 204, reply.text)
  assert.deepEqual(command.body.target, { file: { hashes: { sha256: hash }, path: '/opt/x/tool' } })
  assert.deepEqual(command.body.args, {
    er: { downstream_device: { devices: [{ device_id: device.id }] } },
    'x-cordon': { stop_processes: true, walk: true, size: 4711 },
  })
  await device.acknowledge(command.commandId)
  await device.report(makeResult(command))
  const read = async () => (await responder.get(`/api/v1/tasks/${taskId}/executions`)).body.value[0]
  const claimed = await waitUntil(read, ({ state }) => state === 'unknown')
  assert.equal(claimed.reasonCode, 'Unverified')
})

// biome-ignore lint/suspicious/noExplicitAny: executions of every shape
function listOutcomes(run: any): unknown[][] {
  // biome-ignore lint/suspicious/noExplicitAny: executions of every shape
  return run.result.targets.map(({ displayName, state, code }: any) => [displayName, state, code]).sort()
}

/** An alert that names hosts together with a file. */
async function nameTogether(tenant: Tenant, sha256: string, hosts: readonly string[]): Promise<void> {
  const sent = await (await tenant.as('admin')).post('/v1.0/security/alerts_v2', {
    title: 'Miner',
    severity: 'high',
    evidence: [
      ...hosts.map((hostName) => ({ '@odata.type': '#microsoft.graph.security.deviceEvidence', hostName })),
      { '@odata.type': '#microsoft.graph.security.fileEvidence', fileDetails: { fileName: 'tool', sha256 } },
    ],
  })
  assert.equal(sent.status, 201, sent.text)
}

async function previewOf(
  site: NonNullable<Awaited<ReturnType<typeof createFileSite>>>,
  hash: string,
  responseAction = quarantineOf(hash, site.deviceId),
) {
  const taskId = await site.tenant.task(await site.tenant.incident(), {
    actionType: 'stopAndQuarantineFile',
    responseAction,
  })
  // A host under load may take longer than the preview waits for it.
  const read = async () => (await site.responder.post(`/api/v1/tasks/${taskId}/preview`)).body
  return waitUntil(read, ({ target }) => target.state !== null)
}
