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
import { makeMigratedDatabase } from '../support/databases.ts'

const hostname = 'web-01'

/** Two servers on one database, and a host that speaks with the second. */
interface Pair {
  readonly first: MortalServer
  readonly second: MortalServer
  readonly host: CountingHost
}

async function preparePair(t: TestContext): Promise<Omit<Pair, 'host'>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cordon-two-'))
  onEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  const shared = { dataDir, database: await makeMigratedDatabase(t, 'postgres') }
  const first = await prepareServer(t, 'postgres', ['1'], shared)
  return { first, second: await prepareServer(t, 'postgres', [], shared) }
}

async function startPair(t: TestContext, failpoint: string): Promise<Pair> {
  const { first, second } = await preparePair(t)
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
  for (let tries = 0; tries < 30; tries++) {
    const created = await expert.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))
    assert.equal(created.status, 201, created.text)
    const taskId: string = created.body.id
    const path = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
    const answer = asker.post(path).then(
      ({ status }) => status,
      () => 0,
    )
    // Whoever took it has come to an end with it, or stands still in it.
    await waitUntil(
      async () =>
        isStopped(first.pid()) ||
        (await readExecutionsOfTask(second.store.read, second.tenantId, taskId))[0]?.state === 'succeeded',
      (decided) => decided,
    )
    if (isStopped(first.pid())) return { taskId, answer }
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

/** The task's execution once it has succeeded, and its steps until then. */
async function untilDone(server: MortalServer, taskId: string): Promise<{ done: Execution; steps: string[] }> {
  const done = await waitUntil(
    () => newest(server, taskId),
    (execution) => execution.state === 'succeeded',
    180,
  )
  return { done, steps: await stepsOf(server, done.id) }
}

/** Lets a server that stood still all the time go on, and gives it the time to do harm. */
async function goOn(server: MortalServer): Promise<void> {
  assert.equal(isStopped(server.pid()), true, 'the first server stood still all the time')
  server.signal('SIGCONT')
  await waitUntil(
    async () => (await server.anonymous.get('/healthz')).status,
    (status) => status === 200,
  )
  await sleep(3_000)
}

/** The execution is as the second server left it, step by step. */
async function assertDoneOnce(
  { second }: Pick<Pair, 'second'>,
  done: Execution,
  steps: readonly string[],
): Promise<void> {
  assert.deepEqual(await newest(second, done.taskId), done)
  assert.deepEqual(await stepsOf(second, done.id), steps)
  assert.equal(steps.filter((step) => step === 'execution.succeeded').length, 1)
  assert.equal((await readExecutionsOfTask(second.store.read, second.tenantId, done.taskId)).length, 1)
}

async function takeOver(t: TestContext, failpoint: string): Promise<void> {
  const pair = await startPair(t, failpoint)
  const { first, second, host } = pair
  const { taskId, answer } = await stopInside(pair)

  const { done, steps } = await untilDone(second, taskId)
  await goOn(first)
  await answer

  // What the first server found out before it was stopped is no longer true, and it recorded none of it.
  await assertDoneOnce(pair, done, steps)
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
    180,
  )
}

describe('of two servers on one database one stands still beyond its lease: the other goes on, one effect', {
  concurrency: 2,
}, () => {
  // Both take what is to be done; only at these places does the one that is to stop take it often enough.
  for (const failpoint of ['before-start', 'after-start-before-record']) {
    test(`stopped ${failpoint}, and let go on after the other has finished`, (t) => takeOver(t, failpoint))
  }

  test('stopped with the outcome in its hands, which the other, started later, finds out by itself', async (t) => {
    // Nobody else is there to take the job that is to be stopped in.
    const { first, second } = await preparePair(t)
    await first.start({ failpoint: 'after-check-before-record:stop' })
    let answering = first
    const { store, tenantId } = first
    // One name for both, as behind a load balancer.
    const address = {
      store,
      tenantId,
      get anonymous() {
        return answering.anonymous
      },
    }
    const host = await startHost(t, address, hostname)
    const expert = await first.as('expert')
    const created = await expert.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))
    const taskId: string = created.body.id
    const executed = await expert.post(`/beta/security/incidentTasks/${taskId}/executeResponseAction`)
    assert.equal(executed.status, 204, executed.text)
    await waitUntil(
      async () => isStopped(first.pid()),
      (stopped) => stopped,
    )
    assert.notEqual((await newest(second, taskId)).state, 'succeeded')

    await second.start()
    answering = second
    const { done, steps } = await untilDone(second, taskId)
    await goOn(first)

    await assertDoneOnce({ second }, done, steps)
    assert.equal(host.effects.get(done.id), 1)
  })
})
