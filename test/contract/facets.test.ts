import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant } from '../support/given.ts'

for (const databaseKind of databaseKinds) {
  test(`on ${databaseKind} the values of a list are counted under its filter, the most frequent first, fifty at most, of one tenant alone`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const tenant = await giveTenant(cordon)
    const other = await giveTenant(cordon)
    await other.incident({ severity: 'high', customTags: ['theirs'] })
    const first = await tenant.incident({ severity: 'high', assignedTo: 'Ada', customTags: ['VIP', 'vip', 'VIP'] })
    await tenant.incident({ severity: 'high', assignedTo: 'ada', customTags: ['vip'], status: 'awaitingAction' })
    await tenant.incident({ severity: 'low', classification: 'truePositive', createdDateTime: '2026-02-14T12:00:00Z' })
    const many = Array.from({ length: 60 }, (_, at) => `site-${at}`)
    await tenant.incident({ severity: 'low', customTags: many, displayName: 'Wide', status: 'resolved' })
    await tenant.alert(first, { serviceSource: 'microsoftSentinel' })
    await tenant.alert(first, { serviceSource: 'dataLossPrevention' })
    await tenant.alert(first, { serviceSource: 'dataLossPrevention' })
    await tenant.task(first, { actionType: 'isolateDevice' })
    await tenant.task(first, { actionType: 'text' })
    await tenant.task(first, { actionType: 'text' })
    const reader = await tenant.as('reader')
    const ask = async (path: string, options: Record<string, string> = {}) => {
      const { body } = await reader.get(`/api/v1/facets/${path}?${new URLSearchParams(options)}`)
      const values = body.value.map(({ value, count }: Record<string, unknown>) => [value, count])
      assert.equal(body.complete, true)
      return [values, body.more]
    }

    const status = await ask('incidents/status')
    const some = await ask('incidents/severity', { $filter: "status in ('active','awaitingAction')" })
    const early = await ask('incidents/severity', { $filter: 'createdDateTime lt 2026-02-15T00:00:00Z' })
    const verdicts = await ask('incidents/classification')
    const owners = await ask('incidents/assignedTo')
    const named = await ask('incidents/assignedTo', { contains: 'AD' })
    const tags = await ask('incidents/customTags', { $filter: "severity eq 'high'" })
    const tagged = await ask('incidents/severity', { $filter: "customTags/any(t:t eq 'vip')" })
    const [wide, isMore] = await ask('incidents/customTags')
    const found = await ask('incidents/customTags', { contains: 'SITE-59' })
    const byName = await ask('incidents/customTags', { $filter: "contains(displayName,'ide')", contains: 'site-7' })
    const kinds = await ask('tasks/actionType')
    const sources = await ask('incidents/source', { $filter: "severity eq 'high'" })
    const namedSource = await ask('incidents/source', { contains: 'LOSS' })
    const sourced = await ask('incidents/status', { $filter: "alerts/any(a:a/serviceSource eq 'microsoftSentinel')" })
    const absent = await reader.get('/api/v1/facets/incidents/summary')

    assert.deepEqual(status, [
      [
        ['active', 2],
        ['awaitingAction', 1],
        ['resolved', 1],
      ],
      false,
    ])
    assert.deepEqual(some, [
      [
        ['high', 2],
        ['low', 1],
      ],
      false,
    ])
    assert.deepEqual(early, [[['low', 1]], false])
    assert.deepEqual(verdicts[0], [
      [null, 3],
      ['truePositive', 1],
    ])
    assert.deepEqual(owners[0], [
      [null, 2],
      ['Ada', 2],
    ])
    assert.deepEqual(named[0], [['Ada', 2]])
    assert.deepEqual(tags[0], [
      ['vip', 2],
      ['VIP', 1],
    ])
    assert.deepEqual(tagged[0], [['high', 2]])
    assert.deepEqual([wide.length, isMore, wide[0]], [50, true, ['vip', 2]])
    assert.deepEqual(found, [[['site-59', 1]], false])
    assert.deepEqual(byName[0], [['site-7', 1]])
    assert.deepEqual(kinds[0], [
      ['text', 2],
      ['isolateDevice', 1],
    ])
    assert.deepEqual(sources[0], [
      ['dataLossPrevention', 1],
      ['microsoftSentinel', 1],
    ])
    assert.deepEqual(namedSource[0], [['dataLossPrevention', 1]])
    assert.deepEqual(sourced[0], [['active', 1]])
    assert.equal(absent.status, 404)
  })
}
