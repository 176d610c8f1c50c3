import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')

/** The races of design reliability 2.6, in their order; two rows are cut in two where the design joins cases. */
const races = 19

test('every race of the design has its row in docs/safety.md, and every test a row names is there', () => {
  const page = readFileSync(join(root, 'docs/safety.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('.test.ts'))

  assert.ok(rows.length >= races, `${rows.length} rows`)
  for (const row of rows) {
    const files = [...row.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map((match) => match[1] ?? '')
    const texts = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
    assert.ok(files.length > 0, row)
    for (const [, name = ''] of row.matchAll(/"([^"]+)"/g)) assert.ok(texts.includes(name), `${name}: ${row}`)
  }
})
