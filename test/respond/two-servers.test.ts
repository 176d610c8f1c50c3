import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Execution, readExecutionsOfTask } from '../../src/store/executions.ts'
import { type CountingHost, startHost } from '../faults/host.ts'
import { isolationTask, type MortalServer, prepareServer } from '../faults/server.ts'
import { waitUntil } from '../support/answers.ts'
import { onEnd } from '../support/cleanup.ts'
import { makeDatabase } from '../support/databases.ts'

const hostname = 'web-01'

/** Two servers on one database, and a host that speaks with the second. */
interface Pair {
  readonly first: MortalServer
  readonly second: MortalServer
  readonly host: CountingHost
}

async function startPair(t: TestContext, failpoint: string): Promise<Pair> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-two-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const shared = { dataDir, database: await makeDatabase(t, 'postgres') }
  const first = await prepareServer(t, 'postgres', ['1'], shared)
  const second = await prepareServer(t, 'postgres', [], shared)
  await first.start({ failpoint: `${failpoint}:stop` })
  await second.start()
  return { first, second, host: await startHost(t, second, hostname) }
}

/** True while the process is stopped by a signal. @source proc(5), the third field of stat */
function isStopped(pid: number | undefined): boolean {
  return pid !== undefined && /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** Requests an isolation from the first server, until it was the first that took it and stood still in the middle. */
async function stopInside({ first, second }: Pair): Promise<{ taskId: string; answer: Promise<number> }> {
  const [asker, expert] = [await first.as('expert'), await second.as('expert')]
  for (let tries = 0; tries < 10; tries++) {
    const created = await expert.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))
    assert.equal(created.status, 201, created.text)
    const taskId: string = created.body.id
    const path = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
    const answer = asker.post(path).then(
      ({ status }) => status,
      () => 0,
    )
    for (let waited = 0; waited < 40; waited++) {
      if (isStopped(first.pid())) return { taskId, answer }
      await sleep(50)
    }
  }
  throw new Error('the first server never came to the failpoint')
}

async function newest(server: MortalServer, taskId: string): Promise<Execution> {
  const [execution] = await readExecutionsOfTask(server.store.read, server.tenantId, taskId)
  assert.ok(execution)
  return execution
}

async function stepsOf(server: MortalServer, executionId: string): Promise<string[]> {
  const rows = await server.store.read
    .selectFrom('audit')
    .select('action')
    .where('object_id', '=', executionId)
    .orderBy('seq')
    .execute()
  return rows.map(({ action }) => action)
}

async function takeOver(t: TestContext, failpoint: string): Promise<void> {
  const pair = await startPair(t, failpoint)
  const { first, second, host } = pair
  const { taskId, answer } = await stopInside(pair)

  const done = await waitUntil(
    () => newest(second, taskId),
    (execution) => execution.state === 'succeeded',
    60,
  )
  const steps = await stepsOf(second, done.id)
  assert.equal(isStopped(first.pid()), true, 'the first server stood still all the time')
  first.signal('SIGCONT')
  await answer
  await waitUntil(
    async () => (await first.anonymous.get('/healthz')).status,
    (status) => status === 200,
  )
  await sleep(3_000)

  // What the first server found out before it was stopped is no longer true, and it recorded none of it.
  assert.deepEqual(await newest(second, taskId), done)
  assert.deepEqual(await stepsOf(second, done.id), steps)
  assert.equal(steps.filter((step) => step === 'execution.succeeded').length, 1)
  assert.equal((await readExecutionsOfTask(second.store.read, second.tenantId, taskId)).length, 1)
  assert.equal(host.effects.get(done.id), 1)
  const commands = await second.store.read.selectFrom('commands').select('id').where('id', '=', done.id).execute()
  assert.equal(commands.length, 1)

  // And it is a good server again.
  const expert = await first.as('expert')
  const undo = await expert.post(`/api/v1/tasks/${taskId}/undo`)
  assert.equal(undo.status, 202, undo.text)
  await waitUntil(
    () => newest(second, taskId),
    (execution) => execution.kind === 'undo' && execution.state === 'succeeded',
    30,
  )
}

describe('of two servers on one database one stands still beyond its lease: the other goes on, one effect', {
  concurrency: 2,
}, () => {
  // Both take what is to be done; only at these places does the one that is to stop take it often enough.
  for (const failpoint of ['before-start', 'after-start-before-record']) {
    test(`stopped ${failpoint}, and let go on after the other has finished`, (t) => takeOver(t, failpoint))
  }
})
