import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../bench/random.ts'
import { isLive } from '../../src/model/execution-state.ts'
import { readExecutionsOfTask } from '../../src/store/executions.ts'
import { readIncident } from '../../src/store/incidents.ts'
import { readTask } from '../../src/store/tasks.ts'
import { waitUntil } from '../support/answers.ts'
import type { Client, Reply } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { type CountingHost, startHost } from './host.ts'
import { isolationTask, type MortalServer, prepareServer } from './server.ts'

const hostname = 'web-01'
const kills = 10
const writers = ['1', '2', '3', '4']

/** What one writer was told is written, and what it tried without hearing of it. It alone writes to its incident. */
interface Ledger {
  readonly incidentId: string
  readonly comments: { acknowledged: string[]; tried: string[] }
  assignedTo: { acknowledged: string | null; tried: (string | null)[] }
  readonly taskIds: string[]
  /** Tasks whose execution was answered 204. */
  readonly executed: string[]
}

/** Writes until the server is gone: a comment, a change, and now and then a task that is executed at once. */
async function writeUntilGone(client: Client, ledger: Ledger, serial: () => number): Promise<void> {
  const incident = `/v1.0/security/incidents/${ledger.incidentId}`
  try {
    for (;;) {
      const comment = `comment ${serial()}`
      ledger.comments.tried.push(comment)
      requireStatus(await client.post(`${incident}/comments`, { comment }), 200)
      ledger.comments.acknowledged.push(comment)

      const assignedTo = `analyst-${serial()}@example.com`
      ledger.assignedTo.tried.push(assignedTo)
      requireStatus(await client.patch(incident, { assignedTo }), 200)
      ledger.assignedTo = { acknowledged: assignedTo, tried: [assignedTo] }

      if (serial() % 3 !== 0) continue
      const created = await client.post('/beta/security/incidentTasks', isolationTask(hostname, ledger.incidentId))
      requireStatus(created, 201)
      ledger.taskIds.push(created.body.id)
      const path = `/beta/security/incidentTasks/${created.body.id}/executeResponseAction`
      requireStatus(await client.post(path), 204)
      ledger.executed.push(created.body.id)
    }
  } catch (cause) {
    // A request the kill cut off: nobody knows what became of it. Anything else is a failure.
    if (!(cause instanceof TypeError) && !(cause instanceof DOMException)) throw cause
  }
}

function requireStatus(reply: Reply, status: number): void {
  assert.equal(reply.status, status, reply.text)
}

async function assertWritten(server: MortalServer, ledger: Ledger): Promise<void> {
  const incident = await readIncident(server.store.read, server.tenantId, ledger.incidentId)
  assert.ok(incident)
  const comments = incident.doc.comments.map(({ comment }) => comment ?? '')
  assert.deepEqual(
    ledger.comments.acknowledged.filter((comment) => !comments.includes(comment)),
    [],
    'acknowledged comments are missing',
  )
  assert.equal(new Set(comments).size, comments.length, 'a comment stands twice')
  assert.ok(comments.every((comment) => ledger.comments.tried.includes(comment)))
  const { acknowledged, tried } = ledger.assignedTo
  assert.ok(
    incident.doc.assignedTo === acknowledged || tried.includes(incident.doc.assignedTo),
    `${incident.doc.assignedTo} is neither the last acknowledged value nor a later one`,
  )
  for (const id of ledger.taskIds) assert.ok(await readTask(server.store.read, server.tenantId, id), `no task ${id}`)
  await assertRecorded(server, ledger.incidentId, incident.version - 1)
}

/** Every change of an incident has its audit entry and its event, and the other way round. */
async function assertRecorded(server: MortalServer, incidentId: string, changes: number): Promise<void> {
  const entries = await server.store.read
    .selectFrom('audit')
    .select('action')
    .where('object_type', '=', 'incident')
    .where('object_id', '=', incidentId)
    .where('decision', '=', 'allowed')
    .execute()
  const events = await server.store.read
    .selectFrom('outbox')
    .select('seq')
    .where('resource', '=', 'incident')
    .where('object_id', '=', incidentId)
    .execute()
  // A task that makes its incident wait is recorded as the task's creation; its event is there all the same.
  assert.ok(entries.length <= changes, `${entries.length} audit entries for ${changes} changes`)
  assert.equal(events.length, changes, 'changes and events differ in number')
}

async function assertExecutedOnce(server: MortalServer, host: CountingHost, ledger: Ledger): Promise<void> {
  for (const taskId of ledger.taskIds) {
    const executions = await waitUntil(
      () => readExecutionsOfTask(server.store.read, server.tenantId, taskId),
      (found) => found.every(({ state }) => !isLive(state)),
      60,
    )
    assert.ok(executions.length <= 1)
    if (ledger.executed.includes(taskId))
      assert.equal(executions.length, 1, `task ${taskId} was accepted and forgotten`)
    for (const { id, state } of executions) {
      const commands = await server.store.read.selectFrom('commands').select('id').where('id', '=', id).execute()
      assert.equal(state, 'succeeded')
      assert.equal(commands.length, 1)
      assert.equal(host.effects.get(id), 1)
    }
  }
}

for (const kind of databaseKinds) {
  test(`a server killed ${kills} times under load loses nothing it acknowledged and does nothing twice (${kind})`, async (t) => {
    const seed = Number(process.env.CORDON_TEST_SEED ?? Date.now() % 1_000_000)
    t.diagnostic(`CORDON_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const server = await prepareServer(t, kind, writers)
    await server.start()
    const host = await startHost(t, server, hostname)
    const client = await server.as('expert')
    const ledgers = writers.map(
      (incidentId): Ledger => ({
        incidentId,
        comments: { acknowledged: [], tried: [] },
        assignedTo: { acknowledged: null, tried: [] },
        taskIds: [],
        executed: [],
      }),
    )
    let last = 0
    const serial = (): number => ++last

    for (let round = 0; round < kills; round++) {
      const writing = ledgers.map((ledger) => writeUntilGone(client, ledger, serial))
      await sleep(50 + random() * 500)
      await server.kill()
      await Promise.all(writing)
      await server.start()
      for (const ledger of ledgers) await assertWritten(server, ledger)
    }
    for (const ledger of ledgers) await assertExecutedOnce(server, host, ledger)

    const acknowledged = ledgers.flatMap(({ comments }) => comments.acknowledged)
    assert.ok(acknowledged.length > kills, `only ${acknowledged.length} writes were acknowledged`)
    assert.ok(ledgers.some(({ executed }) => executed.length > 0))
    assert.equal(
      host.effects.size,
      [...host.effects.values()].reduce((sum, count) => sum + count, 0),
    )
    const jobs = await waitUntil(
      () => server.store.read.selectFrom('jobs').selectAll().execute(),
      (left) => left.length === 0,
      60,
    )
    assert.deepEqual(jobs, [])
  })
}
