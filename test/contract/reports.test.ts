import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spreadByWeek, startOfWeek } from '../../src/api/v1/reports/weeks.ts'
import { instantOf, msOf } from '../../src/io/clock.ts'
import { startCordon } from '../support/cordon.ts'
import { databaseKinds } from '../support/databases.ts'
import { giveTenant } from '../support/given.ts'

const minute = 60_000
const hour = 60 * minute
const ago = (ms: number): string => instantOf(Date.now() - ms)

test('weeks begin on Monday in UTC, and a stretch belongs to the week it began in; the spread is by nearest rank', () => {
  const week = instantOf(startOfWeek(msOf('2026-11-22T23:59:59.0000000Z')))
  const from = '2026-11-18T10:00:00.0000000Z'
  const stretches = Array.from({ length: 10 }, (_, index) => ({
    from,
    to: instantOf(msOf(from) + (index + 1) * 1_000),
  }))

  const [before, spread] = spreadByWeek(['2026-11-09T00:00:00.0000000Z', week], stretches)

  assert.equal(week, '2026-11-16T00:00:00.0000000Z')
  assert.deepEqual(before, { count: 0, p50Seconds: null, p90Seconds: null })
  assert.deepEqual(spread, { count: 10, p50Seconds: 5, p90Seconds: 9 })
})

for (const databaseKind of databaseKinds) {
  test(`on ${databaseKind} the reports say what is open, how long it took whom, how runs ended and how alerts are spread`, async (t) => {
    const cordon = await startCordon(t, { databaseKind })
    const tenant = await giveTenant(cordon)
    const other = await giveTenant(cordon)
    await other.incident({ severity: 'high' })
    const young = await tenant.incident({ severity: 'high', createdDateTime: ago(5 * minute) })
    const old = await tenant.incident({ severity: 'high', createdDateTime: ago(30 * hour) })
    await tenant.incident({ severity: 'low', createdDateTime: ago(400 * hour) })
    await tenant.incident({ severity: 'low', status: 'resolved', createdDateTime: ago(2 * hour) })
    await tenant.incident({ status: 'redirected', createdDateTime: ago(hour) })
    const taskId = await tenant.task(young, { createdDateTime: ago(4 * minute) })
    await tenant.execution(taskId, 'succeeded')
    await tenant.execution(await tenant.task(young), 'failed')
    await tenant.task(young, {
      createdDateTime: ago(3 * minute),
      lastModifiedDateTime: ago(minute),
      status: 'notRelevant',
    })
    const reader = await tenant.as('reader')
    await (await tenant.as('responder')).patch(`/beta/security/incidents/${old}`, { status: 'resolved' })
    const fetch = async (path: string) => (await reader.get(`/api/v1/reports/${path}`)).body

    const [ageing, times, actions, alerts, activity] = await Promise.all(
      ['ageing', 'times?weeks=4', 'actions', 'alerts?weeks=4', 'activity'].map(fetch),
    )

    assert.deepEqual(
      ageing.value.map((row: Record<string, unknown>) => [row.severity, row.counts]),
      [
        ['high', [1, 0, 0, 0, 0, 0]],
        ['low', [0, 0, 0, 0, 0, 1]],
      ],
    )
    assert.equal(ageing.value[0].oldest.incidentId, young)
    const sums = (measure: string): number =>
      times.value.reduce((sum: number, week: Record<string, { count: number }>) => sum + (week[measure]?.count ?? 0), 0)
    assert.deepEqual(['acknowledge', 'resolve', 'expert', 'customer'].map(sums), [2, 2, 3, 3])
    assert.equal(times.newestOnly, false)
    const { expert, customer, resolve } = times.value.at(-1)
    if (expert.count === 3) assert.ok(Math.abs(expert.p50Seconds - 120) < 30, JSON.stringify(expert))
    if (customer.count === 3)
      assert.ok(customer.p90Seconds >= 235 && customer.p90Seconds < 300, JSON.stringify(customer))
    if (resolve.count === 2) assert.ok(resolve.p90Seconds >= 30 * 3_600, JSON.stringify(resolve))
    assert.deepEqual(actions.value, [{ actionType: 'isolateDevice', states: { failed: 1, succeeded: 1 } }])
    const { value: hours } = activity
    assert.equal(hours.length, 24)
    assert.deepEqual(
      hours.map(({ hour }: { hour: string }) => hour),
      hours.map((_: unknown, index: number) => instantOf(msOf(hours[0].hour) + index * hour)),
    )
    // Three incidents of the last hours; those of 30 and 400 hours ago are no part of it.
    assert.equal(
      hours.reduce((sum: number, { incidents }: { incidents: number }) => sum + incidents, 0),
      3,
    )
    assert.deepEqual([alerts.counts.reduce((sum: number, one: number) => sum + one, 0), alerts.merged], [4, 1])
  })
}
