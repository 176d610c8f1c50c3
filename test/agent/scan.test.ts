import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
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

/** Files that are slow to scan: big enough, and none of them equal to another. */
function fillSlowly(files: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    writeFileSync(join(files, `slow-${index}.bin`), `${index}`)
    truncateSync(join(files, `slow-${index}.bin`), 90 * 1024 * 1024)
  }
}

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
  const { scan, signatures, files: scanned, findings, databaseAgeDays, exit } = run.result.after
  assert.deepEqual(
    { scan, signatures, scanned, findings, databaseAgeDays, exit },
    {
      scan: 'quick',
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
  fillSlowly(files, 60)
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

  await stop(agent)
  for (let index = 0; index < 60; index += 1) rmSync(join(files, `slow-${index}.bin`))
  await startAgent(stateDirectory)
  const task = await waitForEnd(responder, taskId)

  const [run] = await readExecutions(tenant, taskId)
  assert.equal(task.actionStatus, 'completed')
  assert.deepEqual([run.result.after.files, run.result.after.findings], [2, 1])
})
