import assert from 'node:assert/strict'
import test from 'node:test'
import { fc } from '../support/fast-check.ts'
import { testSeed as seed } from '../support/seed.ts'
import {
  accountNames,
  createUndoWorld,
  type Deed,
  fileContents,
  foreignRules,
  type UndoWorld,
} from '../support/undo-world.ts'

const runs = Number(process.env.CORDON_UNDO_SEQUENCES ?? 3)

const indicators = [
  '203.0.113.7',
  '203.0.113.0/24',
  '192.0.2.9',
  'fd13::/48',
  '2001:db8::1',
  'bad.example',
  'http://worse.example/x',
  // Of no program: what such a rule meets is killed, and no undo starts it again.
  'ab'.repeat(32),
  'cd'.repeat(20),
]

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('isolate' as const), selective: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('rule' as const),
      indicator: fc.constantFrom(...indicators),
      mode: fc.constantFrom('block' as const, 'block' as const, 'audit' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('quarantine' as const),
      file: fc.nat(fileContents.length - 1),
      by: fc.constantFrom('sha1' as const, 'sha256' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'disable' as const,
        'reset' as const,
        'disable' as const,
        'enable' as const,
        'reset' as const,
        'signOut' as const,
      ),
      account: fc.nat(accountNames.length - 1),
    }),
  },
)

/** What is done, and after how many further deeds each is taken back; those that are left at the end come in the order of `rank`. */
const sequences = fc.record({
  foreign: fc.constantFrom(...foreignRules),
  steps: fc.array(fc.record({ deed: deeds, keep: fc.nat(4), rank: fc.nat(100) }), { minLength: 1, maxLength: 5 }),
})

interface Open {
  readonly id: string
  readonly deed: Deed
  keep: number
  readonly rank: number
}

let serial = 0

/** Plays a sequence and takes back all of it. @returns what became of each deed, as `kind:state` */
async function play(world: UndoWorld, steps: readonly Omit<Open, 'id'>[]): Promise<string[]> {
  const states: string[] = []
  let open: Open[] = []
  const takeBack = async (one: Open): Promise<void> => {
    open = open.filter(({ id }) => id !== one.id)
    const others = open.some(({ deed }) => deed.kind === one.deed.kind)
    const undone = await world.takeBack(one.id, one.deed, others)
    if (undone !== undefined)
      assert.equal(undone.state, 'succeeded', JSON.stringify([one, undone.targets, undone.after]))
  }
  for (const step of steps) {
    serial += 1
    const id = `deed-${serial}`
    const { state, targets } = await world.carryOut(id, step.deed)
    states.push(`${step.deed.kind}:${state}${targets[0]?.code ? ` ${targets[0].code}` : ''}`)
    for (const one of open) one.keep -= 1
    for (const one of open.filter(({ keep }) => keep < 0)) await takeBack(one)
    // What failed was not done, and nobody can take it back.
    if (state === 'succeeded' || state === 'partial') open.push({ ...step, id })
  }
  for (const one of open.toSorted((a, b) => a.rank - b.rank)) await takeBack(one)
  return states
}

test(`do and undo leave firewall, files and accounts byte-equal in ${runs} random sequences (CORDON_UNDO_SEQUENCES), seed ${seed}`, async (t) => {
  const world = await createUndoWorld(t)
  if (world === undefined) return
  const counts = new Map<string, number>()

  await fc.assert(
    fc.asyncProperty(sequences, async ({ foreign, steps }) => {
      await world.layRules(foreign)
      const before = await world.look()

      const states = await play(
        world,
        steps.map((step) => ({ ...step })),
      )

      assert.equal(await world.look(), before)
      for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1)
    }),
    // What a failed sequence leaves on the host would make smaller ones fail for another reason.
    { numRuns: runs, seed, endOnFailure: true },
  )

  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const list = [...counts].sort().map(([state, count]) => `${count} ${state}`)
  t.diagnostic(`${runs} sequences, ${total} deeds: ${list.join(', ')}`)
})

test('an isolation holds also where a rule blocks the address it is tested with', async (t) => {
  const world = await createUndoWorld(t)
  if (world === undefined) return
  await world.layRules('')
  await world.carryOut('rule', { kind: 'rule', indicator: '203.0.113.7', mode: 'block' })

  const { state, targets } = await world.carryOut('isolation', { kind: 'isolate', selective: false })

  assert.equal(state, 'succeeded', JSON.stringify(targets))
})
