import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureHerd } from '../../bench/herd/run.ts'

test('a small herd connects, takes commands, and is back after the server was started anew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-herd-'))
  t.after(() => rm(folder, { recursive: true }))

  const rows = await measureHerd(folder, { agents: 8, idleSeconds: 1, commands: 2 }, () => {})

  assert.equal(rows.length, 7)
  for (const { name, value } of rows) assert.ok(Number.isFinite(value) && value >= 0, `${name}: ${value}`)
})
