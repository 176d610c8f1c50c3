import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { insertAgent } from '../../src/store/agents.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { readTask } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client } from '../support/cordon.ts'
import { type DatabaseKind, databaseKinds } from '../support/databases.ts'
import { isOfFanOut, listFailpoints } from './failpoints.ts'
import { startHost } from './host.ts'
import { isolationTask, type MortalServer, prepareServer, ruleTask } from './server.ts'

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
    180,
  )
  const jobs = await waitUntil(
    () => server.store.read.selectFrom('jobs').selectAll().execute(),
    (left) => left.length === 0,
    60,
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

const manyHosts = 600

/** Hosts that are away: they have an identity, and never call. */
async function giveSilentHosts(server: MortalServer, count: number): Promise<void> {
  const capabilities = JSON.stringify([{ actionType: 'submitIocRule', supported: true }])
  const now = systemClock.now()
  await server.store.transaction(async (tx) => {
    for (let number = 0; number < count; number++) {
      const id = randomIds.guid()
      await insertAgent(tx, {
        ...{ tenant_id: server.tenantId, id, hostname: `host-${number}`, fqdn: null, machine_id: null, os: null },
        ...{ agent_version: null, public_key: '', token_hash: id, capabilities, facts: '{}', last_seq: 0 },
        ...{
          command_seq: 0,
          break_glass_serial: 0,
          run_ids: '[]',
          cloned_at: null,
          key_since: now,
          key_ordered_at: null,
          enrolled_at: now,
          last_seen_at: null,
          approved_at: now,
        },
        revoked_at: null,
      })
    }
  })
}

async function dieInFanOut(t: TestContext, kind: DatabaseKind, failpoint: string): Promise<void> {
  const server = await prepareServer(t, kind, ['1'])
  await giveSilentHosts(server, manyHosts - 1)
  await server.start({ failpoint })
  const host = await startHost(t, server, hostname, ['submitIocRule'])
  const expert = await server.as('expert')
  const created = await expert.post('/beta/security/incidentTasks', ruleTask('203.0.113.7', '1'))

  await execute(server, expert, created.body.id)
  const readRule = () => server.store.read.selectFrom('ioc_rules').select('spread_after').executeTakeFirst()
  await waitUntil(readRule, (rule) => rule?.spread_after === null, 180)
  await waitUntil(
    async () => [...host.effects.values()],
    (effects) => effects.length > 0,
    60,
  )

  const commands = await server.store.read.selectFrom('commands').select(['agent_id', 'seq', 'execution_id']).execute()
  assert.equal(commands.length, manyHosts)
  assert.equal(new Set(commands.map(({ agent_id }) => agent_id)).size, manyHosts)
  assert.deepEqual([...new Set(commands.map(({ seq }) => seq))], [1])
  assert.equal(new Set(commands.map(({ execution_id }) => execution_id)).size, 1)
  assert.deepEqual([...host.effects.values()], [1])
  assert.deepEqual(await server.findAuditFaults(), [])
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
      test(`killed ${failpoint}, it is carried on, with one effect and one audit trail (${kind})`, (t) =>
        isOfFanOut(failpoint) ? dieInFanOut(t, kind, failpoint) : dieAt(t, kind, failpoint))
    }
  }
})

test('the failpoints of the server are found and have names of their own', () => {
  const found = listFailpoints()

  assert.ok(found.length >= 7, found.join(' '))
  assert.equal(new Set(found).size, found.length)
})
