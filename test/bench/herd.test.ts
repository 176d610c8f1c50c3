import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureHerd } from '../../bench/herd/run.ts'
import { measureIsolation } from '../../bench/isolation.ts'

test('a small herd connects, takes commands and a rule, and is back after the server was started anew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-herd-'))
  t.after(() => rm(folder, { recursive: true }))

  const rows = await measureHerd(folder, { agents: 8, idleSeconds: 1, commands: 2 }, () => {})

  assert.equal(rows.length, 12)
  for (const { name, value } of rows) assert.ok(Number.isFinite(value) && value >= 0, `${name}: ${value}`)
})

test('a host is isolated and released for the bench, or it is said why not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-bench-'))
  t.after(() => rm(folder, { recursive: true }))
  const said: string[] = []

  const rows = await measureIsolation(folder, 1, (text) => said.push(text))

  if (said.length > 0) return t.skip(said.join())
  assert.equal(rows.length, 8)
  for (const { name, value } of rows) assert.ok(value > 0, `${name}: ${value}`)
})
