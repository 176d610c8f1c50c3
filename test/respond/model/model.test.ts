import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauseDispatch } from '../../../src/respond/safety/policies.ts'
import { openStore, type Store } from '../../../src/store/db.ts'
import { onEnd } from '../../support/cleanup.ts'
import { makeMigratedDatabase } from '../../support/databases.ts'
import { fc } from '../../support/fast-check.ts'
import { testSeed as seed } from '../../support/seed.ts'
import { commands } from './commands.ts'
import { checkAudit, isOpen, observe } from './observe.ts'
import { createModel, createWorld, type Model, type World } from './world.ts'

/**
 * When every fault has stopped, every execution comes to an end by itself, or stands in the one state that says that nobody knows.
 * @source design reliability I17
 */
async function settle(model: Model, world: World): Promise<void> {
  world.target.weather = 'fair'
  world.target.prompt = true
  world.target.away.clear()
  await pauseDispatch(world, world.actor('admin'), false, null)
  model.paused = false
  await world.stepper.restart()
  // Longer than any deadline, and than an approval waits.
  for (let hour = 0; hour < 80 && model.executions.some(isOpen); hour += 4) {
    for (const { id } of model.executions) world.target.deliver(id)
    world.clock.tick(4 * 3_600_000)
    await world.stepper.run()
    await observe(model, world)
  }
  const stuck = model.executions.filter((execution) => isOpen(execution) && execution.state !== 'unknown')
  // What a host has taken and never reports on stays delivered; in these sequences the engine asks and is told so.
  const silent = stuck.filter(({ id, state }) => state === 'delivered' && world.target.placeOf(id) === 'delivered')
  assert.deepEqual(
    stuck.filter((execution) => !silent.includes(execution)),
    [],
    'I17: an execution is stuck',
  )
}

interface Played {
  sequences: number
  readonly counts: Map<string, number>
  readonly reached: Map<string, number>
}

function createPlayed(): Played {
  return { sequences: 0, counts: new Map(), reached: new Map() }
}

function add(to: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [name, count] of from) to.set(name, (to.get(name) ?? 0) + count)
}

/** Random sequences of commands, each in a tenant of its own. */
async function play(store: Store, runs: number, played: Played, path?: string): Promise<void> {
  let serial = 0
  const property = fc.asyncProperty(fc.commands(commands, { maxCommands: 50, size: 'max' }), async (sequence) => {
    const model = createModel()
    const world = await createWorld(store, seed * 10 + serial++)
    await observe(model, world)
    await fc.asyncModelRun(() => ({ model, real: world }), sequence)
    await settle(model, world)
    await checkAudit(model, world)
    played.sequences++
    add(played.counts, model.counts)
    add(played.reached, model.reached)
  })
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: false, ...(path === undefined ? {} : { path }) })
}

function tell(t: { diagnostic(message: string): void }, played: Played): void {
  const total = [...played.counts.values()].reduce((sum, count) => sum + count, 0)
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  t.diagnostic(`${played.sequences} sequences, ${total} commands: ${list(played.counts)}`)
  t.diagnostic(`states reached: ${list(played.reached)}`)
}

const runs = Number(process.env.CORDON_MODEL_RUNS ?? 300)

test(`${runs} random sequences of what people, hosts and crashes do keep every promise (sqlite)`, async (t) => {
  t.diagnostic(`CORDON_TEST_SEED=${seed}`)
  const store = await openStore(':memory:')
  onEnd(t, () => store.close())
  const played = createPlayed()
  await play(store, runs, played)
  tell(t, played)
  assert.equal(played.sequences, runs)
  for (const name of ['execute', 'cancel', 'undo', 'approve', 'reject', 'pause', 'restart', 'report', 'decide']) {
    assert.ok((played.counts.get(name) ?? 0) > 0, `${name} was never played`)
  }
  for (const state of [
    'run delivered',
    'run unknown',
    'run partial',
    'run cancelled',
    'run expired',
    'undo succeeded',
  ]) {
    assert.ok((played.reached.get(state) ?? 0) > 0, `${state} was never reached`)
  }
})

test('random sequences keep every promise (postgres)', async (t) => {
  t.diagnostic(`CORDON_TEST_SEED=${seed}`)
  const store = await openStore(await makeMigratedDatabase(t, 'postgres'))
  onEnd(t, () => store.close())
  const played = createPlayed()
  await play(store, Math.ceil(runs / 20), played)
  tell(t, played)
})
