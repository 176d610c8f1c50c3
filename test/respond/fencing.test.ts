import assert from 'node:assert/strict'
import type { Connector, Progress } from '../../src/connectors/connector.ts'
import { createRegistry } from '../../src/connectors/registry.ts'
import { instantOf } from '../../src/io/clock.ts'
import type { Job } from '../../src/jobs/worker.ts'
import { createCheckAction, createRunAction } from '../../src/respond/run.ts'
import { claimJobs, finishJob } from '../../src/store/jobs.ts'
import { eachDatabase } from '../support/databases.ts'
import { type Bench, createBench, logOf } from './races/bench.ts'

/** One job, taken by a server whose lease lasts ten seconds. */
async function take({ store, clock }: Bench, kind: string): Promise<Job> {
  for (;;) {
    const [row] = await claimJobs(store, clock.now(), instantOf(clock.nowMs() + 10_000), 1)
    assert.ok(row, `no job of kind ${kind} is due`)
    const { id, tenant_id: tenantId, attempts, epoch, payload } = row
    if (row.kind === kind) return { id, tenantId, attempts, epoch, payload: JSON.parse(payload) }
    await store.transaction((tx) => finishJob(tx, id, epoch))
  }
}

/** The connector, with one call that only answers when the test lets it. */
function holdBack(connector: Connector, call: 'start' | 'check', answer: Progress) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow: Connector = {
    ...connector,
    [call]: async () => {
      await promise
      return answer
    },
  }
  return { registry: createRegistry([slow], { strictGraph: false }), letGo: resolve }
}

const accepted: Progress = { outcome: 'accepted', delivered: false, handle: 'stale', checkAfterSeconds: 1 }
const refused: Progress = { outcome: 'refused', code: 'Stale', detail: 'what it heard long ago' }

for (const [what, stale] of Object.entries({ 'an acceptance': accepted, 'a refusal': refused })) {
  eachDatabase(
    `a server that lost its lease while it handed an order over records ${what} no more`,
    async (t, store) => {
      const bench = await createBench(t, store)
      bench.target.prompt = false
      const taskId = await bench.task()
      await bench.execute(taskId)
      const { registry, letGo } = holdBack(bench.target.connector, 'start', stale)
      const slow = createRunAction({ ...bench, registry })(await take(bench, 'run-action'))
      await waitFor(async () => (await bench.newest(taskId)).state === 'dispatching')

      bench.clock.tick(11_000)
      await bench.stepper.run()
      const taken = await bench.newest(taskId)
      assert.deepEqual([taken.state, taken.epoch, taken.handle], ['delivered', 2, taken.id])
      letGo()
      await slow

      assert.deepEqual(await bench.newest(taskId), taken)
      assert.deepEqual(await logOf(store, taken.id), ['dispatching', 'queued', 'dispatching', 'delivered'])
      assert.equal(bench.target.starts.get(taken.id), 1)
    },
  )
}

eachDatabase('a server that lost its lease while it asked records nothing of what it heard', async (t, store) => {
  const bench = await createBench(t, store)
  bench.target.prompt = false
  const taskId = await bench.task()
  await bench.execute(taskId)
  await bench.stepper.run()
  bench.clock.tick(1_001_000)
  const answer: Progress = { outcome: 'failure', failureClass: 'permanent', code: 'Old', detail: 'long ago' }
  const { registry, letGo } = holdBack(bench.target.connector, 'check', answer)
  const slow = createCheckAction({ ...bench, registry })(await take(bench, 'check-action'))

  bench.clock.tick(11_000)
  await bench.stepper.run()
  const before = await bench.newest(taskId)
  letGo()
  await slow

  assert.deepEqual(await bench.newest(taskId), before)
  assert.equal(before.state, 'delivered')
})

eachDatabase(
  'an order whose first look was lost with a crash is taken up where it is, not sent again',
  async (t, store) => {
    const bench = await createBench(t, store)
    const cases = { crashBefore: 1, crashAfter: 1 } as const
    for (const [weather, effects] of Object.entries(cases)) {
      const taskId = await bench.task({ host: weather === 'crashBefore' ? 'host-1' : 'host-2' })
      bench.target.weather = weather as keyof typeof cases
      await bench.execute(taskId)
      await bench.stepper.run()
      await bench.stepper.restart()
      await bench.stepper.run()

      const execution = await bench.newest(taskId)
      assert.equal(execution.state, 'succeeded', weather)
      assert.equal(bench.target.effects.get(execution.id), effects, weather)
    }
  },
)

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 6_000, 'it did not come to hold')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
