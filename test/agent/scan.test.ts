import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { stateFiles } from '../../src/agent/state.ts'
import { onEnd } from '../support/cleanup.ts'
import { fittingAction } from '../support/given.ts'
import { stop } from '../support/netns.ts'
import { createSite, execute, readExecutions, waitForEnd, waitUntil } from '../support/site.ts'

const marker = 'cordon-test-marker-4711'

interface Ground {
  readonly database: string
  readonly files: string
  /** Text of agent.conf. */
  readonly config: string
}

/** A folder to scan, and signatures written by hand that know one text. */
function makeGround(t: TestContext): Ground {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-scan-'))
  onEnd(t, () => rmSync(folder, { recursive: true }))
  const [database, files] = [join(folder, 'signatures'), join(folder, 'files')]
  mkdirSync(database)
  mkdirSync(files)
  writeFileSync(join(database, 'own.ndb'), `Cordon.Test.Marker:0:*:${Buffer.from(marker).toString('hex')}\n`)
  writeFileSync(join(files, 'clean.txt'), 'nothing of interest')
  return { database, files, config: `clamav = ${database}\nscan = ${files}\n` }
}

/** So many that no scan of them ends while a busy machine does something else; they take no room. */
const slowFiles = 300

/** Files that are slow to scan: big enough, and none of them equal to another. */
function fillSlowly(files: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    writeFileSync(join(files, `slow-${index}.bin`), `${index}`)
    truncateSync(join(files, `slow-${index}.bin`), 90 * 1024 * 1024)
  }
}

/** A daemon that has the signatures of the ground in memory, as the user of Debian's package; the lines of agent.conf that lead to it. */
async function startDaemon(t: TestContext, { database, files, config }: Ground): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-clamd-'))
  onEnd(t, () => rmSync(folder, { recursive: true }))
  for (const path of [folder, join(database, '..'), database]) chmodSync(path, 0o755)
  chmodSync(join(database, 'own.ndb'), 0o644)
  // What lies here only root may read: the agent opens the files for the daemon.
  chmodSync(files, 0o700)
  chownTo('clamav', folder)
  const path = join(folder, 'clamd.conf')
  const lines = [`LocalSocket ${folder}/socket`, `DatabaseDirectory ${database}`, 'Foreground yes', 'User clamav']
  lines.push(`TemporaryDirectory ${folder}`)
  writeFileSync(path, [...lines, 'MaxFileSize 200M', 'MaxScanSize 400M', ''].join('\n'))
  const process = spawn('clamd', ['--config-file', path], { stdio: 'ignore' })
  onEnd(t, () => stop(process))
  await waitUntil(() => Promise.resolve(isAnswering(path)))
  return { process, config: `${config}clamd = ${path}\n` }
}

interface Daemon {
  readonly process: ChildProcess
  /** Text of agent.conf. */
  readonly config: string
}

function isAnswering(config: string): boolean {
  return spawnSync('clamdscan', [`--config-file=${config}`, '--ping=1']).status === 0
}

function chownTo(user: string, path: string): void {
  execFileSync('chown', [user, path])
}

test('a daemon that runs scans instead: files it may not read, names with a line end, and no link is followed', async (t) => {
  const ground = makeGround(t)
  const { files } = ground
  const { config } = await startDaemon(t, ground)
  const site = await createSite(t, config)
  if (site === undefined) return
  mkdirSync(join(files, 'below'))
  writeFileSync(join(files, 'below', 'marked'), marker, { mode: 0o600 })
  writeFileSync(join(files, 'two\nlines'), marker)
  symlinkSync(join(files, 'below', 'marked'), join(files, 'link'))

  const { id, incidentId, task, ms } = await execute(site.tenant, 'runAntiVirusScan', 'web-01')

  const [run] = await readExecutions(site.tenant, id)
  assert.deepEqual([task.actionStatus, run.result.proof.method], ['completed', 'clamd'])
  const { by, signatures, files: scanned, findings, exit, errors } = run.result.after
  assert.deepEqual(
    { by, signatures, scanned, findings, exit, errors },
    { by: 'clamd', signatures: null, scanned: 3, findings: 2, exit: 1, errors: [] },
  )
  const reader = await site.tenant.as('reader')
  const path = `/v1.0/security/alerts_v2?$filter=${encodeURIComponent(`incidentId eq '${incidentId}'`)}`
  await waitUntil(async () => (await reader.get(path)).body.value.length > 0)
  const [, ...found] = (await reader.get(path)).body.value[0].evidence
  const names = found.map((one: { fileDetails: { fileName: string } }) => one.fileDetails.fileName)
  assert.deepEqual(names.toSorted(), ['marked', 'two\nlines'])
  t.diagnostic(`request to completed task: ${ms} ms`)
})

test('when the daemon dies while it scans, clamscan begins anew and leaves nothing out', async (t) => {
  const ground = makeGround(t)
  const { files } = ground
  fillSlowly(files, slowFiles)
  const { config, process: daemon } = await startDaemon(t, ground)
  const site = await createSite(t, config)
  if (site === undefined) return
  const responder = await site.tenant.as('responder')
  const taskId = await site.tenant.task(await site.tenant.incident(), {
    actionType: 'runAntiVirusScan',
    responseAction: fittingAction('runAntiVirusScan', 'web-01') as never,
  })
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  await waitUntil(async () => {
    const [run] = await readExecutions(site.tenant, taskId)
    return run.state === 'running' && /\d+ files scanned/.test(run.reason ?? '')
  })
  // It answers nobody while the ground changes.
  daemon.kill('SIGSTOP')
  writeFileSync(join(files, 'zz-marked'), marker)
  for (let index = 0; index < slowFiles; index += 1) truncateSync(join(files, `slow-${index}.bin`), 2)

  await stop(daemon)

  const task = await waitForEnd(responder, taskId)
  const [run] = await readExecutions(site.tenant, taskId)
  const { by, files: scanned, findings } = run.result.after
  assert.equal(task.actionStatus, 'completed')
  assert.deepEqual({ by, scanned, findings }, { by: 'clamscan', scanned: slowFiles + 2, findings: 1 })
})

test('a scan finds a marked file, completes, and its findings are evidence of an alert of the incident', async (t) => {
  const { files, config } = makeGround(t)
  const site = await createSite(t, config)
  if (site === undefined) return
  const { tenant } = site
  const content = `begin ${marker} end`
  writeFileSync(join(files, 'bad file: x'), content)

  const { id, incidentId, task, ms } = await execute(tenant, 'runAntiVirusScan', 'web-01')

  const [run] = await readExecutions(tenant, id)
  assert.deepEqual([task.actionStatus, task.status], ['completed', 'completed'])
  const { scan, by, signatures, files: scanned, findings, databaseAgeDays, exit } = run.result.after
  assert.deepEqual(
    { scan, by, signatures, scanned, findings, databaseAgeDays, exit },
    {
      scan: 'quick',
      by: 'clamscan',
      signatures: 1,
      scanned: 2,
      findings: 1,
      databaseAgeDays: 0,
      exit: 1,
    },
  )
  const reader = await tenant.as('reader')
  const path = `/v1.0/security/alerts_v2?$filter=${encodeURIComponent(`incidentId eq '${incidentId}'`)}`
  await waitUntil(async () => (await reader.get(path)).body.value.length > 0)
  const [alert] = (await reader.get(path)).body.value
  assert.equal(alert.title, 'Malware found on web-01')
  const [device, file] = alert.evidence
  assert.equal(device.hostName, 'web-01')
  assert.equal(file['@odata.type'], '#microsoft.graph.security.fileEvidence')
  const { fileName, filePath, fileSize, sha256 } = file.fileDetails
  const digest = createHash('sha256').update(content).digest('hex')
  assert.deepEqual([fileName, filePath, fileSize, sha256], ['bad file: x', files, content.length, digest])
  assert.deepEqual(file.tags, ['Cordon.Test.Marker.UNOFFICIAL'])
  t.diagnostic(`request to completed task: ${ms} ms`)
})

test('a clean host completes without an alert, and old signatures are named', async (t) => {
  const { database, config } = makeGround(t)
  utimesSync(join(database, 'own.ndb'), new Date(0), new Date(0))
  const site = await createSite(t, config)
  if (site === undefined) return
  const { tenant, cordon } = site

  const { id, task } = await execute(tenant, 'runAntiVirusScan', 'web-01')

  const [run] = await readExecutions(tenant, id)
  assert.equal(task.actionStatus, 'completed')
  assert.equal(run.result.after.findings, 0)
  assert.ok(run.result.after.databaseAgeDays > 7)
  assert.deepEqual(await cordon.store.read.selectFrom('alerts').select('id').execute(), [])
})

test('without signatures the action is refused with the fix, and a damaged database fails the task', async (t) => {
  const { database, config } = makeGround(t)
  const signatures = readFileSync(join(database, 'own.ndb'))
  rmSync(join(database, 'own.ndb'))
  const site = await createSite(t, config)
  if (site === undefined) return
  const { tenant, agent, stateDirectory, startAgent } = site
  const responder = await tenant.as('responder')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'runAntiVirusScan',
    responseAction: fittingAction('runAntiVirusScan', 'web-01') as never,
  })

  const refused = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)

  assert.deepEqual([refused.status, refused.body.error.innerError.code], [400, 'NoExecutor'])
  assert.match(refused.body.error.message, /no signatures in .*freshclam/)

  writeFileSync(join(database, 'own.ndb'), signatures.subarray(0, 10))
  await stop(agent)
  await startAgent(stateDirectory)
  await waitUntil(async () => {
    const answer = await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    return answer.status === 204
  })
  const task = await waitForEnd(responder, taskId)

  const [run] = await readExecutions(tenant, taskId)
  assert.deepEqual([task.actionStatus, run.reasonCode], ['failed', 'NoSignatures'])
})

test('while a scan runs its progress shows and the host is isolated at once; killed with its agent it is done anew', async (t) => {
  const { files, config } = makeGround(t)
  fillSlowly(files, slowFiles)
  writeFileSync(join(files, 'zz-marked'), marker)
  const site = await createSite(t, config)
  if (site === undefined) return
  const { tenant, agent, stateDirectory, startAgent } = site
  const responder = await tenant.as('responder')
  const taskId = await tenant.task(await tenant.incident(), {
    actionType: 'runAntiVirusScan',
    responseAction: fittingAction('runAntiVirusScan', 'web-01') as never,
  })
  await responder.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
  await waitUntil(async () => {
    const [run] = await readExecutions(tenant, taskId)
    return run.state === 'running' && /\d+ files scanned/.test(run.reason ?? '')
  })

  const { task: isolation } = await execute(tenant, 'isolateDevice', 'web-01')

  assert.equal(isolation.actionStatus, 'completed')
  const [still] = await readExecutions(tenant, taskId)
  assert.equal(still.state, 'running')

  // What it unpacks lies with the agent, who takes it away when the scanner could not.
  const folder = join(stateDirectory, stateFiles.scanFolder)
  assert.match(readdirSync(folder).join(), /scantemp/)

  await stop(agent)
  for (let index = 0; index < slowFiles; index += 1) rmSync(join(files, `slow-${index}.bin`))
  await startAgent(stateDirectory)
  const task = await waitForEnd(responder, taskId)

  const [run] = await readExecutions(tenant, taskId)
  assert.equal(task.actionStatus, 'completed')
  assert.deepEqual([run.result.after.files, run.result.after.findings], [2, 1])
  assert.equal(existsSync(folder), false)
})
