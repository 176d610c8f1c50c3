import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/io/clock.ts'
import { recordChange } from '../../src/store/record.ts'
import { giveTenant } from '../support/given.ts'
import { shareCordon } from '../support/shared-cordon.ts'

// What runs of the fuzzer found and a single input cannot show; the inputs themselves stand in regressions.json.

test('changes are answered in time although somebody who writes does not come to an end (postgres)', async () => {
  const cordon = await shareCordon('postgres')
  const tenant = await giveTenant(cordon)
  const reader = await tenant.as('reader')
  assert.equal((await reader.get('/beta/security/incidents/delta')).status, 200)
  const actor = { tenantId: tenant.id, id: 'slow', kind: 'system', name: 'slow' } as const
  const [begun, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const writing = cordon.store.transaction(async (tx) => {
    const event = { resource: 'incident', objectId: '1', change: 'updated' } as const
    const audit = { action: 'slow', objectType: 'incident', objectId: '1', decision: 'allowed' } as const
    await recordChange(tx, { at: systemClock.now(), actor, audit, events: [event] })
    begun.resolve()
    await answered.promise
  })
  await begun.promise
  const startedAt = performance.now()

  // The writer ends only after the answer, or never when there is none.
  const reply = await reader.get('/beta/security/incidents/delta').finally(answered.resolve)

  const tookMs = performance.now() - startedAt
  await writing
  assert.equal(reply.status, 200, reply.text)
  assert.ok(tookMs > 300, 'nobody was waited for: the test tests nothing')
})
