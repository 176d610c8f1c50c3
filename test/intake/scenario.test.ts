import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openFile } from '../../src/cli/ingest-file.ts'
import { scoreOf } from '../../src/intake/correlation/summary.ts'
import { normaliseRecord } from '../../src/intake/intake.ts'
import { isRejection } from '../../src/intake/normalised.ts'
import { prepareAlerts } from '../../src/intake/prepared.ts'
import { openRecords } from '../../src/intake/reading/records.ts'
import { aitAds } from '../../src/intake/sources/ait-ads.ts'
import { goldenContext } from './golden.ts'
import { openMemory } from './memory.ts'

const path = fileURLToPath(new URL('../fixtures/data/ait-ads/russellmitchell.csv.xz', import.meta.url))

test('in four days of a small company the attack is one incident, and neither a heap of everything nor crumbs', async () => {
  const reader = openRecords(aitAds)
  const memory = openMemory()
  const labels = new Map<string, string>()
  const noise = new Map<string, boolean>()
  const take = (records: ReturnType<typeof reader.push>): void => {
    const alerts = records.flatMap((record) => {
      assert.ok('value' in record)
      const outcome = normaliseRecord(aitAds, record.value, goldenContext)
      assert.ok(outcome !== 'ignored' && !isRejection(outcome))
      const row = record.value as { event_label: string; time_label: string }
      return prepareAlerts('tenant', [outcome]).map(({ correlated }) => {
        labels.set(correlated.id, row.event_label)
        noise.set(correlated.id, row.event_label === '-' && row.time_label === 'false_positive')
        return correlated
      })
    })
    memory.receive(alerts)
  }
  for await (const chunk of (await openFile(path)).content) take(reader.push(chunk))
  take(reader.end())

  const parts = memory.partition()
  const caused = [...labels.values()].filter((label) => label !== '-').length
  const attack = parts
    .map((ids) => ({ ids, caused: ids.filter((id) => labels.get(id) !== '-').length }))
    .reduce((best, part) => (part.caused > best.caused ? part : best))
  const benign = attack.ids.filter((id) => noise.get(id)).length
  assert.equal(labels.size, 45_544)
  assert.ok(attack.caused / caused > 0.98, `${attack.caused} of ${caused} in one incident`)
  assert.ok(benign / attack.ids.length < 0.02, `${benign} benign of ${attack.ids.length}`)
  assert.ok(parts.length >= 20 && parts.length <= 100, `${parts.length} incidents`)
  const scores = [...memory.incidents.values()].filter(({ isOpen }) => isOpen).map(({ summary }) => scoreOf(summary))
  const own = memory.incidents.get(memory.incidentOf(attack.ids[0] ?? ''))
  assert.equal(own ? scoreOf(own.summary) : 0, Math.max(...scores), 'the attack stands on top')
})
