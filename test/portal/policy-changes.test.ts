import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultPolicy } from '../../src/model/safety/policy.ts'
import { explainChange, listPolicyChanges } from '../../src/portal/app/screens/policies/policy-changes.ts'

test('what a new policy changes is named place by place, with what was there and what is there now', () => {
  const [containment, ...others] = defaultPolicy.budgets
  const after = {
    ...defaultPolicy,
    budgets: [{ ...containment, maxActions: 5 }, ...others.slice(1)],
    fourEyes: { ...defaultPolicy.fourEyes, approvalHours: 12 },
    protectedAssets: [{ name: 'hypervisors' }],
  }

  const changes = listPolicyChanges(defaultPolicy, after)

  const said = changes.map(({ path, before, after: now }) => `${path}: ${before} > ${now}`)
  assert.ok(said.includes('budgets[0].maxActions: 10 > 5'), said.join('\n'))
  assert.ok(said.includes('fourEyes.approvalHours: 24 > 12'))
  assert.ok(said.includes('protectedAssets[0]: null > {"name":"hypervisors"}'))
  const removed = changes.find(({ path }) => path === `budgets[${others.length}]`)
  assert.equal(removed?.after, null)
})

test('the same policy, however its lines are broken, changes nothing', () => {
  const same: unknown = JSON.parse(JSON.stringify(defaultPolicy, null, 4))

  assert.deepEqual(listPolicyChanges(defaultPolicy, same), [])
})

test('a change whose place does not say what it means is told in words', () => {
  const after = { ...defaultPolicy, confirmation: { holdOnPhones: true } }

  const [change, ...others] = listPolicyChanges(defaultPolicy, after)

  assert.ok(change)
  assert.deepEqual(others, [])
  assert.match(explainChange(change) ?? '', /hold the button for 1\.5 s/)
  assert.match(explainChange({ ...change, after: 'false' }) ?? '', /typed on every screen/)
  assert.equal(explainChange({ ...change, path: 'budgets[0].maxActions' }), null)
})
