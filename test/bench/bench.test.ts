import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianOf, pickSome, seededRandom } from '../../bench/random.ts'
import { openRawWriter, readWritten } from '../../bench/raw-writes.ts'
import { meetsTarget, type Row, ratioOf, renderJson, renderTable } from '../../bench/report.ts'
import { seedIncidents } from '../../bench/seed.ts'
import { randomIds, systemClock } from '../../src/io/clock.ts'
import { changeIncident } from '../../src/respond/review-incident.ts'
import { openStore } from '../../src/store/db.ts'
import { onEnd } from '../support/cleanup.ts'
import { makeDatabase } from '../support/databases.ts'

const read: Row = {
  name: 'read',
  value: 500,
  unit: 'requests/s',
  floor: 1_000,
  target: { of: 'ratio', least: 0.4 },
}

test('a ratio is met from its least on, a value up to its most', () => {
  const idle: Row = { name: 'idle', value: 150, unit: 'MiB', target: { of: 'value', most: 150 } }

  assert.equal(ratioOf(read), 0.5)
  assert.equal(meetsTarget(read), true)
  assert.equal(meetsTarget({ ...read, value: 399 }), false)
  assert.equal(meetsTarget(idle), true)
  assert.equal(meetsTarget({ ...idle, value: 150.1 }), false)
  assert.equal(meetsTarget({ name: 'free', value: 1, unit: 'ms' }), null)
})

test('the table says which targets are missed, the JSON has every figure', () => {
  const table = renderTable([read, { ...read, name: 'slow', value: 10 }])
  const json = JSON.parse(renderJson([read], {}))

  assert.match(table, /^read .* 0\.50 .*met$/m)
  assert.match(table, /^slow .* 0\.01 .*MISSED$/m)
  assert.equal(json.rows[0].ratio, 0.5)
  assert.equal(json.machine.node, process.version)
})

test('what is picked and in which order is the same on every run', () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index)

  assert.deepEqual(pickSome(numbers, 10, 1), pickSome(numbers, 10, 1))
  assert.notDeepEqual(pickSome(numbers, 10, 1), pickSome(numbers, 10, 2))
  assert.equal(new Set(pickSome(numbers, 200, 1)).size, 100)
  assert.equal(seededRandom(7)(), seededRandom(7)())
  assert.equal(medianOf([9, 1, 5]), 5)
})

test('the floor of a PATCH writes the rows that the PATCH wrote', async (t) => {
  const [changed, copied] = [await makeDatabase(t, 'sqlite'), await makeDatabase(t, 'sqlite')]
  for (const path of [changed, copied]) {
    const store = await openStore(path)
    onEnd(t, () => store.close())
    const { activeIds } = await seedIncidents(store, 'tenant', 20)
    const actor = { tenantId: 'tenant', id: 'bench', kind: 'system', name: 'bench' } as const
    if (path === copied) continue
    for (const id of activeIds) {
      await changeIncident({ store, clock: systemClock, ids: randomIds }, actor, id, { status: 'inProgress' })
    }
  }
  const written = readWritten(changed, 100)

  const raw = openRawWriter(copied, written)
  // A busy disk takes few of them in any given time.
  while (readWritten(copied, 1_000).length < written.length) raw.run(0.3)
  raw.close()

  const rows = readWritten(copied, 1_000)
  assert.ok(written.length > 5 && rows.length >= written.length)
  const plain = ({ audit, event, incident }: (typeof rows)[number]): unknown[] => [
    audit.object_id,
    event.change,
    incident,
  ]
  const newest = new Map(rows.map((row) => [row.audit.object_id, plain(row)]))
  for (const row of written) assert.deepEqual(newest.get(row.audit.object_id), plain(row))
})
