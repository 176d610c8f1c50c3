import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correlate } from '../../src/intake/correlation/correlate.ts'
import { describeReason } from '../../src/intake/correlation/reason.ts'
import { type CorrelationRules, defaultRules } from '../../src/intake/correlation/rules.ts'
import type { CorrelatedAlert } from '../../src/intake/correlation/state.ts'
import { fc } from '../support/fast-check.ts'
import { alertAbout, openMemory } from './memory.ts'

/** Rules without what looks at history: no hubs, nothing recurring, nothing full. */
const withoutHistory: Partial<CorrelationRules> = { hubPartners: 10_000, recurringHours: 10_000, maxMerges: 10_000 }

const names = [
  'device a',
  'device b',
  'device c',
  'user u',
  'user v',
  'file f',
  'mailbox m',
  'address 1',
  'address 2',
  'url x',
]

const alert: fc.Arbitrary<CorrelatedAlert> = fc
  .record({
    entities: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }),
    hours: fc.integer({ min: 0, max: 200 }),
    spanHours: fc.integer({ min: 0, max: 30 }),
    title: fc.constantFrom('Scan', 'Login', 'Shell'),
    severity: fc.constantFrom(32, 64, 128, 256),
  })
  .map(({ entities, hours, spanHours, title, severity }) => {
    const made = alertAbout(entities, hours, { title, severity })
    return { ...made, firstMs: made.lastMs - spanHours * 3_600_000 }
  })

const alerts = fc.array(alert, { minLength: 1, maxLength: 24 })

/** Cuts a list into batches. */
function inBatches(list: readonly CorrelatedAlert[], sizes: readonly number[]): CorrelatedAlert[][] {
  const batches: CorrelatedAlert[][] = []
  for (let start = 0, turn = 0; start < list.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    batches.push(list.slice(start, start + size))
    start += size
  }
  return batches
}

const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 })

/** The partition by definition: two alerts belong together when they share an entity and lie within the window; and so on. */
function partitionByDefinition(list: readonly CorrelatedAlert[]): string[][] {
  const windowMs = defaultRules.windowSeconds * 1000
  const part = new Map(list.map(({ id }) => [id, id]))
  const rename = (from: string, to: string): void => {
    for (const [id, name] of part) if (name === from) part.set(id, to)
  }
  for (const a of list) {
    for (const b of list) {
      const linking = a.entities.filter(({ kind }) => defaultRules.linkingKinds.includes(kind))
      const shares = linking.some((one) => b.entities.some((two) => one.kind === two.kind && one.value === two.value))
      const [aFirst, bFirst] = [a, b].map(({ firstMs, lastMs }) => Math.max(firstMs, lastMs - windowMs)) as [
        number,
        number,
      ]
      const gapMs = Math.max(0, bFirst - a.lastMs, aFirst - b.lastMs)
      if (shares && gapMs <= windowMs) rename(part.get(b.id) ?? '', part.get(a.id) ?? '')
    }
  }
  const groups = new Map<string, string[]>()
  for (const [id, name] of part) groups.set(name, [...(groups.get(name) ?? []), id])
  return [...groups.values()].map((group) => group.sort()).sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1))
}

test('without history the incidents follow from the alerts alone: neither their order nor their batches matter', () => {
  fc.assert(
    fc.property(
      alerts.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }), sizes)),
      ([list, shuffled, cut]) => {
        const memory = openMemory(withoutHistory)

        for (const batch of inBatches(shuffled, cut)) memory.receive(batch)

        assert.deepEqual(memory.partition(), partitionByDefinition(list))
      },
    ),
    { numRuns: 300 },
  )
})

test('every alert stands in exactly one open incident, with a reason in words; nothing is lost in merges', () => {
  fc.assert(
    fc.property(alerts, sizes, fc.integer({ min: 2, max: 6 }), (list, cut, small) => {
      // Everything that looks at history, at its tightest.
      const memory = openMemory({
        hubPartners: small,
        recurringHours: small,
        maxAlerts: small * 3,
        maxGroups: small * 2,
        maxMerges: 2,
      })

      for (const batch of inBatches(list, cut)) memory.receive(batch)

      assert.equal(memory.joins.size, list.length)
      const counted = new Map<number, number>()
      for (const { id } of list) {
        const incident = memory.incidents.get(memory.incidentOf(id))
        assert.ok(incident?.isOpen, 'the incident is open')
        counted.set(incident.id, (counted.get(incident.id) ?? 0) + 1)
        const { reason } = memory.joins.get(id) ?? {}
        assert.ok(reason)
        assert.match(describeReason(reason), /^[A-Z].{20,}\.$/)
        assert.doesNotMatch(describeReason(reason), /incident -|undefined|null|NaN/)
      }
      for (const [id, count] of counted) {
        assert.equal(memory.incidents.get(id)?.alertCount, count)
        assert.ok(count <= small * 3, 'no incident is more than full')
      }
    }),
    { numRuns: 300 },
  )
})

test('the older incident survives a merge, and what was merged leads straight to the survivor', () => {
  fc.assert(
    fc.property(alerts, sizes, (list, cut) => {
      const memory = openMemory(withoutHistory)

      for (const batch of inBatches(list, cut)) memory.receive(batch)

      const merged = new Set(memory.merges.map(({ from }) => from))
      assert.equal(merged.size, memory.merges.length, 'an incident is merged once')
      for (const { from, into } of memory.merges) assert.ok(into < from)
      for (const { id } of list) assert.ok(!merged.has(memory.incidentOf(id)))
    }),
    { numRuns: 300 },
  )
})

test('the order inside a batch changes nothing at all, hubs and recurring activity included', () => {
  const order = (list: readonly CorrelatedAlert[]) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length }))
  fc.assert(
    fc.property(alerts.chain(order), ([list, shuffled]) => {
      const state = { entities: [], sightings: [], series: [], incidents: [] }
      const rules = { ...defaultRules, hubPartners: 3, recurringHours: 3 }
      const byId = (plan: ReturnType<typeof correlate>) => new Map(plan.joins.map((join) => [join.alertId, join]))

      const plan = correlate(state, list, rules)
      const again = correlate(state, shuffled, rules)

      assert.deepEqual(byId(again), byId(plan))
      assert.deepEqual({ ...again, joins: [] }, { ...plan, joins: [] })
    }),
    { numRuns: 200 },
  )
})
