import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { randomIds } from '../../src/io/clock.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { readTask } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client } from '../support/cordon.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { listFailpoints } from './failpoints.ts'
import { startHost } from './host.ts'
import { isolationTask, type MortalServer, prepareServer } from './server.ts'

const hostname = 'web-01'

/** Requests the execution, and once more when the server died before it answered; the request's id makes that safe. */
async function execute(server: MortalServer, client: Client, taskId: string): Promise<void> {
  const path = `/beta/security/incidentTasks/${taskId}/executeResponseAction`
  const headers = { 'client-request-id': randomIds.guid() }
  const first = await client.post(path, undefined, headers).catch(() => null)
  assert.equal(await server.ended(), 'SIGKILL')
  await server.start()
  const reply = first ?? (await client.post(path, undefined, headers))
  assert.equal(reply.status, 204, reply.text)
}

async function dieAt(t: TestContext, kind: DatabaseKind, failpoint: string): Promise<void> {
  const server = await prepareServer(t, kind, ['1'])
  await server.start({ failpoint })
  const host = await startHost(t, server, hostname)
  const expert = await server.as('expert')
  const created = await expert.post('/beta/security/incidentTasks', isolationTask(hostname, '1'))
  const taskId: string = created.body.id

  await execute(server, expert, taskId)
  const task = await waitUntil(
    () => readTask(server.store.read, server.tenantId, taskId),
    (found) => found?.doc.actionStatus === 'completed' || found?.doc.actionStatus === 'failed',
    40,
  )
  const jobs = await waitUntil(
    () => server.store.read.selectFrom('jobs').selectAll().execute(),
    (left) => left.length === 0,
    40,
  )

  const executions = await readExecutionsOfTask(server.store.read, server.tenantId, taskId)
  const [execution] = executions
  assert.ok(execution)
  assert.equal(executions.length, 1)
  assert.deepEqual([task?.doc.status, task?.doc.actionStatus], ['completed', 'completed'])
  assert.deepEqual([execution.state, execution.result?.proof?.level], ['succeeded', 'observed'])
  assert.deepEqual([...host.effects], [[execution.id, 1]])
  const commands = await server.store.read.selectFrom('commands').select(['id', 'state']).execute()
  assert.deepEqual(
    commands.map(({ id, state }) => [id, state]),
    [[execution.id, 'succeeded']],
  )
  assert.deepEqual(await countAudit(server), { requested: 1, queued: 1, acknowledged: 1, reported: 1, succeeded: 1 })
  assert.deepEqual(jobs, [])
}

async function countAudit(server: MortalServer): Promise<Record<string, number>> {
  const entries = await server.store.read
    .selectFrom('audit')
    .select('action')
    .where('decision', '=', 'allowed')
    .execute()
  const count = (action: string): number => entries.filter((entry) => entry.action === action).length
  return {
    requested: count('executeResponseAction'),
    queued: count('queueCommand'),
    acknowledged: count('acknowledgeCommand'),
    reported: count('reportResult'),
    succeeded: count('execution.succeeded'),
  }
}

describe('a server that dies anywhere in an execution goes on with it after a restart', { concurrency: 3 }, () => {
  for (const kind of databaseKinds) {
    for (const failpoint of listFailpoints()) {
      test(`killed ${failpoint}, it ends completed, with one effect and one audit trail (${kind})`, (t) =>
        dieAt(t, kind, failpoint))
    }
  }
})

test('the failpoints of the server are found and have names of their own', () => {
  const found = listFailpoints()

  assert.ok(found.length >= 7, found.join(' '))
  assert.equal(new Set(found).size, found.length)
})
