import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatabaseKind } from '../support/databases.ts'
import { testSeed } from '../support/seed.ts'
import { renderFigures, runCrashes } from './crash-run.ts'

/** Kills per database; `npm run test:crash -- --rounds N` makes it another number. */
const rounds = Number(process.env.CORDON_CRASH_ROUNDS ?? 150)

/** The test of the kills on one database; each has a file of its own, so that they run side by side. */
export function killTest(kind: DatabaseKind): void {
  test(`a server killed ${rounds} times under load loses nothing it acknowledged and does nothing twice (${kind})`, async (t) => {
    t.diagnostic(`CORDON_TEST_SEED=${testSeed}`)

    const figures = await runCrashes(t, kind, { rounds, seed: testSeed })

    t.diagnostic(renderFigures([[kind, figures]]))
    const { lost, doubled, unaccounted, stuck, auditFaults } = figures
    assert.deepEqual(
      { lost, doubled, unaccounted, stuck, auditFaults },
      { lost: [], doubled: [], unaccounted: [], stuck: [], auditFaults: [] },
    )
    assert.ok(figures.acknowledged > rounds, `only ${figures.acknowledged} writes were acknowledged`)
    assert.ok(figures.executed >= rounds / 10, `only ${figures.executed} tasks were executed`)
    if (rounds < 30) return
    for (const [death, count] of Object.entries(figures.deaths)) assert.ok(count > 0, `nothing died at a ${death}`)
  })
}
