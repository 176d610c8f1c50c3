import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Cordon } from '../support/cordon.ts'
import { shareCordon } from '../support/shared-cordon.ts'
import { type HostileCase, readCases } from './case-file.ts'
import { runOnFullDisk } from './disk-full.ts'
import { type CaseResult, runCase } from './run-case.ts'
import { formatScore } from './score.ts'
import { openSlowly, type WireAnswer } from './wire.ts'

const cases = readCases<HostileCase>('bad-inputs')
/** Why each of the cases that cannot be run yet cannot. */
const notRun: Record<string, string> = JSON.parse(readFileSync(new URL('./not-run.json', import.meta.url), 'utf8'))
const results: CaseResult[] = []

after(() => console.log(formatScore(results, notRun)))

test('the hostile cases are all here', () => {
  assert.ok(cases.length >= 273)
  assert.equal(new Set(cases.map(({ id }) => id)).size, cases.length)
})

// The failures that are recorded one by one are limited to ten a second, and these cases look for their record.
const pauseMs = (item: HostileCase): number => (item.group === 'authn' ? 110 : 0)

// 200 connections whose headers never end, opened before everything else: the other cases run beside them.
const slowloris = cases.find(({ id }) => id === 'tr-15-slowloris')
const slow = shareCordon().then(openSlowConnections)

async function openSlowConnections(cordon: Cordon): Promise<{ closed: Promise<WireAnswer[]> }> {
  const [beginning = ''] = (slowloris?.raw ?? '').replace('{{host}}', new URL(cordon.url).host).split('{{slow')
  const opened = await Promise.all(Array.from({ length: 200 }, () => openSlowly(cordon, beginning)))
  const closed = Promise.all(opened.map(({ answer }) => answer))
  // Looked at only after the other cases; a failure until then is not unhandled.
  closed.catch(() => undefined)
  return { closed }
}

// A volume of its own fills up under a server of its own.
const diskFull = cases.find(({ id }) => id === 'in-29-diskfull')

for (const item of cases) {
  if (item === slowloris || item === diskFull) continue
  test(`${item.group} ${item.id}: ${item.why}`, async (t) => {
    await slow
    await new Promise((resolve) => setTimeout(resolve, pauseMs(item)))
    const result = await runCase(await shareCordon(), item)
    results.push(result)
    if (!result.run) {
      t.diagnostic(`not run: ${result.reason}`)
      return
    }
    assert.ok(![500, 502, 504].includes(result.status), `answered ${result.status}`)
    assert.deepEqual(result.faults, [])
  })
}

test('ingest in-29-diskfull: on a full volume nothing is accepted that is not stored, and it passes with the cause', async (t) => {
  assert.ok(diskFull)
  const result = await runOnFullDisk(t, diskFull)
  results.push(result)
  if (!result.run) t.skip(result.reason)
})

test('at least 99 of 100 cases that are run get the status they should', () => {
  const run = results.filter((result) => result.run)
  const good = run.filter((result) => result.isStatusGood)
  const bad = run.filter((result) => !result.isStatusGood).map(({ id, status }) => `${id} ${status}`)

  assert.ok(good.length / run.length >= 0.99, bad.join(', '))
})

test('the cases that cannot be run yet are the listed ones and no others', () => {
  const ids = results.filter((result) => !result.run).map(({ id }) => id)
  // A machine may forbid to mount the volume, and says so in its test.
  const listed = [...Object.keys(notRun), ...ids.filter((id) => id === diskFull?.id)]

  assert.deepEqual(ids.sort(), listed.sort())
})

test('transport tr-15-slowloris: 200 connections whose headers never end are closed within 20 s, and held nobody up', async () => {
  const answers = await (await slow).closed

  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([408]))
  assert.ok(Math.max(...answers.map((answer) => answer.tookMs)) < 20_000)
  results.push({ id: 'tr-15-slowloris', group: 'transport', run: true, status: 408, isStatusGood: true, faults: [] })
})
